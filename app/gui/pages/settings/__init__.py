"""The settings page: a frame with one section, in a module of its own, under each of its tabs."""

from app.gui.pages.settings.page import SettingsPage

__all__ = ["SettingsPage"]
