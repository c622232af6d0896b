"""What the simulator's interface for programs looks like, in OpenAPI 3.1. It answers nothing itself."""

from __future__ import annotations

from typing import Any, Final

from simulator.tenant import TestUser

_STRING: Final[dict[str, Any]] = {"type": "string"}
_MAYBE: Final[dict[str, Any]] = {"type": ["string", "null"]}
_NUMBER: Final[dict[str, Any]] = {"type": "integer"}
_FLAG: Final[dict[str, Any]] = {"type": "boolean"}
_STRINGS: Final[dict[str, Any]] = {"type": "array", "items": _STRING}
_BASE64: Final[dict[str, Any]] = {"type": "string", "contentEncoding": "base64"}
_TIME: Final[dict[str, Any]] = {"type": "string", "format": "date-time"}


def user_object(u: TestUser) -> dict[str, Any]:
    """A person as JSON; null: the field is left out of messages, or all applications."""
    return {
        "username": u.username,
        "email": u.email,
        "full_name": u.full_name,
        "role": u.role,
        "imagekit_id": u.imagekit_id,
        "about": u.about,
        "enabled": u.enabled,
        "object_id": u.object_id,
        "applications": None if u.applications is None else list(u.applications),
        "attributes": {k: list(v) for k, v in u.attributes.items()},
    }


def _object(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {**required, **optional},
        "required": list(required),
        "additionalProperties": False,
    }


