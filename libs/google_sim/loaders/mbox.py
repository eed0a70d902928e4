"""Parting an mbox file into messages, one at a time, however big it is.

The standard library's `mailbox` takes every line that begins with "From " for the next message, so that a sentence or a patch
in a body becomes one. Here the line must look like an envelope, and a header must follow.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_DATE = rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? (?:[A-Z][a-z]{2} [ \d]?\d|[ \d]?\d [A-Z][a-z]{2}) "
# `From x@y Mon Jan  5 10:00:00 [+0000] 2026`, as programs write it; in between stands the sender, or "-", or nothing.
_ENVELOPE = re.compile(rb"From (?:.{0,300} )?" + _DATE + rb".{0,20}?\d{1,2}:\d\d(?::\d\d)?\b.{0,40}$")
_WITH_YEAR = re.compile(rb"\b(?:19|20)\d\d\b")
_WITH_TIME = re.compile(rb"\b\d{1,2}:\d\d\b")
_BARE = re.compile(rb"From *(?:-|\S+@\S+|MAILER-DAEMON)?\s*$")
# The date with which git begins a patch, in a file of patches and in mail that brings one.
_GIT = re.compile(rb"From [0-9a-f]{40}(?:[0-9a-f]{24})? Mon Sep 17 00:00:00 2001\s*$")
_HEADER = re.compile(rb"[!-9;-~]{1,76}[ \t]*:")
_FIRST_HEADER = re.compile(rb"[A-Za-z][\w-]{0,75}[ \t]*:(?!//)")  # no `<html>`, JSON or URL
_MAIL_HEADER = re.compile(
    rb"(?:from|to|cc|subject|date|received|return-path|message-id|mime-version|delivered-to|reply-to|sender|x-[\w-]+"
    rb"|content-[\w-]+|status|authentication-results|dkim-signature)[ \t]*:",
    re.IGNORECASE,
)
_QUOTED = re.compile(rb">+From ")
_EMPTY = (b"\n", b"\r\n")


class RawMessage(NamedTuple):
    """One message as bytes, and the `From ` line before it (without line end, b"" if there was none).

    `folder`: the name of the mail folder that it lay in, "" where the file has no name of that kind.
    """

    envelope: bytes
    content: bytes
    folder: str = ""


def begins_as_mail(line: bytes) -> bool:
    """Whether a file whose first line that is not empty is this one holds mail: an envelope, or a header."""
    line = line.removeprefix(b"\xef\xbb\xbf")
    return line.startswith(b"From ") or _FIRST_HEADER.match(line) is not None


def split_mbox(lines: Iterable[bytes]) -> Iterator[RawMessage]:
    """The messages of an mbox; one `>` of quoted `From ` lines is taken away (mboxrd, and Takeout)."""
    envelope: bytes | None = None
    content: list[bytes] = []
    after_empty, of_patches = True, False
    for line, following in _with_next(lines):
        starts = line.startswith(b"From ") or line in (b"From\n", b"From\r\n")
        if starts and envelope is None and not any(part.strip() for part in content):
            of_patches = _GIT.match(line) is not None
        elif starts:
            starts = _begins_message(line, following, after_empty=after_empty, of_patches=of_patches)
        if starts:
            if envelope is not None or any(part.strip() for part in content):
                yield RawMessage(envelope or b"", _joined(content))
            envelope, content = line.rstrip(b"\r\n"), []
        else:
            content.append(line[1:] if _QUOTED.match(line) else line)
        after_empty = line in _EMPTY
    if envelope is not None or any(part.strip() for part in content):
        yield RawMessage(envelope or b"", _joined(content))


def _begins_message(line: bytes, following: bytes, *, after_empty: bool, of_patches: bool) -> bool:
    """Whether a `From ` line, not the first of the file, is an envelope and no text of the message before it."""
    head = line[:500]
    if _GIT.match(head):
        return of_patches
    headed = _HEADER.match(following) is not None
    if _ENVELOPE.match(head.rstrip()) and _WITH_YEAR.search(head):
        return headed or (after_empty and following in (b"", *_EMPTY))
    if not after_empty or not _MAIL_HEADER.match(following):
        return False
    return _BARE.match(head) is not None or (
        _WITH_YEAR.search(head) is not None and _WITH_TIME.search(head) is not None
    )


def _with_next(lines: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Each line with the one after it, b"" after the last."""
    iterator = iter(lines)
    line = next(iterator, None)
    while line is not None:
        following = next(iterator, None)
        yield line, following or b""
        line = following


def _joined(content: list[bytes]) -> bytes:
    """The lines without the empty one that parts messages."""
    return b"".join(content[:-1] if content and content[-1] in _EMPTY else content)
