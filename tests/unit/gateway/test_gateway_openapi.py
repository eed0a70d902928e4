"""The OpenAPI document in docs/ is the one that the gateway serves."""

from libs.local import ROOT
from services.gateway.api.openapi import openapi_json


def test_the_committed_openapi_document_is_up_to_date() -> None:
    assert (ROOT / "docs" / "openapi.json").read_text() == openapi_json(), "run `make docs`"
