"""Prints the OpenAPI document, which needs no server: python -m services.gateway.openapi > docs/openapi.json"""

import sys

import orjson

from services.gateway.api import ENDPOINTS
from services.gateway.api.openapi import document
from services.gateway.pages.docs import VERSION


def printed() -> str:
    """The document as indented JSON, the same for the same declarations."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(document(ENDPOINTS, VERSION), option=options).decode()


if __name__ == "__main__":
    sys.stdout.write(printed())
