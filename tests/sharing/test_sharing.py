"""app.sharing: the same report in four forms, in none of which a pasted value can act or, redacted, be found."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from app.saml.report import ProvisioningSummary, Report
from app.sharing import (
    NotRedacted,
    gather,
    html_document,
    markdown,
    render_html,
    render_json,
    render_markdown,
    render_text,
)
from app.sharing.markdown import _code, _sentence
from tests.saml.signing_samples import build, sign, the, xml
from tests.saml.test_redact import AT, assert_clean, canaries, judged

RENDERERS = (render_html, render_markdown, render_text, render_json)
HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=https://evil.test/x onerror=alert(1)>",
    "[click](javascript:alert(1)) ![x](https://evil.test/p.png)",
    "```\n# Accepted\n```",
    "@somebody #12 https://evil.test www.evil.test",
    "\u202egnp.exe \u200b\u0007\x1b[31m".replace("\u0007", "").replace("\x1b", ""),
    '"><svg/onload=alert(1)>',
    "{{ 7 * 7 }} {% raw %}",
    "=HYPERLINK(1)\nACCEPTED",
    "`a` ``b``",
)


class Page(HTMLParser):
    """What a browser would see: elements, attributes, text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(k, v or "") for k, v in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def hostile(value: str) -> Report:
    root = build(value)
    statement = the(root, "saml:Assertion", "saml:AttributeStatement")
    statement[1][0].text = value
    statement[1].set("FriendlyName", value)
    statement[2].set("Name", value)
    root.set("Destination", value)
    the(root, "samlp:Status", "samlp:StatusCode").set("Value", value)
    summary = ProvisioningSummary("refused", "x", f"Not let in: {value}", (("full_name", value, value, False),))
    return judged(xml(root), name=value).with_provisioning(summary, allowed=False)


@pytest.fixture(scope="module")
def report() -> Report:
    root = canaries()
    sign(the(root, "saml:Assertion"))
    return judged(xml(root))


@pytest.mark.parametrize("render", RENDERERS)
def test_redacted_forms_hold_no_canary(render: Callable[..., str], report: Report) -> None:
    assert "Quixotelle" in render(report, redacted=False)
    outcome = render(report, redacted=True, at=AT)
    assert_clean(outcome)
    assert "2026-11-24T08:00:00Z" in outcome
    assert report.sha256 in outcome


@pytest.mark.parametrize("render", RENDERERS)
def test_every_form_says_the_same(render: Callable[..., str], report: Report) -> None:
    text = render(report, redacted=False)
    text = Page(text).text if render is render_html else text.replace("\\", "")
    for d in report.diagnosis:
        assert d.title in text
    for c in report.failures:
        assert c.id in text
    for needed in ("Quixotelle", report.issuer or "", report.sha256, "rsa-sha256", "imagekit_role", "developer"):
        assert needed in text


def test_causes_come_before_findings_and_failures_before_the_rest(report: Report) -> None:
    content = gather(report, redacted=False)
    order = ["fail", "warn", "skipped", "info"]
    statuses = [c["status"] for c in content.findings]
    assert statuses == sorted(statuses, key=order.index)
    assert content.passed == sum(str(c.status) == "pass" for c in report.checks) > 50
    assert len(gather(report, redacted=False, every_check=True).findings) == len(report.checks)
    text = render_text(report, redacted=False)
    assert text.index(report.diagnosis[0].title) < text.index("Findings")


def test_the_message_itself_leaves_only_masked(report: Report) -> None:
    """Whoever has an unmasked assertion may sign in with it."""
    assert gather(report, redacted=False).xml == ""
    for render in RENDERERS:
        assert "SubjectConfirmationData " not in render(report, redacted=False)
    masked = gather(report, redacted=True).xml
    assert etree.fromstring(masked.encode()).tag == "{urn:oasis:names:tc:SAML:2.0:protocol}Response"
    assert masked in Page(render_html(report, redacted=True)).text or "SubjectConfirmationData " in masked


def test_times_are_in_order_and_what_is_none_comes_last() -> None:
    root = build()
    the(root, "saml:Assertion", "saml:AuthnStatement").set("AuthnInstant", "Quixotelle")
    content = gather(judged(xml(root)), redacted=False)
    assert content.instants[0] == ("Valid from", "2026-11-23T19:59:00Z")
    assert content.instants[-1] == ("Signed in", "Quixotelle")
    known = [at for _, at in content.instants[:-1]]
    assert known == sorted(known)
    assert gather(judged(xml(root)), redacted=True).instants[-1] == ("Signed in", "not a time")


