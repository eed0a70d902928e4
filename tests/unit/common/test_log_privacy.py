"""Tracebacks in the log: where it happened, never the private value that it happened with."""

import sys

import pytest

from libs.common.events import MessageRemoved
from libs.common.log import _without_rows


class Row(Exception):
    """Stands for asyncpg's errors, whose text quotes the row."""


@pytest.mark.parametrize("private", ["ann@example.com", "secret, input_type=x"])
def test_a_traceback_names_no_value(private: str) -> None:
    texts = []
    try:
        MessageRemoved.model_validate({"user_id": private})
    except ValueError:
        texts.append(_without_rows(sys.exc_info()))  # type: ignore[arg-type]
    try:
        raise Row(f"duplicate key\nDETAIL:  Key (value)=({private}) already exists.")
    except Row:
        texts.append(_without_rows(sys.exc_info()))  # type: ignore[arg-type]
    try:
        raise Row(f"invalid input for query argument $2: ['{private}', …] (a size)")
    except Row:
        texts.append(_without_rows(sys.exc_info()))  # type: ignore[arg-type]
    assert "user_id" in texts[0]
    assert "duplicate key" in texts[1]
    assert "invalid input for query argument $2: …" in texts[2]
    assert not [text for text in texts if "ann@" in text or "secret" in text]
