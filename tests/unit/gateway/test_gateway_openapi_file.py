"""The OpenAPI document in docs/ is the one that the gateway serves."""

from libs.local import ROOT
from services.gateway.openapi import printed


def test_the_committed_openapi_document_is_up_to_date() -> None:
    assert (ROOT / "docs" / "openapi.json").read_text() == printed(), "run `make docs`"
