"""Why a payload is invalid, in words that name no private value."""

from pydantic import ValidationError


def first_problem(error: ValidationError, whole: str) -> str:
    """The first of pydantic's findings as `field: what is wrong`, never the input itself.

    `whole` is what to name where no single field is at fault.
    """
    first = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(str(part) for part in first['loc']) or whole}: {first['msg']}"
