"""Commands that are sent again under one key, by a caller that got no reply, are done once.

    await bus.request(CreateContact(...), idempotency_key=key)     # again with the same key: the first reply again
    contact_id = creation_id()                                     # in the handler: the same id at each try

Two rules work together. The first reply to (subject, user, key) is kept in Redis for a day and given again, without the handler.
Where there is none to give (the service died before it replied, or Redis forgot), the handler runs once more, and what it creates
has an id that follows from the key: it finds that it was here before. Redis is not trusted with the replies: each is sealed with
a key that is derived from the caller's own, of which only a digest is kept.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from uuid import UUID, uuid5

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.common.cache import Cache
from libs.common.errors import Refused
from libs.common.ids import Service, new_id

KEPT = timedelta(hours=24)
IN_PROGRESS = timedelta(minutes=2)
"""How long a command that nobody finished keeps others with its key waiting: longer than any handler works."""

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_NONCE_BYTES = 12
_NAMESPACE = UUID("6f1de9c2-8a2b-5c44-9d0e-3a3f1f0b7c11")
_UNDER_WAY, _DONE = b"P", b"D"


@dataclass(frozen=True)
class CommandKey:
    """What makes two tries of a command the same one: to whom, by whom, and the key that its caller chose."""

    service: Service
    subject: str
    user: str
    key: str

    @property
    def name(self) -> str:
        """The key in Redis. Whoever reads it there learns neither what opens the reply nor whose it is: it outlives its user for a day."""
        return f"idempotency:{self.service}:{self._digest('name').hex()[:32]}"

    def seal(self, reply: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + AESGCM(self._digest("seal")).encrypt(nonce, reply, self.name.encode())

    def open(self, sealed: bytes) -> bytes:
        """Raises cryptography's InvalidTag where it was altered."""
        return AESGCM(self._digest("seal")).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], self.name.encode())

    def digest_of(self, body: bytes) -> bytes:
        """Tells one command from another under the same key, and nothing to those who don't have that."""
        return sha256(self._digest("body") + body).digest()

    def id_of(self, what: str) -> UUID:
        return uuid5(_NAMESPACE, "\n".join((self.subject, self.user, self.key, what)))

    def _digest(self, use: str) -> bytes:
        return sha256("\n".join((use, self.subject, self.user, self.key)).encode()).digest()


_current: ContextVar[CommandKey | None] = ContextVar("command_key", default=None)


def checked_key(key: str) -> str:
    """The key, where it can travel in a header. Refused: `invalid_idempotency_key` (400)."""
    if not _KEY.fullmatch(key):
        raise Refused(
            400,
            "invalid_idempotency_key",
            "An Idempotency-Key has 1 to 255 visible ASCII characters; a random UUID is a good one.",
        )
    return key


def creation_id(what: str = "") -> UUID:
    """The id of what a command creates: the same at each try under its key, a fresh one where it came without.

    So the insert must cope with a row that is there (ON CONFLICT DO NOTHING) and reply with it. A command that creates several
    things names them with `what`.
    """
    command = _current.get()
    return command.id_of(what) if command else new_id()


def key_reused() -> Refused:
    """The refusal of a command whose key was used for another one."""
    return Refused(
        422, "idempotency_key_reused", "This Idempotency-Key was used for another request. Choose a fresh one."
    )


@contextmanager
def under(command: CommandKey) -> Iterator[None]:
    """Handle a command: `creation_id` follows from its key."""
    token = _current.set(command)
    try:
        yield
    finally:
        _current.reset(token)


@dataclass(frozen=True)
class Try:
    """One try of a command that nobody else works on: `finish` it, or `abandon` it where it failed."""

    cache: Cache
    command: CommandKey
    digest: bytes
    mark: bytes

    async def finish(self, reply: bytes) -> None:
        """Keep the reply for those who send the command again."""
        await self.cache.put(self.command.name, _DONE + self.digest + self.command.seal(reply), KEPT)

    async def abandon(self) -> None:
        """Let the next try begin at once."""
        await self.cache.release_if(self.command.name, self.mark)


async def begin(cache: Cache, command: CommandKey, body: bytes) -> Try | bytes:
    """The try to go on with, or the reply that an earlier one of the same command got.

    Refused: `in_progress` (409) while another try is under way, `idempotency_key_reused` (422) for another command.
    """
    digest = command.digest_of(body)
    mark = _UNDER_WAY + digest + new_id().bytes
    if await cache.acquire(command.name, mark, IN_PROGRESS):
        return Try(cache, command, digest, mark)
    record = await cache.get(command.name)
    if record is not None and record[1 : 1 + len(digest)] != digest:
        raise key_reused()
    if record is None or record[:1] == _UNDER_WAY:  # None: it ended this moment
        raise Refused(409, "in_progress", "This request is being worked on. Send it again in a moment.", retry_after=1)
    return command.open(record[1 + len(digest) :])
