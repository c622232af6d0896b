"""The only XML parser call of the program: bytes to a bounded, inspected tree, and the accessors that are safe on it.

It judges form (charset, DTD, limits, identifiers, stray nodes) and nothing that SAML says about content.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, Literal

from lxml import etree

from app.saml.errors import Place, Problem
from app.saml.expectation import Limits
from app.saml.message import Text
from app.saml.names import DS, MD, PREFIXES, SAML, SAMLP, XENC, XML, XSI, q
from app.saml.xmlbytes import (
    NO_DTD,
    charset_problem,
    dtd_problems,
    namespace_problem,
    node_problem,
    syntax_problem,
    too_expensive,
)

_PREFIX_OF: Final = {uri: prefix for prefix, uri in PREFIXES.items()}
_XINCLUDE: Final = "http://www.w3.org/2001/XInclude"

#: Elements whose whole text identifies somebody or something: a child node inside splits what readers see.
_ONE_TEXT: Final = frozenset(q(SAML, n) for n in ("NameID", "Issuer", "Audience", "AttributeValue"))
_TRIMMED_BY_SOME: Final = frozenset(q(SAML, n) for n in ("NameID", "Issuer", "Audience"))
_COMMENT_FORGES: Final = _ONE_TEXT | {q(SAML, "Attribute"), q(DS, "Signature")}
_FETCHED: Final = frozenset({q(_XINCLUDE, "include"), q(DS, "RetrievalMethod"), q(XENC, "CipherReference")})
_SCHEMA_HINTS: Final = frozenset({q(XSI, "schemaLocation"), q(XSI, "noNamespaceSchemaLocation")})
_ID_NAMES: Final = frozenset({"ID", "Id", "id", q(XML, "id")})
_ID_LIKE: Final = frozenset(
    {"ID", "Id", "id", "InResponseTo", "Destination", "Recipient", "Algorithm", "URI", "Version", "xmlns"}
)
#: The attributes without a namespace whose values are looked at; those with one are looked at all.
_WATCHED: Final = frozenset({"ID", "Id", "id", "Recipient", "Destination"})
#: The usual attributes whose values are not, so that most elements are passed by with one question.
_HARMLESS: Final = frozenset(
    {
        "Algorithm", "AuthnInstant", "Format", "FriendlyName", "InResponseTo", "IssueInstant", "Method", "Name",
        "NameFormat", "NotBefore", "NotOnOrAfter", "SessionIndex", "SessionNotOnOrAfter", "URI", "Value", "Version",
    }
)  # fmt: skip
#: What the usual prefixes must stand for; a look-alike URI under a well-known prefix misleads people and bad parsers.
_KNOWN_PREFIXES: Final = {
    "saml": SAML,
    "saml2": SAML,
    "samlp": SAMLP,
    "saml2p": SAMLP,
    "md": MD,
    "ds": DS,
    "dsig": DS,
    "xenc": XENC,
}
_USUAL_BINDINGS: Final = {prefix.encode(): uri.encode() for prefix, uri in _KNOWN_PREFIXES.items()}
_MAX_PER_CHECK: Final = 20

_XMLNS: Final = re.compile(rb"""xmlns(?::([^\s=]{1,200}))?\s*=\s*(?:"([^"<]*)"|'([^'<]*)')""")
_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+\Z")
# Close to NCName (XML-NS §2): a letter or underscore, then letters, digits, full stop, hyphen, underscore, middle dot.
_NCNAME: Final = re.compile(r"[^\W\d][\w.\-·]*\Z")


#: One element as parse() walked past it: its Clark name, its attributes' names, all its children, comments too, and
#: their tags (a comment's is a function). A plain tuple, because a named one costs four times as much to make.
Element = tuple[etree._Element, str, Sequence[str], Sequence[etree._Element], Sequence[Any]]


