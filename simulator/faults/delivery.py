"""Good messages that are sent wrongly: another method or media type, no length, chunks, a body that never ends."""

from __future__ import annotations

from urllib.parse import urlencode

from simulator.delivery import Delivery
from simulator.draft import Draft
from simulator.faults.registry import Family, Stage

transport = Family("transport", stage=Stage.HTTP, kind="U")


def _sent(fault_id: str, summary: str, check: str, how: Delivery, *accepts: str, reference: str = "") -> None:
    def apply(d: Draft) -> None:
        d.delivery = how

    transport.row(fault_id, apply, summary, check, *accepts, reference=reference, signs="assertion")


@transport.fault("tr-get-instead-of-post", "http-method", reference="saml-profiles §4.1.2", signs="assertion")
def _(d: Draft) -> None:
    """The fields of the form are in the query string of a GET."""
    d.delivery = Delivery(method="GET", content_type=None, length="none")
    d.query = urlencode(d.form)
    d.body = b""


_sent("tr-put-instead-of-post", "The form is sent with PUT.", "http-method", Delivery(method="PUT"))
_sent(
    "tr-wrong-content-type",
    "The form says that it is text/xml.",
    "http-content-type",
    Delivery(content_type="text/xml"),
    reference="saml-bindings §3.5.4",
)
_sent(
    "tr-content-type-json",
    "The form says that it is JSON.",
    "http-content-type",
    Delivery(content_type="application/json"),
)
_sent(
    "tr-content-type-multipart",
    "The form says that it is multipart/form-data, and is not.",
    "http-content-type",
    Delivery(content_type="multipart/form-data; boundary=x"),
)
_sent("tr-content-type-missing", "There is no Content-Type.", "http-content-type", Delivery(content_type=None))
_sent("tr-no-length", "There is no Content-Length.", "http-length", Delivery(length="none"), reference="RFC 9110 §8.6")
_sent(
    "tr-length-negative",
    "Content-Length is negative.",
    "http-length",
    Delivery(length="negative"),
    reference="RFC 9112 §6.3",
)
_sent(
    "tr-length-twice",
    "Content-Length is there twice, with different values, as in request smuggling.",
    "http-length",
    Delivery(length="twice"),
    reference="RFC 9112 §6.3",
)
_sent("tr-chunked", "The body comes in chunks.", "http-length", Delivery(chunked=True), reference="RFC 9112 §7.1")
_sent(
    "tr-slow-body",
    "The body stops in the middle and never goes on: the server must hang up and serve others meanwhile.",
    "http-timeout",
    Delivery(stalls=True),
    reference="slowloris",
)
_sent(
    "tr-body-shorter-than-said",
    "Content-Length promises more than is sent.",
    "http-timeout",
    Delivery(length="long"),
)
_sent(
    "tr-header-flood",
    "Sixty-four kibibytes of header fields.",
    "http-headers",
    Delivery(headers=tuple((f"X-Flood-{n}", "x" * 1000) for n in range(64))),
    reference="RFC 6585 §5",
)
_sent(
    "tr-foreign-host",
    "The Host field names another server, as after DNS rebinding.",
    "http-host",
    Delivery(host="evil.example"),
    reference="RFC 9110 §7.2",
)


@transport.fault("tr-body-huge", "http-size", signs="nothing", reference="CVE-2025-54572")
def _(d: Draft) -> None:
    """The body has eight mebibytes, announced as such."""
    d.delivery = Delivery()
    d.body = urlencode([*d.form, ("padding", "x" * 8_388_608)]).encode()
