"""Values as a query string or a form has them."""

from typing import Any


def query_text(value: Any) -> str:
    """A value as it is written there: booleans as in JSON."""
    return str(value).lower() if isinstance(value, bool) else str(value)