def walk(root: etree._Element) -> Iterator[Element]:
    """The elements of a tree in document order, for a tree that parse() has not made."""
    for el in root.iter(etree.Element):
        children = el[:]
        yield el, str(el.tag), el.keys(), children, [c.tag for c in children]


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """A document that kept every limit. `data` are exactly the bytes parsed (UTF-8, without a byte order mark).

    `elements` are all its elements in document order, as parse() walked past them, so that no later stage walks the
    tree again. `places` tells where they stand; whoever asks shares what others have asked before.
    """

    data: bytes
    root: etree._Element
    places: Places
    elements: Sequence[Element]
    _by_tag: Mapping[str, list[etree._Element]] = field(repr=False)

    def named(self, *tags: str) -> Sequence[etree._Element]:
        """The elements with one of these Clark names, in document order."""
        by_tag = self._by_tag
        found = [by_tag[tag] for tag in tags if tag in by_tag]
        if len(found) < 2:
            return found[0] if found else ()
        if len(found) == 2 and found[0][0] is self.root and len(found[0]) == 1:  # as Response and Assertion
            return [self.root, *found[1]]
        return list(self.root.iter(*tags))


@dataclass(frozen=True, slots=True, eq=False)
class Parsed:
    """What parse() made of some bytes. `document` is None where they were refused; `problems` then say why."""

    document: Document | None
    problems: tuple[Problem, ...]


def hardened_parser() -> etree.XMLParser:
    """A new parser that resolves, fetches, repairs and drops nothing (security.md C1)."""
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        recover=False,
        remove_comments=False,
        remove_pis=False,
        collect_ids=False,
    )


def parse(data: bytes, limits: Limits | None = None) -> Parsed:
    """Parse untrusted bytes. Never raises.

    Charset, size, DTD, depth, node, attribute, namespace and relative-namespace violations refuse the document; other
    findings are reported beside it. Cost is linear in the size and bounded by the limits.
    """
    limits = limits or Limits()
    if problems := too_expensive(data, limits):
        return Parsed(None, problems)
    data = data.removeprefix(b"\xef\xbb\xbf")
    if problem := charset_problem(data):
        return Parsed(None, (problem,))
    if problems := dtd_problems(data):
        return Parsed(None, problems)
    parser = hardened_parser()
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as e:
        return Parsed(None, (syntax_problem(data, parser, e, limits),))
    except (ValueError, MemoryError, RecursionError) as e:  # lxml raises these for input it will not even try
        return Parsed(None, (Problem("xml-wellformed", f"The XML could not be parsed: {e}."),))
    docinfo = root.getroottree().docinfo
    if docinfo.internalDTD is not None or docinfo.externalDTD is not None:
        return Parsed(None, (Problem("xml-no-dtd", NO_DTD, "no DOCTYPE", "a DOCTYPE"),))
    if docinfo.xml_version != "1.0":
        message = f"The document says it is XML {docinfo.xml_version}. SAML messages are XML 1.0."
        return Parsed(None, (Problem("xml-wellformed", message, "1.0", docinfo.xml_version, Place("/", 1)),))
    form = _Form(limits, measure_text=len(data) > limits.text_bytes)
    if form.namespaces(data, root) and form.elements(root):
        return Parsed(Document(data, root, form.place, form.seen, form.by_tag), tuple(form.problems))
    return Parsed(None, tuple(form.problems))


