"""A point in time as callers give it."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime


def _in_utc(value: datetime) -> datetime:
    """At the ends of the calendar neither another zone nor a span of days can be computed, and nobody means them."""
    if not 2 <= value.year <= 9998:
        raise ValueError("the year must be between 0002 and 9998")
    return value.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""RFC 3339 with an offset, then in UTC."""
