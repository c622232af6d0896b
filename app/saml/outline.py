"""A document for the eye: a tree of frozen nodes and an indented text, with the way from a place to its line.

The text is for reading only: nothing is judged from it, and long base64 is folded. The report keeps the exact bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from lxml import etree

from app.saml.names import DS, q
from app.saml.xml import Places, name_of, parse

NodeKind = Literal["element", "attribute", "text", "comment", "instruction"]

_FOLD_FROM: Final = 160  # characters of unbroken text
_SIGNATURE: Final = q(DS, "Signature")


@dataclass(frozen=True, slots=True)
class Node:
    """A line of the tree. `line` and `last` are 1-based lines of the pretty text; `signed`: a signature covers it."""

    kind: NodeKind
    name: str
    value: str
    path: str
    line: int
    signed: bool
    children: tuple[Node, ...] = ()
    last: int = 0  # the line an element ends on; 0 for what is not an element


@dataclass(frozen=True, slots=True)
class Outline:
    """`root` is None where the bytes are no XML; `text` is then as received. `lines` maps XPath to pretty line."""

    root: Node | None
    text: str
    lines: dict[str, int]
    signed_lines: tuple[tuple[int, int], ...] = ()  # first and last pretty line of each signed element

    def line_of(self, path: str | None) -> int:
        """The line of a place, or of the nearest element above it; 0 where there is none."""
        while path:
            if path in self.lines:
                return self.lines[path]
            path = path.rpartition("/")[0]
        return 0

    def node_of(self, path: str | None) -> Node | None:
        """The node of a place, or of the nearest element above it; None where the place is not in this document."""
        best: Node | None = None
        below: tuple[Node, ...] = (self.root,) if self.root is not None and path else ()
        while step := next((n for n in below if n.path == path or f"{path}".startswith(f"{n.path}/")), None):
            best, below = step, step.children if step.kind == "element" and step.path != path else ()
        return best

    def element_at(self, line: int) -> Node | None:
        """The innermost element that a 1-based line belongs to; None outside of the document."""
        best: Node | None = None
        below: tuple[Node, ...] = (self.root,) if self.root is not None else ()
        while step := next((n for n in below if n.line <= line <= n.last), None):
            best, below = step, step.children
        return best


def outline(data: bytes, signed_ids: frozenset[str] = frozenset()) -> Outline:
    """Lay out a document. `signed_ids` are the IDs of elements that a valid, trusted signature covers."""
    parsed = parse(data)
    if parsed.document is None:
        return Outline(None, data.decode("utf-8", "replace"), {})
    writer = _Writer(signed_ids)
    root = writer.element(parsed.document.root, 0, signed=False)
    return Outline(root, "\n".join(writer.lines), writer.where, tuple(writer.signed))


def fold(text: str) -> str:
    """Long unbroken text (a certificate, a signature) shortened, with its length told."""
    compact = "".join(text.split())
    if len(compact) < _FOLD_FROM or " " in text.strip().replace("\n", ""):
        return text
    return f"{compact[:48]}… ({len(compact):,} characters)"


def _attribute_text(value: str) -> str:
    return value.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;").replace("\n", "&#10;")


def _content(value: str) -> str:
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


class _Writer:
    def __init__(self, signed_ids: frozenset[str]) -> None:
        self.lines: list[str] = []
        self.where: dict[str, int] = {}
        self.signed: list[tuple[int, int]] = []
        self._ids = signed_ids
        self._places = Places()

    def _put(self, depth: int, text: str) -> int:
        self.lines.append("  " * depth + text.replace("\n", " "))
        return len(self.lines)

    def _qualified(self, el: etree._Element) -> str:
        return f"{el.prefix}:{etree.QName(el).localname}" if el.prefix else etree.QName(el).localname

    def _attributes(self, el: etree._Element) -> list[tuple[str, str]]:
        parent = el.getparent()
        inherited = dict(parent.nsmap) if parent is not None else {}
        told = [
            (f"xmlns:{prefix}" if prefix else "xmlns", uri)
            for prefix, uri in el.nsmap.items()
            if inherited.get(prefix) != uri
        ]
        by_uri = {uri: prefix for prefix, uri in el.nsmap.items() if prefix}
        for key, value in el.attrib.items():
            name = etree.QName(str(key))
            prefix = "xml" if name.namespace and name.namespace.endswith("XML/1998/namespace") else None
            prefix = prefix or (by_uri.get(name.namespace) if name.namespace else None)
            told.append((f"{prefix}:{name.localname}" if prefix else name.localname, str(value)))
        return told

    def element(self, el: etree._Element, depth: int, *, signed: bool) -> Node:
        """Write one element and everything in it; returns its node."""
        signed = signed or (el.get("ID") or "") in self._ids
        covered = signed and el.tag != _SIGNATURE
        tag, path = self._qualified(el), self._places(el).path
        attributes = self._attributes(el)
        opening = "".join(f' {name}="{_attribute_text(value)}"' for name, value in attributes)
        children = list(el)
        text = el.text or ""
        mixed = bool(children) and bool(text.strip() or any((c.tail or "").strip() for c in children))
        first = len(self.lines) + 1
        nodes = [
            Node("attribute", f"@{name}", value, f"{path}/@{name}", first, covered)
            for name, value in attributes
            if not name.startswith("xmlns")
        ]
        self.where[path] = first
        for node in nodes:
            self.where[node.path] = first
        if not children:
            closing = f">{_content(fold(text))}</{tag}>" if text else "/>"
            self._put(depth, f"<{tag}{opening}{closing}")
        else:
            self._put(depth, f"<{tag}{opening}>")
            if mixed and text.strip():
                line = self._put(depth + 1, _content(text))
                nodes.append(Node("text", "text", text, path, line, covered))
            for child in children:
                nodes.append(self._child(child, depth + 1, path, covered))
                if mixed and (child.tail or "").strip():
                    line = self._put(depth + 1, _content(child.tail or ""))
                    nodes.append(Node("text", "text", child.tail or "", path, line, covered))
            self._put(depth, f"</{tag}>")
        if (el.get("ID") or "") in self._ids:
            self.signed.append((first, len(self.lines)))
        shown = fold(text) if not children else ""
        return Node("element", name_of(el), shown, path, first, covered, tuple(nodes), len(self.lines))

    def _child(self, child: etree._Element, depth: int, above: str, covered: bool) -> Node:
        if isinstance(child, etree._Comment):
            line = self._put(depth, f"<!--{child.text or ''}-->")
            return Node("comment", "comment", child.text or "", above, line, covered)
        if isinstance(child, etree._ProcessingInstruction):
            line = self._put(depth, f"<?{child.target} {child.text or ''}?>")
            return Node("instruction", f"?{child.target}", child.text or "", above, line, covered)
        return self.element(child, depth, signed=covered)