# The walk over the tree -----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Form:
    """Everything about form that the tree shows, found in one pass. Its methods return False to refuse the document."""

    limits: Limits
    measure_text: bool
    problems: list[Problem] = field(default_factory=list)
    seen: list[Element] = field(default_factory=list)
    by_tag: dict[str, list[etree._Element]] = field(default_factory=dict)
    _counts: dict[tuple[str, str | None], int] = field(default_factory=dict)
    _ids: dict[str, etree._Element] = field(default_factory=dict)
    place: Places = field(default_factory=lambda: Places())  # noqa: PLW0108  defined below

    def found(
        self,
        check: str,
        message: str,
        at: etree._Element | Place | None = None,
        *,
        expected: str | None = None,
        actual: str | None = None,
        attribute: str | None = None,
        severity: Literal["error", "warning", "info"] | None = None,
    ) -> None:
        """File a problem, but no more than some of a kind; errors go before those that only warn."""
        count = self._counts[check, severity] = self._counts.get((check, severity), 0) + 1
        if count > _MAX_PER_CHECK:
            return
        where = self.place(at) if isinstance(at, etree._Element) else at
        if where is not None and attribute:
            where = Place(f"{where.path}/@{_qname(attribute, None)}", where.line)
        problem = Problem(check, message, expected, actual, where, severity)
        milder = next((i for i, p in enumerate(self.problems) if p.check == check and p.severity is not None), None)
        if severity is None and milder is not None:
            self.problems.insert(milder, problem)
        else:
            self.problems.append(problem)

    def _enough(self, check: str, severity: str | None = None) -> bool:
        return self._counts.get((check, severity), 0) >= _MAX_PER_CHECK

    def namespaces(self, data: bytes, root: etree._Element) -> bool:
        """Limits and rules for namespace declarations (XML-NS; C14N 1.0 §2.3).

        A scan of the bytes answers for ordinary documents. Only where it leaves a doubt is the tree asked, because
        asking every element for its namespaces is what makes a hostile document expensive.
        """
        declared = _XMLNS.findall(data)
        if len(declared) != data.count(b"xmlns") or len(declared) > self.limits.namespaces_in_scope:
            return self._namespaces_exactly(root)
        bindings: dict[bytes, bytes] = {}
        for prefix, double, single in declared:
            uri = double or single
            if _USUAL_BINDINGS.get(prefix) == uri:
                doubt = bindings.setdefault(prefix, uri) != uri
            elif prefix:
                doubt = (
                    bindings.setdefault(prefix, uri) != uri
                    or _KNOWN_PREFIXES.get(prefix.decode("utf-8", "replace"), "") not in ("", uri.decode())
                    or not _ABSOLUTE.match(uri.decode())
                )
            else:
                doubt = bool(uri) and not _ABSOLUTE.match(uri.decode())
            if doubt:
                return self._namespaces_exactly(root)
        return True

    def _namespaces_exactly(self, root: etree._Element) -> bool:
        limit = self.limits.namespaces_in_scope
        stack: list[str] = []
        scope: dict[str, int] = {}
        bindings: dict[str, str] = {}
        for event, what in etree.iterwalk(root, events=("start-ns", "end-ns")):
            if event == "end-ns":
                prefix = stack.pop()
                scope[prefix] -= 1
                if not scope[prefix]:
                    del scope[prefix]
                continue
            prefix, uri = (part or "" for part in what)  # type: ignore[union-attr]  # start-ns gives a pair
            stack.append(prefix)
            scope[prefix] = scope.get(prefix, 0) + 1
            # Redeclaring one prefix on every level costs canonicalisation too, hence the second bound.
            if len(scope) > limit or len(stack) > 4 * limit:
                self.problems.append(namespace_problem(len(stack), limit))
                return False
            if not (_ABSOLUTE.match(uri) or (not uri and not prefix)):
                self.found(
                    "xml-relative-namespace",
                    f"The namespace name “{uri[:80]}” is not an absolute URI. Canonicalising such a document fails, "
                    "and libraries that ignore the failure accept forged signatures; the document is refused.",
                    expected="an absolute URI",
                    actual=uri[:200],
                )
                return False
            if prefix and (bindings.setdefault(prefix, uri) != uri or _KNOWN_PREFIXES.get(prefix, uri) != uri):
                usual = _KNOWN_PREFIXES.get(prefix, bindings[prefix])
                self.found(
                    "xml-prefix-rebinding",
                    f"The prefix “{prefix[:40]}” stands for “{uri[:120]}” here and usually for “{usual[:120]}”. "
                    "Readers that look at prefixes take one for the other.",
                    expected=usual[:200],
                    actual=uri[:200],
                )
        return True

    def elements(self, root: etree._Element) -> bool:
        """Everything else, element by element in document order.

        One loop does it all, and asks lxml for nothing twice: this is the only walk that every message costs.
        """
        self._siblings_of_root(root)
        limits, measure, seen, by_tag = self.limits, self.measure_text, self.seen, self.by_tag
        nodes = list(root.iter())
        too_deep = _first_deeper(root, limits.depth) if len(nodes) > limits.depth else None
        for el in nodes:
            tag = el.tag
            if not isinstance(tag, str):
                self._stray(el)
                continue
            if el is too_deep:
                message = f"The elements are nested more than {limits.depth} deep; such a document is not read."
                at, allowed = Place("/", el.sourceline or 0), f"at most {limits.depth} levels"
                self.found("xml-depth-limit", message, at, expected=allowed, actual=f"{limits.depth + 1} levels")
                return False
            # Counted first, and by their names: lxml reads the values of n attributes in n² steps.
            attributes = el.keys()
            if attributes and not (
                _HARMLESS.issuperset(attributes) and len(attributes) <= limits.attributes_per_element
            ):
                if len(attributes) > limits.attributes_per_element:
                    too_many = node_problem(
                        f"{len(attributes):,} attributes on one element",
                        f"at most {limits.attributes_per_element} attributes on an element",
                        place(el),
                    )
                    self.problems.append(too_many)
                    return False
                for key in attributes:
                    if key in _WATCHED or key[0] == "{":
                        self._attribute(el, key, el.get(key) or "")
            if measure and self._text_too_long(el):
                return False
            children: Sequence[etree._Element] = ()
            tags: Sequence[Any] = ()
            if len(el):
                children = el[:]
                tags = [child.tag for child in children]
            seen.append((el, tag, attributes, children, tags))
            if tag in by_tag:
                by_tag[tag].append(el)
            else:
                by_tag[tag] = [el]
            if tag in _ONE_TEXT:
                if children or tag in _TRIMMED_BY_SOME:
                    self._identity(el, tag, children)
            elif tag in _FETCHED and not (el.get("URI") or "").startswith("#"):
                message = f"{name_of(el)} points to something outside the message. It is never fetched."
                self.found("xml-no-external-ref", message, el)
        if len(nodes) > limits.nodes:
            self.problems.append(node_problem(f"{len(nodes):,} nodes", f"at most {limits.nodes:,} nodes"))
            return False
        return True

    def _siblings_of_root(self, root: etree._Element) -> None:
        for preceding in (True, False):
            for node in root.itersiblings(preceding=preceding):
                if isinstance(node, etree._ProcessingInstruction) and node.target == "xml-stylesheet":
                    message = "The document names a style sheet. It is never fetched."
                    self.found("xml-no-external-ref", message, Place("/", node.sourceline or 0))
                elif isinstance(node, etree._Comment):
                    self._comment_outside(Place("/comment()", node.sourceline or 0))

    def _comment_outside(self, at: Place) -> None:
        message = "There is a comment in the message, outside of any value. It does no harm, and no IdP needs it."
        self.found("xml-comments", message, at, severity="warning")

    def _stray(self, node: Any) -> None:
        """A comment, processing instruction or entity reference below the root."""
        parent: etree._Element = node.getparent()
        line = node.sourceline or 0
        if node.tag is etree.Comment:
            # Past the bound only the parent is asked: a flood of deep comments must not cost a climb each.
            enough = self._enough("xml-comments", "warning")
            holder: etree._Element | None = parent
            while holder is not None and holder.tag not in _COMMENT_FORGES:
                holder = None if enough else holder.getparent()
            if holder is not None and not self._enough("xml-comments"):
                message = (
                    f"There is a comment inside {name_of(holder)}. Software that reads only the text before it sees "
                    "another value than the one that was signed (CVE-2017-11427)."
                )
                at = Place(self.place(parent).path + "/comment()", line)
                self.found("xml-comments", message, at, expected="no comment", actual=_short(str(node)))
            elif holder is None and not enough:
                self._comment_outside(Place(self.place(parent).path + "/comment()", line))
        elif node.tag is etree.ProcessingInstruction:
            if self._enough("xml-no-pi"):
                return
            at = Place(self.place(parent).path + "/processing-instruction()", line)
            message = "There is a processing instruction in the message. Signing keeps it, and readers differ over it."
            self.found("xml-no-pi", message, at, expected="none", actual=_short(str(node)))
            if node.target == "xml-stylesheet":
                self.found("xml-no-external-ref", "The document names a style sheet. It is never fetched.", at)
        else:
            message = "There is an entity reference in the message."
            self.found("xml-no-entity", message, parent, actual=_short(str(node)))

    def _text_too_long(self, el: etree._Element) -> bool:
        longest = max(len(el.text or ""), len(el.tail or ""))
        if longest <= self.limits.text_bytes:
            return False
        limit = f"at most {self.limits.text_bytes:,} characters in one text"
        self.problems.append(node_problem(f"a text of {longest:,} characters", limit, place(el)))
        return True

    def _attribute(self, el: etree._Element, key: str, value: str) -> None:
        if key in _ID_NAMES:
            self._identifier(el, key, value)
        if key[0] == "{":
            local = key.rpartition("}")[2]
            if local in _ID_LIKE:
                self.found(
                    "xml-attribute-pollution",
                    f"{name_of(el)} carries an attribute “{local}” in a namespace ({key[1:].partition('}')[0]}). "
                    "Libraries disagree about whether it or the plain one is meant.",
                    el,
                    expected=f"the plain attribute {local} only",
                    actual=f"{key}={value[:80]}",
                )
                if local in ("ID", "Id", "id") and key not in _ID_NAMES:
                    self._identifier(el, key, value)
            elif key in _SCHEMA_HINTS:
                message = f"{name_of(el)} names a schema by address. It is never fetched, and a message needs none."
                self.found("xml-no-external-ref", message, el, actual=value[:200], severity="warning")
        elif (key == "Recipient" or key == "Destination") and value != value.strip():
            self._whitespace(el, f"{name_of(el)}/@{key}", value, key)

    def _identifier(self, el: etree._Element, key: str, value: str) -> None:
        """One value per document over ID, Id, id and xml:id (saml-core §1.3.4), whatever the schema says."""
        first = self._ids.setdefault(value, el)
        if first is not el and not self._enough("xml-id-unique"):
            self.found(
                "xml-id-unique",
                f"The identifier “{value[:80]}” stands on two elements: {name_of(first)} (line {first.sourceline}) and "
                f"{name_of(el)} (line {el.sourceline}). A signature over it can be read as covering either.",
                el,
                expected="each ID once",
                actual=value[:200],
                attribute=key,
            )
        if not _NCNAME.match(value) and not self._enough("xml-id-ncname"):
            why = "begins with a digit" if value[:1].isdigit() else "is not an XML name"
            self.found(
                "xml-id-ncname",
                f"The identifier “{value[:80]}” of {name_of(el)} {why}. IDs begin with a letter or “_” and hold no "
                "blank or colon; strict libraries refuse others.",
                el,
                expected="an NCName such as _4f2a...",
                actual=value[:200],
                attribute=key,
            )

    def _identity(self, el: etree._Element, tag: str, children: Sequence[etree._Element]) -> None:
        if children:
            self._children_in_value(el, tag, children)
        elif tag in _TRIMMED_BY_SOME and el.text and el.text != el.text.strip():
            self._whitespace(el, name_of(el), el.text, None)

    def _children_in_value(self, el: etree._Element, tag: str, children: Sequence[etree._Element]) -> None:
        if tag == q(SAML, "AttributeValue") and all(isinstance(c.tag, str) for c in children):
            # A value that is XML as a whole is legitimate (eduPersonTargetedID); text beside elements is not.
            texts = [el.text, *(c.tail for c in children)]
            if not any(t and t.strip() for t in texts):
                return
        kind = "an element" if isinstance(children[0].tag, str) else "a comment or processing instruction"
        self.found(
            "xml-mixed-content",
            f"{name_of(el)} holds {kind} beside its text. Readers that stop at it see only a part of the value.",
            el,
            expected="one run of text",
            actual=_short(str(el.xpath("string()"))),
        )

    def _whitespace(self, el: etree._Element, what: str, value: str, attribute: str | None) -> None:
        self.found(
            "xml-value-whitespace",
            f"{what} begins or ends with white space. Values are compared exactly (saml-core §1.3.1), so it does not "
            "equal the same value without it.",
            el,
            expected=value.strip()[:200],
            actual=repr(value[:200]),
            attribute=attribute,
        )


