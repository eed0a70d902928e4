"""The line format that iCalendar and vCard share: folded `NAME;PARAM=value:value` lines in nested BEGIN/END blocks."""

import quopri
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from libs.google_sim.loaders.files import text_of

_PARAMETER = re.compile(r';([^=;:"]*)(?:=((?:"[^"]*"|[^;:"])*))?')
_ESCAPES = {"n": "\n", "N": "\n"}


@dataclass(frozen=True)
class Line:
    """One property: upper-case name without its group, parameters by upper-case name, value as written."""

    name: str
    params: dict[str, list[str]]
    value: str

    def param(self, name: str) -> str:
        return next(iter(self.params.get(name, [])), "")

    @property
    def text(self) -> str:
        """The value with its escapes resolved."""
        return unescaped(self.value)


@dataclass
class Block:
    """One BEGIN…END block: its own lines and the blocks in it."""

    name: str
    lines: list[Line] = field(default_factory=list)
    blocks: list["Block"] = field(default_factory=list)

    def all(self, name: str) -> list[Line]:
        return [line for line in self.lines if line.name == name]

    def first(self, name: str) -> Line | None:
        return next(iter(self.all(name)), None)

    def text(self, name: str) -> str:
        """The first such property's text, "" without one."""
        line = self.first(name)
        return line.text.strip() if line else ""


def unescaped(value: str) -> str:
    """iCalendar/vCard text with `\\n`, `\\,`, `\\;` and `\\\\` resolved."""
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), value, flags=re.DOTALL)


def split(value: str, separator: str) -> list[str]:
    """The parts of a structured value, each unescaped; an escaped separator does not part."""
    parts, escaped = [""], False
    for char in value:
        if char == separator and not escaped:
            parts.append("")
        else:
            parts[-1] += char
        escaped = char == "\\" and not escaped
    return [unescaped(part) for part in parts]


def blocks(raw: bytes, name: str) -> Iterator[Block]:
    """Every outermost block of that name, wherever it stands; broken nesting ends at the next BEGIN or the end."""
    open_blocks: list[Block] = []
    for line in _lines(_unfolded(text_of(raw))):
        value = line.value.strip().upper()
        if line.name == "BEGIN":
            block = Block(value)
            if value == name:  # a block that was never closed does not swallow the next one
                if open_blocks:
                    yield open_blocks[0]
                open_blocks = [block]
            elif open_blocks:
                open_blocks[-1].blocks.append(block)
                open_blocks.append(block)
        elif line.name == "END":
            if any(block.name == value for block in open_blocks):
                while open_blocks[-1].name != value:
                    open_blocks.pop()
                closed = open_blocks.pop()
                if not open_blocks:
                    yield closed
        elif open_blocks:
            open_blocks[-1].lines.append(line)
    if open_blocks:
        yield open_blocks[0]


def _unfolded(text: str) -> Iterator[str]:
    """Physical lines joined: after a line break with white space, and after a soft break of quoted-printable."""
    parts: list[str] = []
    soft = False
    for physical in re.split(r"\r\n|\r|\n", text):
        if parts and soft:
            parts.append(physical)
        elif parts and physical[:1] in (" ", "\t"):
            parts.append(physical[1:])
        else:
            if parts:
                yield "".join(parts)
            parts = [physical]
        quoted_printable = "QUOTED-PRINTABLE" in parts[0][:200].upper()
        soft = quoted_printable and physical.endswith("=")
        if soft:
            parts[-1] = parts[-1][:-1]
    if parts:
        yield "".join(parts)


def _lines(written: Iterable[str]) -> Iterator[Line]:
    for line in written:
        match = re.match(r"[^;:]*", line)
        name = match[0].rpartition(".")[2].strip().upper() if match else ""
        position = match.end() if match else 0
        params: dict[str, list[str]] = {}
        while position < len(line) and line[position] == ";" and (found := _PARAMETER.match(line, position)):
            # vCard 2.1 writes a type or an encoding without its name: `TEL;CELL`
            key, value = (found[1], found[2]) if found[2] is not None else ("TYPE", found[1])
            values = [part.strip('"') for part in value.split(",")] if '"' not in value else [value.strip('"')]
            params.setdefault(key.strip().upper(), []).extend(values)
            position = found.end()
        if not name or position >= len(line) or line[position] != ":":
            continue
        value = line[position + 1 :].replace("\x00", "")
        encodings = {part.upper() for part in params.get("ENCODING", []) + params.get("TYPE", [])}
        if "QUOTED-PRINTABLE" in encodings:
            value = _quoted_printable(value, next(iter(params.get("CHARSET", [])), "utf-8"))
        yield Line(name, params, value)


def _quoted_printable(value: str, charset: str) -> str:
    raw = quopri.decodestring(value.encode("utf-8"))
    try:
        return raw.decode(charset)
    except (LookupError, UnicodeDecodeError):
        return text_of(raw)
