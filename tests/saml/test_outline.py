from __future__ import annotations

from app.saml.outline import Outline, fold, outline

DOCUMENT = b"""<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_r"><saml:Assertion
xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_a"><saml:Subject><saml:NameID>a@b.test<!--x-->.evil</saml:NameID
>
</saml:Subject><saml:Conditions NotBefore="2026-01-01T00:00:00Z"/></saml:Assertion></samlp:Response>"""


def lines(made: Outline) -> list[str]:
    return made.text.splitlines()


def test_every_element_has_a_line_and_a_place() -> None:
    made = outline(DOCUMENT)
    path = "/samlp:Response/saml:Assertion/saml:Conditions"
    assert lines(made)[made.line_of(path) - 1].strip() == '<saml:Conditions NotBefore="2026-01-01T00:00:00Z"/>'
    assert made.line_of(path + "/@NotBefore") == made.line_of(path)
    assert made.line_of(path + "/saml:NoSuchThing") == made.line_of(path)
    assert made.line_of(None) == 0


def test_the_tree_has_the_same_content() -> None:
    root = outline(DOCUMENT).root
    assert root is not None
    assertion = root.children[1]
    assert [n.name for n in assertion.children] == ["@ID", "saml:Subject", "saml:Conditions"]


def test_a_comment_in_an_identifier_is_shown() -> None:
    """Viewers that hide it show another name than the one that is signed (CVE-2017-11427)."""
    made = outline(DOCUMENT)
    assert "<!--x-->" in made.text
    root = made.root
    assert root is not None
    name_id = root.children[1].children[1].children[0]
    assert [(n.kind, n.value) for n in name_id.children] == [("text", "a@b.test"), ("comment", "x"), ("text", ".evil")]


def test_what_is_signed_is_marked() -> None:
    made = outline(DOCUMENT, frozenset({"_a"}))
    root = made.root
    assert root is not None
    assert not root.signed
    assert root.children[1].signed
    first, last = made.signed_lines[0]
    assert lines(made)[first - 1].strip().startswith("<saml:Assertion")
    assert lines(made)[last - 1].strip() == "</saml:Assertion>"


def test_base64_is_folded_and_text_is_not() -> None:
    assert fold("QUJD" * 100) == "QUJD" * 12 + "… (400 characters)"
    assert fold("word " * 100) == "word " * 100


def test_what_is_no_xml_is_shown_as_received() -> None:
    made = outline(b"<oops")
    assert (made.root, made.text, made.lines) == (None, "<oops", {})


def test_a_line_leads_back_to_its_element() -> None:
    made = outline(DOCUMENT)
    path = "/samlp:Response/saml:Assertion"
    found = made.element_at(made.line_of(path + "/saml:Conditions"))
    assert found is not None
    assert found.path == path + "/saml:Conditions"
    closing = lines(made).index("  </saml:Assertion>") + 1
    at_the_end = made.element_at(closing)
    assert at_the_end is not None
    assert at_the_end.path == path
    assert made.element_at(0) is None
    assert made.element_at(999) is None


def test_a_place_leads_to_its_node_or_the_nearest_above() -> None:
    made = outline(DOCUMENT)
    path = "/samlp:Response/saml:Assertion/saml:Conditions"
    for below, name in (("", "saml:Conditions"), ("/@NotBefore", "@NotBefore"), ("/x", "saml:Conditions")):
        node = made.node_of(path + below)
        assert node is not None
        assert node.name == name
    assert made.node_of("/other") is None
    assert made.node_of(None) is None
    assert outline(b"<oops").node_of("/a") is None
