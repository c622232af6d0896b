"""How the program looks: colours, fonts, icons and the one style sheet. Nothing here knows a page."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontDatabase,
    QGuiApplication,
    QIcon,
    QImage,
    QPainter,
    QPalette,
    QPixmap,
    QPixmapCache,
)
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication


@dataclass(frozen=True, slots=True)
class Tokens:
    """The colours of one theme, as #rrggbb."""

    name: str
    background: str
    surface: str
    sidebar: str
    border: str
    text: str
    muted: str
    accent: str
    on_accent: str
    selected: str
    ok: str
    warning: str
    error: str
    hover: str
    field: str


LIGHT = Tokens(
    "light",
    background="#f6f7f9",
    surface="#ffffff",
    sidebar="#fbfbfc",
    border="#e3e6eb",
    text="#1c2330",
    muted="#5d687b",  # look.md's #667085 is 4.6:1 on white but 4.3:1 on the background
    accent="#2f5fe3",
    on_accent="#ffffff",
    selected="#e6edff",
    ok="#0d6e4e",
    warning="#985006",
    error="#bf2b39",
    hover="#eef0f4",
    field="#ffffff",
)
DARK = Tokens(
    "dark",
    background="#12151b",
    surface="#191d25",
    sidebar="#151920",
    border="#2a303b",
    text="#e6e9ef",
    muted="#98a2b3",
    accent="#6c93ff",
    on_accent="#0d1220",
    selected="#26345c",
    ok="#3ecf8e",
    warning="#f0a94b",
    error="#ff6b78",
    hover="#222833",
    field="#151920",
)

_current = LIGHT


def tokens() -> Tokens:
    """The theme that is on."""
    return _current


def _blend(over: str, under: str, share: float) -> str:
    a, b = QColor(over), QColor(under)

    def channel(x: int, y: int) -> int:
        return round(x * share + y * (1 - share))

    return QColor(channel(a.red(), b.red()), channel(a.green(), b.green()), channel(a.blue(), b.blue())).name()


def tint(colour: str, share: float = 0.12) -> str:
    """A soft background of this colour on the current surface, for pills and banners."""
    return _blend(colour, _current.surface, share)


def system_prefers_dark() -> bool:
    """What the desktop asks for, where Qt can tell."""
    return QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark


@cache
def _load_fonts() -> tuple[str, str]:
    families = {}
    for path in sorted(files("resources").joinpath("fonts").iterdir(), key=lambda p: p.name):
        if path.name.endswith((".otf", ".ttf")):
            number = QFontDatabase.addApplicationFontFromData(QByteArray(path.read_bytes()))
            # The other weights announce families of their own ("Inter Semi Bold") beside the one we ask for.
            if "-Regular" in path.name:
                families[path.name.split("-", 1)[0]] = QFontDatabase.applicationFontFamilies(number)[0]
    return families.get("Inter", "sans-serif"), families.get("JetBrainsMono", "monospace")


