"""The rule of docs/rules.md for DMARC, in the oracle's own words: whether Gmail says that a mail is not its author's."""

from collections.abc import Iterable

MAX_LENGTH = 100_000


def fails_dmarc(headers: Iterable[str]) -> bool:
    """Whether the topmost Authentication-Results of Gmail says `dmarc=fail`, as its values stand in the mail from the top."""
    for header in headers:
        outside = _outside(header[:MAX_LENGTH])
        if outside.split(";")[0].lower().split()[:1] == ["mx.google.com"]:
            return len(header) > MAX_LENGTH or _reports_fail(outside)
    return False


def _reports_fail(text: str) -> bool:
    """Whether one of the statements behind the first `;` is `dmarc=fail`."""
    return any(_method(left) == "dmarc" and _word(right) == "fail" for left, right in _statements(text))


def _statements(text: str) -> Iterable[tuple[str, str]]:
    for statement in text.split(";")[1:]:
        left, _, right = statement.partition("=")
        yield left, right


def _method(left: str) -> str:
    name, slash, version = left.lower().partition("/")
    return name.strip() if not slash or version.strip().isdecimal() else ""


def _word(right: str) -> str:
    return next(iter(right.split()), "").partition("(")[0].lower()


def _outside(text: str) -> str:
    """The text with comments and quoted strings blotted out; as it is where one of them does not end."""
    kept: list[str] = []
    depth, quoted, escaped = 0, False, False
    for char in text:
        if escaped:
            escaped = False
        elif char == "\\" and (quoted or depth):
            escaped = True
        elif quoted:
            quoted = char != '"'
        elif char == "(":
            depth += 1
            kept.append(" ")
        elif char == ")":
            depth -= 1
            if depth < 0:
                return text
        elif depth == 0:
            quoted = char == '"'
            kept.append('""' if quoted else char)
    return text if quoted or depth else "".join(kept)
