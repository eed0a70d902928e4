"""What iCalendar and vCard share: folded `NAME;PARAM=value:value` lines in nested BEGIN/END components.

The file is taken apart here, line by line and component by component, so that whatever is damaged costs only itself: the
unfolding works on bytes (some programs fold within a character), and each line is decoded by itself (some files mix encodings).
"""

import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from libs.google_sim.loaders.encodings import as_utf8, decoded, text_of

_PARAMETER = re.compile(r';([^=;:"]*)(?:=((?:"[^"]*"|[^;:"])*))?')
_CHARSET = re.compile(rb"^[^:]{0,500};CHARSET=\"?([\w.:-]{1,40})", re.IGNORECASE)
_LINE_END = re.compile(rb"\r\n|\r|\n")
_DEPTH = 20  # what is nested deeper counts to the component around it
# An event that was never closed does not swallow the next one.
_NEVER_INSIDE = {"VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VTIMEZONE"}
_ESCAPES = {"n": "\n", "N": "\n"}
_QUOTED_PRINTABLE = "QUOTED-PRINTABLE"


@dataclass(frozen=True)
class Line:
    """One property as written, unfolded and decoded; its parts are read when they are needed."""

    name: str
    written: str

    @cached_property
    def _parts(self) -> tuple[dict[str, list[str]], str]:
        written, params = self.written, dict[str, list[str]]()
        position = _head_length(written)
        while position < len(written) and written[position] == ";" and (found := _PARAMETER.match(written, position)):
            # vCard 2.1 writes a type or an encoding without its name: `TEL;CELL`
            key, value = (found[1], found[2]) if found[2] is not None else ("TYPE", found[1])
            values = [part.strip('"') for part in value.split(",")] if '"' not in value else [value.strip('"')]
            params.setdefault(key.strip().upper(), []).extend(values)
            position = found.end()
        if position >= len(written) or written[position] != ":":
            return params, ""
        value = written[position + 1 :]
        encodings = {part.upper() for part in params.get("ENCODING", []) + params.get("TYPE", [])}
        if _QUOTED_PRINTABLE in encodings:
            raw = quopri.decodestring(value.encode())
            charset = next(iter(params.get("CHARSET", [])), "utf-8")
            value = decoded(raw, charset) or text_of(raw)
        return params, value.replace("\x00", "")

    @property
    def params(self) -> dict[str, list[str]]:
        """The values of each parameter by its upper-case name."""
        return self._parts[0]

    @property
    def value(self) -> str:
        """The value with its encoding taken away, its escapes as written; "" where the line is broken."""
        return self._parts[1]

    def param(self, name: str) -> str:
        return next(iter(self.params.get(name, [])), "")

    @property
    def text(self) -> str:
        """The value with its escapes resolved."""
        return unescaped(self.value)


@dataclass
class Component:
    """One BEGIN…END component: its own lines and the components in it."""

    name: str
    lines: list[Line] = field(default_factory=list)
    components: list["Component"] = field(default_factory=list)

    def all(self, name: str) -> list[Line]:
        return [line for line in self.lines if line.name == name]

    def first(self, name: str) -> Line | None:
        return next((line for line in self.lines if line.name == name), None)

    def text(self, name: str) -> str:
        """The first such property's text, "" without one."""
        line = self.first(name)
        return line.text.strip() if line else ""


def unescaped(value: str) -> str:
    """iCalendar/vCard text with `\\n`, `\\,`, `\\;` and `\\\\` resolved."""
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), value, flags=re.DOTALL)


def split(value: str, separator: str) -> list[str]:
    """The parts of a structured value, each unescaped; an escaped separator does not part."""
    parts: list[list[str]] = [[]]
    escaped = False
    for char in value:
        if char == separator and not escaped:
            parts.append([])
        else:
            parts[-1].append(char)
        escaped = char == "\\" and not escaped
    return [unescaped("".join(part)) for part in parts]


def components(raw: bytes, name: str) -> Iterator[Component]:
    """Every outermost component of that name, wherever it stands; broken nesting ends at the next BEGIN or the end."""
    pending: list[Component] = []
    for line in _lines(raw):
        value = line.written.rpartition(":")[2].strip().upper() if line.name in ("BEGIN", "END") else ""
        if line.name == "BEGIN":
            component = Component(value)
            if value == name:  # a component that was never closed does not swallow the next one
                if pending:
                    yield pending[0]
                pending = [component]
            elif pending and len(pending) < _DEPTH:
                if value in _NEVER_INSIDE:
                    del pending[1:]
                pending[-1].components.append(component)
                pending.append(component)
        elif line.name == "END":
            if any(component.name == value for component in pending):
                while pending[-1].name != value:
                    pending.pop()
                closed = pending.pop()
                if not pending:
                    yield closed
        elif pending:
            pending[-1].lines.append(line)
    if pending:
        yield pending[0]


def _lines(raw: bytes) -> Iterator[Line]:
    for logical in _unfolded(as_utf8(raw)):
        written = _decoded(logical)
        name = written[: _head_length(written)].rpartition(".")[2].strip().upper()
        if name and ":" in written:
            yield Line(name, written)


def _head_length(written: str) -> int:
    """How long the name is: up to the first parameter or the value."""
    colon = written.find(":")
    semicolon = written.find(";", 0, colon) if colon >= 0 else written.find(";")
    return semicolon if semicolon >= 0 else colon if colon >= 0 else len(written)


def _unfolded(raw: bytes) -> Iterator[bytes]:
    """Physical lines joined: after a line break with white space, and after a soft break of quoted-printable."""
    parts: list[bytes] = []
    soft = False
    for physical in _LINE_END.split(raw):
        if parts and soft:
            parts.append(physical)
        elif parts and physical[:1] in (b" ", b"\t"):
            parts.append(physical[1:])
        else:
            if parts:
                yield b"".join(parts)
            parts = [physical]
        soft = physical.endswith(b"=") and _QUOTED_PRINTABLE.encode() in parts[0][:200].upper()
        if soft:
            parts[-1] = parts[-1][:-1]
    if parts:
        yield b"".join(parts)


def _decoded(line: bytes) -> str:
    """A line in UTF-8, in the character set that it names, or in Windows-1252."""
    named = _CHARSET.match(line)
    charset = named[1].decode("ascii", "replace") if named else "utf-8"
    first, second = (
        ("utf-8", charset) if b"\x1b" not in line else (charset, "utf-8")
    )  # ISO-2022's escapes are valid UTF-8
    for candidate in (first, second):
        text = decoded(line, candidate)
        if text is not None and "\n" not in text and "\r" not in text:  # EBCDIC makes line ends of letters
            return text
    return text_of(line)
