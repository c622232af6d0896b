"""Why metadata cannot be used: it is somebody else's or not metadata at all, or something in it is missing or over."""

from __future__ import annotations

from functools import partial

from app.saml.diagnoses.registry import Diagnosis, row, said

_Row = partial(Diagnosis, stage="metadata", shown_by="metadata")

row(
    _Row(
        id="metadata-wrong-kind",
        number="D45",
        title="This is not the metadata that is wanted",
        who="sp-admin",
        checks=("md-root", "md-idp-role", "md-protocol"),
        cause=said,
        consequences=("group:metadata",),
        fault="xml-metadata-pasted",
        companions=("not-a-saml-response",),
    )
)
row(
    _Row(
        id="metadata-unusable",
        number="D46",
        title="The metadata has run out, or something that is needed is missing in it",
        who="idp-admin",
        checks=("md-valid-until", "md-sso-endpoint", "md-entityid", "md-signing-key", "md-endpoint-scheme"),
        cause=said,
    )
)
row(
    _Row(
        id="metadata-odd",
        number="D46",
        title="The metadata can be used, but something in it wants a look",
        who="idp-admin",
        checks=(
            "md-valid-until",
            "md-endpoint-scheme",
            "md-endpoint-host",
            "md-cache-duration",
            "md-key-quality",
            "md-keyinfo-kind",
            "md-want-authnrequests-signed",
        ),
        cause=said,
        warnings=True,
    )
)