def _map(values: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": values}


def _list(name: str, schema: str, **more: Any) -> dict[str, Any]:
    return _object({**more, name: {"type": "array", "items": _ref(schema)}})


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


_VERDICT: Final = {"type": "string", "enum": ["accept", "reject", "refused-by-idp", "not-provisioned"]}
_FORM: Final = {"type": "array", "items": _object({"name": _STRING, "value": _STRING})}
_PERSON: Final[dict[str, Any]] = {
    "full_name": _MAYBE,
    "role": _MAYBE,
    "imagekit_id": _MAYBE,
    "about": _STRING,
    "enabled": _FLAG,
    "object_id": _STRING,
    "applications": {"type": ["array", "null"], "items": _STRING},
    "attributes": _map(_STRINGS),
}
_APPLICATION: Final[dict[str, Any]] = {
    "name": _STRING,
    "entity_id": _STRING,
    "acs_url": _STRING,
    "deliver_to": _MAYBE,
    "relay_state": _MAYBE,
    "logout_url": _MAYBE,
    "logout_by_redirect": _FLAG,
    "sign": {"type": ["string", "null"], "enum": ["assertion", "response", "both", "none", None]},
}

_SCHEMAS: Final[dict[str, Any]] = {
    "Error": _object({"error": _STRING}),
    "User": _object({"username": _STRING, "email": _STRING, **_PERSON}),
    "UserToPut": _object({"email": _STRING}, username=_STRING, **_PERSON),
    "Application": _object({"id": _STRING, **_APPLICATION, "encrypted": _FLAG, "claims": _map(_STRING)}),
    "ApplicationToPut": {
        "oneOf": [
            _object(
                {"entity_id": _STRING, "acs_url": _STRING},
                **{k: v for k, v in _APPLICATION.items() if k not in ("entity_id", "acs_url")},
                destination=_MAYBE,
                recipient=_MAYBE,
                name_id_format=_MAYBE,
                name_id_source=_STRING,
                signature_algorithm=_STRING,
                digest_algorithm=_STRING,
                encrypt_to=_MAYBE,
                encryption=_STRING,
                signing_certificate=_MAYBE,
                claims=_map(_STRING),
            ),
            _object({"metadata": _STRING}, entity=_MAYBE, encrypt=_FLAG, deliver_to=_MAYBE, relay_state=_MAYBE),
        ]
    },
    "Fault": _object(
        {
            "id": _STRING,
            "family": _STRING,
            "acts_on": {"type": "string", "enum": ["message", "metadata", "request"]},
            "summary": _STRING,
            "expects": _VERDICT,
            "checks": _STRINGS,
            "reference": _STRING,
        }
    ),
    "ActiveFaults": _object({"faults": _STRINGS}),
    "Clock": _object({"now": _TIME, "offset_seconds": _NUMBER, "stands_at": {**_TIME, "type": ["string", "null"]}}),
    "ClockToPut": _object({}, offset_seconds=_NUMBER, stands_at={**_TIME, "type": ["string", "null"]}),
    "Login": _object({"user": _STRING, "application": _STRING}, faults=_STRINGS, relay_state=_MAYBE, request=_MAYBE),
    "Message": _object(
        {
            "method": {"type": "string", "enum": ["GET", "POST"]},
            "url": _STRING,
            "headers": _map(_STRING),
            "body": _BASE64,
            "form": _FORM,
            "xml": _BASE64,
            "response_id": _MAYBE,
            "assertion_id": _MAYBE,
            "name_id": _MAYBE,
            "in_response_to": _MAYBE,
            "relay_state": _MAYBE,
            "faults": _STRINGS,
            "expected": _object({"verdict": _VERDICT, "checks": _STRINGS}),
            "at": _TIME,
        }
    ),
    "Exchange": _object(
        {
            "at": _TIME,
            "user": _STRING,
            "application": _STRING,
            "faults": _STRINGS,
            "in_response_to": _MAYBE,
            "refused": _MAYBE,
            "rule": _STRING,
            "request": {**_BASE64, "type": ["string", "null"]},
            "issued": {"oneOf": [_ref("Message"), {"type": "null"}]},
        }
    ),
    "Users": _list("users", "User", total=_NUMBER),
    "Applications": _list("applications", "Application"),
    "Faults": _list("faults", "Fault"),
    "Exchanges": _list("exchanges", "Exchange"),
}


def _verb(summary: str, answer: str | None = None, *, body: str | None = None, query: tuple[str, ...] = ()) -> Any:
    """One operation: what it answers (None: 204 without a body), what it takes."""
    verb: dict[str, Any] = {"summary": summary, "responses": {}}
    if answer is None:
        verb["responses"]["204"] = {"description": "Done."}
    else:
        verb["responses"]["200"] = {
            "description": "As asked.",
            "content": {"application/json": {"schema": _ref(answer)}},
        }
    verb["responses"]["default"] = {
        "description": "Refused, in one sentence.",
        "content": {"application/json": {"schema": _ref("Error")}},
    }
    if body is not None:
        verb["requestBody"] = {"required": True, "content": {"application/json": {"schema": _ref(body)}}}
    if query:
        verb["parameters"] = [{"name": n, "in": "query", "required": False, "schema": _STRING} for n in query]
    return verb


def _path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": _STRING}


DESCRIPTION: Final[dict[str, Any]] = {
    "openapi": "3.1.0",
    "info": {
        "title": "SSO Workbench simulator",
        "version": "1",
        "description": "A test identity provider for programs. What is changed here is gone with the process.",
    },
    "security": [{"token": []}],
    "paths": {
        "/v1/users": {
            "get": _verb("People whose name holds a text", "Users", query=("text", "application", "start", "count"))
        },
        "/v1/users/{username}": {
            "parameters": [_path("username")],
            "get": _verb("One person", "User"),
            "put": _verb("Add somebody, or put new values in place of the old", "User", body="UserToPut"),
            "delete": _verb("Delete somebody from the directory"),
        },
        "/v1/applications": {"get": _verb("The service providers", "Applications")},
        "/v1/applications/{id}": {
            "parameters": [_path("id")],
            "put": _verb("Add a service provider by hand or from its metadata", "Application", body="ApplicationToPut"),
            "delete": _verb("Forget a service provider"),
        },
        "/v1/faults": {"get": _verb("The catalogue of faults", "Faults")},
        "/v1/faults/active": {
            "get": _verb("The faults of every login", "ActiveFaults"),
            "put": _verb("Switch on exactly these faults; a+b is both at once", "ActiveFaults", body="ActiveFaults"),
        },
        "/v1/clock": {
            "get": _verb("The identity provider's clock", "Clock"),
            "put": _verb("Let it run ahead, behind, or stand still", "Clock", body="ClockToPut"),
        },
        "/v1/issue": {
            "post": _verb(
                "One message, as if somebody had logged in; request is the query of an AuthnRequest to answer",
                "Message",
                body="Login",
            )
        },
        "/v1/reset": {"post": _verb("Everything as it was at the start; exchanges forgotten")},
        "/v1/exchanges": {"get": _verb("The last requests and answers, oldest first", "Exchanges", query=("count",))},
    },
    "components": {
        "schemas": _SCHEMAS,
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
    },
}
