"""A point in time as callers give it."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def _moment(value: object) -> datetime:
    """At the ends of the calendar neither another zone nor a span of days can be computed, and nobody means them."""
    if isinstance(value, str) and _RFC_3339.fullmatch(value):
        try:
            value = datetime.fromisoformat(value.upper())
        except ValueError:  # such as a 13th month
            value = None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise PydanticCustomError("moment", "not a time with an offset")
    if not 2 <= value.year <= 9998:
        raise PydanticCustomError("moment_out_of_range", "out of range")
    return value.astimezone(UTC)


Moment = Annotated[datetime, PlainValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]
"""RFC 3339 with an offset, then in UTC."""