def font(size: float = 13, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    """Inter in pixels, ligatures off (they would show ik_7x2k as another identifier)."""
    made = QFont(_load_fonts()[0])
    made.setPixelSize(round(size))
    made.setWeight(weight)
    made.setFeature(QFont.Tag("calt"), 0)
    made.setFeature(QFont.Tag("liga"), 0)
    return made


def mono(size: float = 12) -> QFont:
    """JetBrains Mono in pixels, ligatures off."""
    made = QFont(_load_fonts()[1])
    made.setPixelSize(round(size))
    made.setStyleHint(QFont.StyleHint.Monospace)
    made.setFeature(QFont.Tag("calt"), 0)
    made.setFeature(QFont.Tag("liga"), 0)
    return made


@cache
def _svg(name: str) -> bytes:
    return files("resources").joinpath("icons", f"{name}.svg").read_bytes()


def pixmap(name: str, colour: str, size: int = 18, ratio: float = 2.0) -> QPixmap:
    """One of our icons in one colour, at `size` logical pixels. Drawn once: a table paints it for every row."""
    key = f"{name} {colour} {size} {ratio}"
    kept = QPixmap()
    if QPixmapCache.find(key, kept):
        return kept
    renderer = QSvgRenderer(QByteArray(_svg(name).replace(b"#000000", colour.encode())))
    image = QImage(QSize(round(size * ratio), round(size * ratio)), QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    renderer.render(painter, QRectF(0, 0, size * ratio, size * ratio))
    painter.end()
    made = QPixmap.fromImage(image)
    made.setDevicePixelRatio(ratio)
    QPixmapCache.insert(key, made)
    return made


def icon(name: str, colour: str | None = None, size: int = 18) -> QIcon:
    """An icon tinted with `colour` (default: the text colour), greyed when disabled."""
    made = QIcon(pixmap(name, colour or _current.text, size))
    made.addPixmap(pixmap(name, _blend(_current.muted, _current.surface, 0.55), size), QIcon.Mode.Disabled)
    return made


def app_icon() -> QIcon:
    """The program's mark."""
    made = QIcon()
    for size in (16, 24, 32, 48, 64, 128, 256):
        made.addPixmap(pixmap("app", "#000000", size, 1.0))
    return made


@cache
def _arrow_files(colour: str) -> str:
    """Style sheets take an image only from a file: write the tinted arrow to the session's temporary folder."""
    folder = Path(tempfile.gettempdir()) / f"sso-workbench-{os.getuid() if hasattr(os, 'getuid') else 0}"
    folder.mkdir(mode=0o700, exist_ok=True)
    for name in ("chevron-down", "chevron-right", "chevron-left", "check"):
        (folder / f"{name}-{colour[1:]}.svg").write_bytes(_svg(name).replace(b"#000000", colour.encode()))
    return folder.as_posix()


def _palette(t: Tokens) -> QPalette:
    p = QPalette()
    role = QPalette.ColorRole
    for which, colour in (
        (role.Window, t.background),
        (role.WindowText, t.text),
        (role.Base, t.field),
        (role.AlternateBase, t.hover),
        (role.Text, t.text),
        (role.Button, t.surface),
        (role.ButtonText, t.text),
        (role.ToolTipBase, t.surface),
        (role.ToolTipText, t.text),
        (role.Highlight, t.selected),
        (role.HighlightedText, t.text),
        (role.PlaceholderText, t.muted),
        (role.Link, t.accent),
        (role.LinkVisited, t.accent),
        (role.Accent, t.accent),
        (role.Light, t.surface),
        (role.Midlight, t.border),
        (role.Mid, t.border),
        (role.Dark, t.border),
        (role.Shadow, t.border),
        (role.BrightText, t.error),
    ):
        p.setColor(which, QColor(colour))
    faint = QColor(_blend(t.muted, t.surface, 0.7))
    for which in (role.Text, role.ButtonText, role.WindowText):
        p.setColor(QPalette.ColorGroup.Disabled, which, faint)
    return p


def _style_sheet(t: Tokens) -> str:
    arrows = _arrow_files(t.muted)
    ticks = _arrow_files(t.on_accent)
    return f"""
QWidget {{ color: {t.text}; }}
QMainWindow, QWidget#page, QStackedWidget, QScrollArea, QWidget#scrolled {{ background: {t.background}; }}
QScrollArea {{ border: none; }}
QFrame#card QScrollArea, QFrame#card QWidget#scrolled, QFrame#card QWidget#plain, QFrame#card QStackedWidget {{
  background: {t.surface}; }}
QAbstractScrollArea::corner {{ background: transparent; border: none; }}
QWidget#sidebar {{ background: {t.sidebar}; border-right: 1px solid {t.border}; }}
QFrame#card {{ background: {t.surface}; border: 1px solid {t.border}; border-radius: 10px; }}
QFrame#plain {{ border: none; background: transparent; }}
QFrame#line {{ background: {t.border}; border: none; max-height: 1px; min-height: 1px; }}
QLabel {{ background: transparent; }}
QLabel[tone="muted"] {{ color: {t.muted}; }}
QLabel[tone="error"] {{ color: {t.error}; }}
QLabel[tone="warning"] {{ color: {t.warning}; }}
QLabel[tone="ok"] {{ color: {t.ok}; }}
QLabel[tone="accent"] {{ color: {t.accent}; }}
QToolTip {{ background: {t.surface}; color: {t.text}; border: 1px solid {t.border}; padding: 4px 6px; }}
QPushButton {{ background: {t.surface}; border: 1px solid {t.border}; border-radius: 8px; padding: 0 14px;
  min-height: 30px; font-weight: 500; }}
QPushButton:hover {{ background: {t.hover}; }}
QPushButton:pressed {{ background: {t.selected}; }}
QPushButton:focus {{ border: 1px solid {t.accent}; }}
QPushButton:disabled {{ color: {_blend(t.muted, t.surface, 0.7)}; background: {t.surface}; }}
QPushButton[kind="primary"] {{ background: {t.accent}; color: {t.on_accent}; border: 1px solid {t.accent}; }}
QPushButton[kind="primary"]:hover {{ background: {_blend(t.accent, t.text, 0.88)}; }}
QPushButton[kind="primary"]:focus {{ border: 2px solid {_blend(t.accent, t.text, 0.5)}; }}
QPushButton[kind="primary"]:disabled {{ background: {_blend(t.accent, t.surface, 0.4)};
  border-color: transparent; color: {t.on_accent}; }}
QPushButton[kind="danger"] {{ color: {t.error}; }}
QPushButton[kind="danger"]:disabled {{ color: {_blend(t.muted, t.surface, 0.7)}; }}
QPushButton[kind="flat"] {{ background: transparent; border: 1px solid transparent; padding: 0 8px; }}
QPushButton[kind="flat"]:hover {{ background: {t.hover}; }}
QPushButton[kind="flat"]:checked {{ background: {t.selected}; color: {t.accent}; }}
QPushButton[kind="flat"]:focus {{ border: 1px solid {t.accent}; }}
QPushButton[kind="nav"] {{ background: transparent; border: 1px solid transparent; border-radius: 8px; padding: 0 12px;
  text-align: left; min-height: 32px; color: {t.muted}; font-weight: 500; }}
QPushButton[kind="nav"]:hover {{ background: {t.hover}; }}
QPushButton[kind="nav"]:checked {{ background: {t.selected}; color: {t.accent}; }}
QPushButton[kind="nav"]:focus {{ border: 1px solid {t.accent}; }}
QLineEdit, QComboBox, QSpinBox, QDateTimeEdit {{ background: {t.field}; border: 1px solid {t.border};
  border-radius: 8px; padding: 0 10px; min-height: 30px; selection-background-color: {t.selected};
  selection-color: {t.text}; }}
QLineEdit:focus, QComboBox:focus, QSpinBox:focus, QDateTimeEdit:focus, QPlainTextEdit:focus {{
  border: 1px solid {t.accent}; }}
QLineEdit:disabled, QComboBox:disabled {{ color: {t.muted}; background: {t.background}; }}
QLineEdit[readOnly="true"] {{ background: {t.background}; }}
QComboBox::drop-down, QDateTimeEdit[calendarPopup="true"]::drop-down {{ border: none; width: 26px; }}
QComboBox::down-arrow, QDateTimeEdit[calendarPopup="true"]::down-arrow {{
  image: url({arrows}/chevron-down-{t.muted[1:]}.svg); width: 16px; height: 16px; }}
QCalendarWidget QToolButton#qt_calendar_prevmonth {{ qproperty-icon: url({arrows}/chevron-left-{t.muted[1:]}.svg); }}
QCalendarWidget QToolButton#qt_calendar_nextmonth {{ qproperty-icon: url({arrows}/chevron-right-{t.muted[1:]}.svg); }}
QComboBox QAbstractItemView {{ background: {t.surface}; border: 1px solid {t.border}; padding: 4px;
  selection-background-color: {t.selected}; selection-color: {t.text}; outline: none; }}
QSpinBox::up-button, QSpinBox::down-button, QDateTimeEdit::up-button, QDateTimeEdit::down-button {{ width: 0;
  border: none; }}
QAbstractSpinBox QLineEdit {{ background: transparent; border: none; border-radius: 0; padding: 0; min-height: 0; }}
QPlainTextEdit, QTextEdit {{ background: {t.field}; border: 1px solid {t.border}; border-radius: 8px; padding: 6px;
  selection-background-color: {t.selected}; selection-color: {t.text}; }}
QCheckBox, QRadioButton {{ spacing: 8px; background: transparent; }}
QCheckBox::indicator, QRadioButton::indicator, QTreeView::indicator {{ width: 16px; height: 16px;
  border: 1px solid {t.muted};
  border-radius: 4px; background: {t.field}; }}
QRadioButton::indicator {{ border-radius: 9px; }}
QCheckBox::indicator:checked, QTreeView::indicator:checked {{ background: {t.accent}; border-color: {t.accent};
  image: url({ticks}/check-{t.on_accent[1:]}.svg); }}
QCheckBox::indicator:indeterminate {{ background: {t.selected}; border-color: {t.accent}; }}
QRadioButton::indicator:checked {{ border: 5px solid {t.accent}; width: 8px; height: 8px; }}
QCheckBox:focus, QRadioButton:focus {{ color: {t.accent}; }}
QTableView, QTreeView, QListView {{ background: {t.surface}; border: none; outline: none; gridline-color: transparent;
  selection-background-color: {t.selected}; selection-color: {t.text}; alternate-background-color: {t.surface}; }}
QTableView::item {{ border-bottom: 1px solid {t.border}; padding: 0 6px; }}
QTreeView::item {{ min-height: 26px; }}
QTableView::item:selected, QTreeView::item:selected, QListView::item:selected {{ background: {t.selected};
  color: {t.text}; }}
QTreeView::branch {{ background: {t.surface}; }}
QTreeView::branch:has-children:closed {{ image: url({arrows}/chevron-right-{t.muted[1:]}.svg); }}
QTreeView::branch:has-children:open {{ image: url({arrows}/chevron-down-{t.muted[1:]}.svg); }}
QHeaderView {{ background: {t.surface}; border: none; }}
QHeaderView::section {{ background: {t.surface}; color: {t.muted}; border: none; border-bottom: 1px solid {t.border};
  padding: 6px; font-weight: 600; }}
QTableCornerButton::section {{ background: {t.surface}; border: none; }}
QTabWidget::pane {{ border: none; }}
QTabBar {{ background: transparent; }}
QTabBar::tab {{ background: transparent; color: {t.muted}; border: none; border-bottom: 2px solid transparent;
  padding: 7px 14px; font-weight: 500; }}
QTabBar::tab:selected {{ color: {t.accent}; border-bottom: 2px solid {t.accent}; }}
QTabBar::tab:hover {{ color: {t.text}; }}
QTabBar::tab:focus {{ color: {t.accent}; }}
QTabBar::scroller {{ width: 44px; }}
QTabBar QToolButton {{ background: {t.surface}; border: none; border-radius: 6px; }}
QTabBar QToolButton:hover {{ background: {t.hover}; }}
QTabBar QToolButton::left-arrow {{ image: url({arrows}/chevron-left-{t.muted[1:]}.svg); width: 16px; height: 16px; }}
QTabBar QToolButton::right-arrow {{ image: url({arrows}/chevron-right-{t.muted[1:]}.svg); width: 16px; height: 16px; }}
QSplitter::handle {{ background: transparent; }}
QStatusBar {{ background: {t.sidebar}; border-top: 1px solid {t.border}; color: {t.muted}; }}
QStatusBar QLabel {{ color: {t.muted}; }}
QStatusBar QLabel[tone="error"] {{ color: {t.error}; font-weight: 600; }}
QStatusBar::item {{ border: none; }}
QMenu {{ background: {t.surface}; border: 1px solid {t.border}; padding: 4px; }}
QMenu::item {{ padding: 6px 18px; border-radius: 6px; }}
QMenu::item:selected {{ background: {t.selected}; }}
QMenu::item:disabled {{ color: {t.muted}; }}
QMenu::separator {{ height: 1px; background: {t.border}; margin: 4px 8px; }}
QProgressBar {{ background: {t.hover}; border: none; border-radius: 4px; min-height: 8px; max-height: 8px; }}
QProgressBar::chunk {{ background: {t.accent}; border-radius: 4px; }}
QScrollBar:vertical {{ background: transparent; width: 10px; margin: 2px; }}
QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 2px; }}
QScrollBar::handle {{ background: {_blend(t.muted, t.surface, 0.35)}; border-radius: 3px; min-height: 28px;
  min-width: 28px; }}
QScrollBar::handle:hover {{ background: {_blend(t.muted, t.surface, 0.6)}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QDialog {{ background: {t.background}; }}
"""


def apply(application: QApplication, choice: str = "system") -> Tokens:
    """Put a theme on: "light", "dark" or "system". At once, for every window."""
    global _current
    dark = choice == "dark" or (choice == "system" and system_prefers_dark())
    _current = DARK if dark else LIGHT
    if application.style().objectName() != "fusion":
        application.setStyle("fusion")
    application.setFont(font())
    application.setPalette(_palette(_current))
    application.setStyleSheet(_style_sheet(_current))
    return _current
