"""What Gmail found out about the author of a mail: the method `dmarc` of its own Authentication-Results (RFC 8601). Pure, linear.

Such a header repeats what strangers wrote: the sender of the envelope in comments and properties, and the verdicts of other servers
in comments (`arc=pass (i=1 dmarc=pass)`). None of that is a verdict. And whoever can confuse the reading must not gain by it: where a
comment or a quoted string has no end, nothing is taken for one, `fail` counts wherever a method may begin, and `pass` does not.
"""

import re
from collections.abc import Sequence
from typing import Literal

Dmarc = Literal["pass", "fail", "unknown"]

AUTHORITY = "mx.google.com"
"""Gmail's name for itself (authserv-id): what others write proves nothing."""
MAX_LENGTH = 100_000
_MARK = re.compile(r'\\.|["()]', re.DOTALL)
_VERDICT = re.compile(r"\s*dmarc\s*(?:/\s*\d+\s*)?=\s*([a-z]+)(?=[\s(]|$)", re.IGNORECASE)


def dmarc_verdict(values: Sequence[str]) -> Dmarc:
    """The verdict of the topmost header that Gmail wrote; those below it may be forged. `values`: as they stand in the mail."""
    for value in values:
        cut = value[:MAX_LENGTH]
        plain = _without_asides(cut)
        if not _is_gmails(cut if plain is None else plain):
            continue
        if len(value) > MAX_LENGTH:
            return "fail"  # Gmail's have some hundred characters: somebody pushes the verdict out of sight
        found = _verdicts(cut if plain is None else plain)
        if "fail" in found:
            return "fail"
        return "pass" if plain is not None and found == {"pass"} else "unknown"
    return "unknown"


def _is_gmails(plain: str) -> bool:
    return plain.partition(";")[0].lower().split()[:1] == [AUTHORITY]


def _verdicts(text: str) -> set[str]:
    """The results of each method `dmarc`, in small letters."""
    _, *methods = text.split(";")
    return {verdict[1].lower() for method in methods if (verdict := _VERDICT.match(method))}


def _without_asides(value: str) -> str | None:
    """The value with each comment as a space and each quoted string as `""`; None where one has no end, or ends and never began."""
    if not any(sign in value for sign in '"()'):
        return value
    pieces: list[str] = []
    position = depth = 0
    quoted = False
    for mark in _MARK.finditer(value):
        sign, at = mark[0], mark.start()
        if sign[0] == "\\":
            if quoted or depth:
                continue  # it escapes the next character
            sign, at = sign[1:], at + 1
        if quoted and sign == '"':
            quoted, position = False, at + 1
            pieces.append('""')
        elif quoted:
            continue
        elif sign == "(":
            if not depth:
                pieces.append(value[position:at])
            depth += 1
        elif sign == ")":
            depth -= 1
            if depth < 0:
                return None
            if not depth:
                pieces.append(" ")
                position = at + 1
        elif sign == '"' and not depth:
            quoted = True
            pieces.append(value[position:at])
    return None if quoted or depth else "".join([*pieces, value[position:]])
