"""What is wrong with a piece of input, in words for whoever sent it: never those of the library that checks it. Pure."""

from collections.abc import Mapping
from typing import Any

_NOT_THIS = "This does not fit: see what the API's description says of it."
# By pydantic's type of the error; {…} are the values of its context. A test compares with what can happen.
_TEXTS = {
    "missing": "This is missing.",
    "extra_forbidden": "There is nothing of this name here.",
    "model_type": "This must be an object.",
    "model_attributes_type": "This must be an object.",
    "dict_type": "This must be an object.",
    "mapping_type": "This must be an object.",
    "list_type": "This must be a list.",
    "tuple_type": "This must be a list.",
    "set_type": "This must be a list.",
    "frozen_set_type": "This must be a list.",
    "iterable_type": "This must be a list.",
    "string_type": "This must be a text.",
    "string_too_short": "This needs at least {min_length} characters.",
    "string_too_long": "This may have at most {max_length} characters.",
    "string_pattern_mismatch": "This is not written as it must be: see its pattern.",
    "string_unicode": "This is no text that can be read.",
    "too_short": "This needs at least {min_length} items.",
    "too_long": "This may have at most {max_length} items.",
    "repeated": "Each may be there only once.",
    "int_type": "This must be a whole number.",
    "int_parsing": "This must be a whole number.",
    "int_parsing_size": "This number is too large.",
    "int_from_float": "This must be a whole number.",
    "float_type": "This must be a number.",
    "float_parsing": "This must be a number.",
    "finite_number": "This must be a number.",
    "greater_than_equal": "This must be {ge} or more.",
    "greater_than": "This must be more than {gt}.",
    "less_than_equal": "This must be {le} or less.",
    "less_than": "This must be less than {lt}.",
    "bool_type": "This must be true or false.",
    "bool_parsing": "This must be true or false.",
    "literal_error": "This must be one of {expected}.",
    "enum": "This must be one of {expected}.",
    "none_required": "This must be null.",
    "uuid_type": "This must be an id: a UUID.",
    "uuid_parsing": "This must be an id: a UUID.",
    "moment": "This must be a time with its offset, such as 2026-03-04T12:00:00Z.",
    "moment_out_of_range": "The year must be between 0002 and 9998.",
    "url_type": "This must be an address that begins with https:// or http://.",
    "url_parsing": "This must be an address that begins with https:// or http://.",
    "url_scheme": "This must be an address that begins with https:// or http://.",
    "url_syntax_violation": "This must be an address that begins with https:// or http://.",
    "url_too_long": "This address is too long.",
}
_OWN_WORDS = "value_error"
_OWN_PREFIX = "Value error, "


def input_text(error: Mapping[str, Any]) -> str:
    """A sentence for one of pydantic's errors (`type`, `msg`, `ctx`). What a rule of ours has found is told in its own words."""
    if error["type"] == _OWN_WORDS:
        return _sentence(str(error["msg"]).removeprefix(_OWN_PREFIX))
    text = _TEXTS.get(error["type"], _NOT_THIS)
    return text.format_map(error.get("ctx") or {})


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
