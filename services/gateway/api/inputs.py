"""Kinds of input that pydantic has not: as the document describes them, and no other way."""

from collections.abc import Hashable
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

T = TypeVar("T", bound=Hashable)


def _without_repeats(items: list[T]) -> list[T]:
    if len(set(items)) < len(items):
        raise PydanticCustomError("repeated", "repeated")
    return items


UniqueList = Annotated[list[T], AfterValidator(_without_repeats), Field(json_schema_extra={"uniqueItems": True})]
"""A list in which nothing is there twice."""

Cursor = Annotated[str | None, Field(description="`next_cursor` of the page before; left out: the first page.")]
"""Where a page begins. Whatever is not one of this list is refused as `invalid_cursor` (400), by whoever reads it."""