def _first_deeper(root: etree._Element, depth: int) -> etree._Element | None:
    """The first element in document order that is nested deeper than `depth` levels, the root being the first."""
    level = [root]
    for _ in range(depth):
        level = [child for el in level for child in el]
        if not level:
            return None
    return next((el for el in level if isinstance(el.tag, str)), None)


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."


# Accessors ------------------------------------------------------------------------------------------------------------


def name_of(el: etree._Element) -> str:
    """The element's name with the prefix this program uses for its namespace: "saml:Issuer"."""
    tag = str(el.tag)
    # Longer names are written by nobody, and are not kept.
    return (_usual_name(tag) if len(tag) < 128 else None) or _qname(tag, el.prefix)


@lru_cache(maxsize=1024)
def _usual_name(clark: str) -> str | None:
    """The name of an element in a namespace that has a usual prefix, whatever prefix the document uses."""
    return _qname(clark, None) if clark[1:].partition("}")[0] in _PREFIX_OF else None


def _qname(clark: str, own_prefix: str | None) -> str:
    if clark[:1] != "{":
        return clark
    uri, _, local = clark[1:].partition("}")
    prefix = _PREFIX_OF.get(uri, own_prefix)
    return f"{prefix}:{local}" if prefix else local


class Places:
    """Places of elements, each worked out once. Good for reading a whole message; use place() for a single element."""

    __slots__ = ("_children", "_known")

    def __init__(self) -> None:
        self._known: dict[etree._Element, Place] = {}
        self._children: dict[etree._Element, list[tuple[etree._Element, str, Place]]] = {}

    def __call__(self, el: etree._Element) -> Place:
        known = self._known.get(el)
        if known is not None:
            return known
        parent = el.getparent()
        if parent is None:
            self._known[el] = found = Place("/" + name_of(el), el.sourceline or 0)
            return found
        self.below(parent)
        return self._known[el]

    def below(self, parent: etree._Element) -> list[tuple[etree._Element, str, Place]]:
        """The child elements of an element, each with its Clark name and its place."""
        found = self._children.get(parent)
        if found is not None:
            return found
        above, known = self(parent).path, self._known
        children = [(child, tag) for child in parent if isinstance(tag := child.tag, str)]
        # Longer names are written by nobody, and are not kept.
        steps = [(_usual_name(tag) if len(tag) < 128 else None) or _qname(tag, c.prefix) for c, tag in children]
        if len(steps) > 1 and len(set(steps)) < len(steps):
            steps = _numbered(steps)
        found = self._children[parent] = []
        for (child, tag), step in zip(children, steps, strict=True):
            known[child] = at = _new(Place, (f"{above}/{step}", child.sourceline or 0))
            found.append((child, tag, at))
        return found


