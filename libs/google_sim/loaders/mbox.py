"""Parting an mbox file into messages, one at a time, however big it is."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

# "From " after an empty line also begins sentences: only with a time and a year is it an envelope.
_ENVELOPE = re.compile(rb"From .*\b\d{1,2}:\d\d.*\b(?:19|20)\d\d\b|From .*\b(?:19|20)\d\d\b.*\d{1,2}:\d\d")
_QUOTED = re.compile(rb">+From ")


class RawMessage(NamedTuple):
    """One message as bytes, and the `From ` line before it (without line end, b"" if there was none)."""

    envelope: bytes
    content: bytes


def split_mbox(lines: Iterable[bytes]) -> Iterator[RawMessage]:
    """The messages of an mbox; one `>` of quoted `From ` lines is taken away (mboxrd, and Takeout)."""
    envelope: bytes | None = None
    content: list[bytes] = []
    after_empty = True
    for line in lines:
        if after_empty and line.startswith(b"From ") and (envelope is None or _ENVELOPE.match(line[:500])):
            if envelope is not None or any(part.strip() for part in content):
                yield RawMessage(envelope or b"", _joined(content))
            envelope, content = line.rstrip(b"\r\n"), []
        else:
            content.append(line[1:] if _QUOTED.match(line) else line)
        after_empty = line in (b"\n", b"\r\n")
    if envelope is not None or any(part.strip() for part in content):
        yield RawMessage(envelope or b"", _joined(content))


def _joined(content: list[bytes]) -> bytes:
    """The lines without the empty one that parts messages."""
    return b"".join(content[:-1] if content and content[-1] in (b"\n", b"\r\n") else content)
