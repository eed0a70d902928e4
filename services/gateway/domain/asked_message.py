"""What somebody entered who misses an email: the id of a message, or words of its subject. Pure."""

import re

# What is pasted with an id: the name of the header, Gmail's own search operator.
_LABELS = re.compile(r"^(?:message-id|rfc822msgid)\s*:\s*", re.IGNORECASE)
_MESSAGE_ID = re.compile(r"<?[^\s<>@]+@[^\s<>@]+>?")
_GMAIL_ID = re.compile(r"[0-9a-f]{14,18}")


def message_id_in(text: str) -> str | None:
    """The Message-ID or Gmail id that was entered; None where it is something else: a subject."""
    plain = _LABELS.sub("", text.strip())
    return plain if _MESSAGE_ID.fullmatch(plain) or _GMAIL_ID.fullmatch(plain) else None
