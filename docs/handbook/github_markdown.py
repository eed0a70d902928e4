"""Pages are written as GitHub reads them. mkdocs' parser wants two things otherwise: a blank line before a list, and its own anchors."""

import re
from collections.abc import Iterator

_FENCE = re.compile(r"\s*(```+|~~~+)")
_ITEM = re.compile(r"(?:[-*+]|\d+\.) ")
_HEADING = re.compile(r"(#{1,6}) +(.*?)(?: +#+)?$")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")


def prose(text: str) -> Iterator[tuple[str, bool]]:
    """Every line, with whether it is prose; lines of fenced code are not, nor the fences."""
    fence = ""
    for line in text.split("\n"):
        found = _FENCE.match(line)
        if fence:
            yield line, False
            if found and found[1].startswith(fence):
                fence = ""
        elif found:
            fence = found[1]
            yield line, False
        else:
            yield line, True


def adapted(text: str) -> str:
    """With a blank line before each list that follows a paragraph at once: without it mkdocs' parser sees no list."""
    lines: list[str] = []
    in_list, after_blank = False, True
    for line, is_prose in prose(text):
        is_item = is_prose and _ITEM.match(line) is not None
        if is_item and not in_list and not after_blank:
            lines.append("")
        is_at_margin = bool(line[:1].strip())
        ends_list = is_at_margin and (after_blank or not is_prose or line.startswith("#"))
        in_list = is_item or (in_list and not ends_list)
        after_blank = not line.strip()
        lines.append(line)
    return "\n".join(lines)


def headings(text: str) -> list[str]:
    """The headings of a page as they are written, without their marks."""
    return [found[2] for line, is_prose in prose(text) if is_prose and (found := _HEADING.match(line))]


def title(text: str) -> str:
    """The first heading; empty where there is none."""
    return next(iter(headings(text)), "")


def slug(heading: str, separator: str = "-") -> str:
    """The anchor that GitHub gives a heading. mkdocs' table of contents is given the same."""
    bare = _LINK.sub(r"\1", heading).replace("`", "").replace("*", "")
    return re.sub(r"[^\w\- ]", "", bare.strip().lower()).replace(" ", separator)


def section(text: str, name: str) -> str:
    """What stands under the second-level heading `name`, up to the next one. KeyError: there is no such heading."""
    lines, inside = [], False
    for line, is_prose in prose(text):
        if is_prose and line.startswith("## "):
            inside = line[3:].strip() == name
        elif inside:
            lines.append(line)
    if not lines:
        raise KeyError(f"no heading {name!r}")
    return "\n".join(lines).strip("\n")