def _numbered(steps: list[str]) -> list[str]:
    """An index is given only among several of a name."""
    total = Counter(steps)
    so_far: dict[str, int] = {}
    numbered = []
    for step in steps:
        if total[step] > 1:
            so_far[step] = number = so_far.get(step, 0) + 1
            step = f"{step}[{number}]"
        numbered.append(step)
    return numbered


#: Makes a Place or Text without its generated constructor, which costs as much again; a message has a hundred of them.
_new = tuple.__new__


def place(el: etree._Element, attribute: str | None = None) -> Place:
    """Where an element (or an attribute of it) stands: prefixes of names.PREFIXES, [n] only among equal siblings."""
    found = Places()(el)
    return Place(f"{found.path}/@{_qname(attribute, None)}", found.line) if attribute else found


def text_of(el: etree._Element, at: Place) -> Text:
    """The text of an element, exactly as received. The one accessor for text that identifies anybody.

    `el.text` alone stops at the first child node, so an element with any child gives simple=False and all its text
    joined, for display only (CVE-2017-11427).
    """
    if len(el):
        return Text(str(el.xpath("string()")), at, simple=False)
    return _new(Text, (el.text or "", at, True))


def canonical(
    el: etree._Element,
    *,
    method: Literal["exclusive", "inclusive"] = "exclusive",
    with_comments: bool = False,
    prefixes: tuple[str, ...] = (),
) -> bytes:
    """The canonical form of an element with its ancestors' context (xml-exc-c14n, xml-c14n §2.4), without its tail.

    `prefixes` is InclusiveNamespaces/@PrefixList; "#default" is the default namespace. Raises etree.C14NError.
    """
    exclusive = method == "exclusive"
    if (not exclusive or prefixes) and el.getparent() is not None:
        el = _standalone(el)
    inclusive: list[str] | None = None
    if exclusive and prefixes:
        inclusive = ["" if p == "#default" else p for p in prefixes]
        if "" in inclusive:
            # lxml passes on only prefixes that the thread's dictionary knows: make it know the empty one.
            etree.fromstring(b'<a xmlns=""/>', hardened_parser())
    whole = etree.tostring  # its stubs do not know that c14n takes with_tail
    return whole(  # type: ignore[call-overload, no-any-return]
        el,
        method="c14n",
        exclusive=exclusive,
        with_comments=with_comments,
        inclusive_ns_prefixes=inclusive,
        with_tail=False,
    )


def _standalone(el: etree._Element) -> etree._Element:
    """A copy of an element as a document of its own, with the namespaces and xml: attributes it inherits.

    lxml writes a spurious xmlns="" when it canonicalises a sub-element whose default namespace is inherited.
    """
    copy = etree.fromstring(etree.tostring(el, with_tail=False), hardened_parser())
    for ancestor in el.iterancestors():
        for key, value in ancestor.items():
            if key.startswith(q(XML, "")) and key not in copy.attrib:
                copy.set(key, value)
    return copy
