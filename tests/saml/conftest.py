"""The published schemas, for whoever compares with them."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from lxml import etree


@pytest.fixture(scope="session")
def published() -> etree.XMLSchema:
    """The OASIS and W3C schemas as another implementation ships them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        saml2 = pytest.importorskip("saml2", reason="pysaml2 brings the published schemas")
    folder = Path(saml2.__file__).parent / "data" / "schemas"

    class Here(etree.Resolver):
        def resolve(self, url: str, public: str, context: object) -> object:
            name = url.rpartition("/")[2]
            if name == "datatypes.dtd" or name.endswith(".dtd"):
                return self.resolve_string("", context)  # type: ignore[arg-type]
            return self.resolve_filename(str(folder / name), context)  # type: ignore[arg-type]

    parser = etree.XMLParser(load_dtd=False, no_network=True, resolve_entities=False)
    parser.resolvers.add(Here())
    return etree.XMLSchema(etree.parse(folder / "saml-schema-protocol-2.0.xsd", parser))
