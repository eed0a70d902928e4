"""What was sent through messages.send, and which addresses share a mailbox."""

from collections import deque
from dataclasses import dataclass, field

from libs.google_sim.gmail import mime

SENT_KEPT = 10_000
_GMAIL = {"gmail.com", "googlemail.com"}


@dataclass(frozen=True)
class SentMail:
    """What an account sent, readable: headers decoded, in order. `at`: epoch seconds."""

    account: str
    id: str
    thread_id: str
    at: float
    headers: list[mime.Header]
    recipients: list[str]
    text: str
    html: str


@dataclass
class Outbox:
    """The last mails sent through messages.send."""

    mails: deque[SentMail] = field(default_factory=lambda: deque(maxlen=SENT_KEPT))


def local_key(address: str) -> str:
    """Return what the addresses of one mailbox have in common: case, the tag and, at gmail.com, dots don't count."""
    local, _, domain = address.strip().lower().rpartition("@")
    local = local.partition("+")[0]
    if domain in _GMAIL:
        return f"{local.replace('.', '')}@gmail.com"
    return f"{local}@{domain}"
