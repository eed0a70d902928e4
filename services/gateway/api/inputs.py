"""Kinds of input that pydantic has not: as the document says it, and no other way."""

from collections.abc import Hashable
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

T = TypeVar("T", bound=Hashable)


def _without_repeats(items: list[T]) -> list[T]:
    if len(set(items)) < len(items):
        raise PydanticCustomError("repeated", "Name each only once.")
    return items


UniqueList = Annotated[list[T], AfterValidator(_without_repeats), Field(json_schema_extra={"uniqueItems": True})]
"""A list in which nothing is there twice."""