def test_what_would_leak_is_not_delivered(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.saml.redact._Writer._text", lambda _self, _local, text, _claim: text)
    for render in RENDERERS:
        with pytest.raises(NotRedacted, match="would still be found"):
            render(report, redacted=True)


# HTML -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("redacted", [False, True])
def test_html_runs_and_loads_nothing(value: str, redacted: bool) -> None:
    html = render_html(hostile(value), redacted=redacted)
    page = Page(html)
    assert html.startswith("<!doctype html>")
    allowed = {
        "html", "head", "meta", "title", "style", "body", "article", "section", "h1", "h2", "p", "b", "br", "table",
        "tr", "th", "td", "code", "span", "pre",
    }  # fmt: skip
    assert set(page.elements) <= allowed
    assert {name for name, _ in page.attributes} <= {"lang", "charset", "http-equiv", "content", "name", "class"}
    policy = next(v for k, v in page.attributes if k == "content" and "default-src" in v)
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert "url(" not in html.partition("</style>")[0]
    assert "@import" not in html.partition("</style>")[0]
    assert not re.search("[\u200b\u202e\x00-\x08\x0b-\x1f]", html)
    if not redacted:
        shown = re.sub("[\u200b\u202e]", lambda m: f"⟨U+{ord(m[0]):04X}⟩", value)
        assert shown in page.text


def test_many_reports_are_one_file(report: Report) -> None:
    html = "".join(html_document(gather(r, redacted=True) for r in [report, report]))
    page = Page(html)
    assert page.elements.count("article") == 2
    assert page.elements.count("html") == 1


# Markdown and text ----------------------------------------------------------------------------------------------------


def without_code(text: str) -> str:
    """Markdown without its fences, code spans and escaped characters, found as CommonMark says (§2.4, §6.1)."""
    text = re.sub(r"(?m)^(`{3,})xml\n.*?\n\1$", "", text, flags=re.DOTALL)
    rest = []
    at = 0
    while at < len(text):
        ticks = re.compile("`+").match(text, at)
        if ticks is not None:
            closing = re.compile(rf"(?<!`){ticks[0]}(?!`)").search(text, ticks.end())
            at = closing.end() if closing else ticks.end()
            rest.append("" if closing else ticks[0])
        elif text[at] == "\\" and re.match(r"\\[^\w\s]", text[at:]):
            at += 2
        else:
            rest.append(text[at])
            at += 1
    return "".join(rest)


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("redacted", [False, True])
def test_markdown_is_inert(value: str, redacted: bool) -> None:
    rest = without_code(render_markdown(hostile(value), redacted=redacted))
    assert not re.search(r"[<>\[\]`@]|://|www\.", rest), rest
    headings = re.findall(r"(?m)^#+ .*", rest)
    assert "# Accepted" not in headings
    assert not re.search("[\u200b\u202e]", rest)


@pytest.mark.parametrize("value", HOSTILE)
def test_no_value_begins_a_line_of_text(value: str) -> None:
    text = render_text(hostile(value), redacted=False)
    assert "ACCEPTED" not in text.splitlines()
    assert not re.search("[\u200b\u202e\x00-\x08\x0b-\x1f]", text)


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("plain words", "plain words"),
        ("- a list", r"\- a list"),
        ("1. a list", r"1\. a list"),
        ("*b* [x](y) <i> #1", r"\*b\* \[x\]\(y\) \<i\> `#1`"),
        ("see https://a.test now", "see `https://a.test` now"),
        ("ask ada@a.test", "ask `ada@a.test`"),
        ("a :tada: b", r"a \:tada: b"),
    ],
)
def test_sentences(text: str, made: str) -> None:
    assert _sentence(text) == made


@given(st.text(alphabet="`ab \n", min_size=1, max_size=12))
def test_code_spans_close(text: str) -> None:
    made = _code(text)
    if made.startswith("`"):
        ticks = re.match("`+", made)
        assert ticks is not None
        inner = made[len(ticks[0]) : -len(ticks[0])]
        assert ticks[0] not in re.findall("`+", inner)
        assert made.endswith(ticks[0])
        assert not inner.startswith("`")


def test_json_is_the_report(report: Report) -> None:
    assert json.loads(render_json(report, redacted=False)) == report.as_dict()
    masked = json.loads(render_json(report, redacted=True))
    assert masked["redaction"]["verdict_before"] == report.verdict
    assert masked["schema"] == report.as_dict()["schema"]


def test_markdown_is_what_gather_found(report: Report) -> None:
    assert markdown(gather(report, redacted=False)) == render_markdown(report, redacted=False)
