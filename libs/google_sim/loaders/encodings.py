"""Bytes of known, wrongly named or unknown encoding as text. Pure."""

import codecs

# Codecs of the standard library that are no encodings of files, and that take quadratic time on long input.
_NO_TEXT = {"idna", "punycode", "raw_unicode_escape", "undefined", "unicode_escape"}
_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decoded(raw: bytes, charset: str) -> str | None:
    """The bytes in the named character set; None where it is unknown, or where they are not in it."""
    try:
        if codecs.lookup(charset).name in _NO_TEXT:
            return None
        return raw.decode(charset)
    except (LookupError, ValueError):  # ValueError: bytes that don't fit, or a NUL in the name
        return None


def text_of(raw: bytes) -> str:
    """Bytes of unknown encoding as text without surrogates: UTF-8 (with or without mark), else Windows-1252."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def as_utf8(raw: bytes) -> bytes:
    """A file that is UTF-16, with a mark or without, as UTF-8; any other as it is, without its mark."""
    if raw.startswith(_MARKS):
        return raw.decode("utf-16", "replace").encode()
    head = raw[:8]
    if len(head) == 8 and not any(head[1::2]) and all(head[::2]):
        return raw.decode("utf-16-le", "replace").encode()
    if len(head) == 8 and not any(head[::2]) and all(head[1::2]):
        return raw.decode("utf-16-be", "replace").encode()
    return raw.removeprefix(codecs.BOM_UTF8)
