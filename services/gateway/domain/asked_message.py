"""What somebody entered who misses an email: the id of a message, or words of its subject. Pure."""

import re

# What is pasted with an id: the name of the header, Gmail's own search operator.
_LABELS = re.compile(r"^(?:message-id|rfc822msgid)\s*:\s*", re.IGNORECASE)
_MESSAGE_ID = re.compile(r"<?[^\s<>@]+@[^\s<>@]+>?")
_GMAIL_ID = re.compile(r"[0-9a-f]{14,18}")


def nowhere_text(automated: str) -> str:
    """Why a message that is recorded is on nobody's timeline. `automated`: the rule by which it is no mail between people, if any."""
    if automated == "forged":
        return "On nobody's timeline: it claims to be from you and is not, and nobody on it is a contact."
    if automated:
        return "On nobody's timeline: it was sent automatically, which makes nobody a contact."
    return "On nobody's timeline: nobody on it is a contact."


def message_id_in(text: str) -> str | None:
    """The Message-ID or Gmail id that was entered; None where it is something else: a subject."""
    plain = _LABELS.sub("", text.strip())
    return plain if _MESSAGE_ID.fullmatch(plain) or _GMAIL_ID.fullmatch(plain) else None
