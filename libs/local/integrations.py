"""Integrations: programs of others with a login of their own on the bus. Their durable consumers in the stream INTEGRATIONS are the
record of them: what one may do stands in its consumer's metadata, and what waits for it waits there.

The consumer FORWARDER keeps, of all events, what one of them may have: it changes before a creation is confirmed.
A password is derived from the administrator's and the integration's salt, so it is stored nowhere but in the server's configuration.
"""

import asyncio
import json
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from hmac import digest
from urllib.parse import unquote, urlsplit
from uuid import UUID

from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo
from nats.js.errors import APIError, NotFoundError

from libs.common.events import OFFERED, Event
from libs.common.ids import UserId
from libs.common.integrations import INTEGRATION_STREAM, MADE_AT, PUBLISHABLE, Grants
from libs.common.tls import servers_in, without_tls_files
from libs.common.topology import FORWARDER, integration_consumer, integration_user
from libs.local.bus_admin import Unreachable
from libs.local.urls import with_login, without_login

NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
EVERY_USER = "*"
PAGE = 256  # consumers that the server lists at once

LOCK = "changing"  # a consumer that is there while somebody changes which integrations there are
LOCK_SECONDS = 30  # one that a crash left goes after so long
LOCK_POLL_SECONDS = 0.02
EXISTS_ALREADY = 10148


class NoSuchIntegration(Exception):
    """There is no integration of this name (any more)."""


class IntegrationExists(Exception):
    """The name is taken."""


class NoPassword(Exception):
    """The administrator's login has no password, from which those of integrations could be derived."""


@dataclass(frozen=True)
class Integration:
    """A program of others: its name, what it may do, and the salt of its password, fresh at each rotation."""

    name: str
    grants: Grants
    salt: str
    created_at: datetime

    @property
    def user(self) -> str:
        """Its NATS user."""
        return integration_user(self.name)

    def password(self, key: str) -> str:
        """`key` is the administrator's password."""
        made = digest(key.encode(), f"{self.user}:{self.salt}".encode(), sha256)
        return urlsafe_b64encode(made).decode().rstrip("=")

    def url(self, admin_url: str) -> str:
        """Where it connects, with its login. `admin_url` may list the servers of a cluster; files for TLS are our machine's."""
        password = self.password(key_of(admin_url))
        bare = (without_tls_files(url)[0] for url in servers_in(admin_url))
        return ",".join(with_login(url, self.user, password) for url in bare)

    def metadata(self) -> dict[str, str]:
        """All but the name, as the metadata of its consumer."""
        return {
            "publish": " ".join(event.subject for event in self.grants.publish),
            "subscribe": " ".join(event.subject for event in self.grants.subscribe),
            "users": " ".join(map(str, self.grants.users)) or EVERY_USER,
            "salt": self.salt,
            MADE_AT: self.created_at.isoformat(),
        }


@dataclass(frozen=True)
class Waiting:
    """An integration, and how many messages it has not acknowledged. `pulled_at`: when it was last given any."""

    integration: Integration
    messages: int
    pulled_at: datetime | None


def read_integration(name: str, metadata: Mapping[str, str]) -> Integration:
    """The opposite of `metadata()`. Subjects that this version doesn't offer any more are left out."""
    grants = Grants(
        publish=_among(PUBLISHABLE, metadata.get("publish", "")),
        subscribe=_among(OFFERED, metadata.get("subscribe", "")),
        users=tuple(UserId(UUID(user)) for user in metadata["users"].split() if user != EVERY_USER),
    )
    return Integration(name, grants, metadata["salt"], datetime.fromisoformat(metadata[MADE_AT]))


def key_of(admin_url: str) -> str:
    """The administrator's password, of which the passwords of integrations are made. Raises NoPassword."""
    password = urlsplit(admin_url.split(",")[0].strip()).password
    if not password:
        raise NoPassword(
            f"The URL {without_login(admin_url)} has no password: integrations need one to derive theirs from."
        )
    return unquote(password)


async def list_integrations(js: JetStreamContext) -> list[Waiting]:
    """All of them, by name."""
    found: list[ConsumerInfo] = []
    while len(page := await js.consumers_info(INTEGRATION_STREAM, offset=len(found))) == PAGE:
        found += page
    ours = [
        info for info in (*found, *page) if MADE_AT in (info.config.metadata or {})
    ]  # others are somebody's debugging
    return sorted(map(_waiting, ours), key=lambda waiting: waiting.integration.name)


async def get_integration(js: JetStreamContext, name: str) -> Waiting:
    """Raises NoSuchIntegration."""
    try:
        return _waiting(await js.consumer_info(INTEGRATION_STREAM, name))
    except NotFoundError:
        raise NoSuchIntegration(
            f"There is no integration {name}. `pingcrm integration list` shows those there are."
        ) from None


async def create_integration(js: JetStreamContext, name: str, grants: Grants) -> Integration:
    """From now on what it may have is kept for it. Raises IntegrationExists."""
    integration = Integration(name, grants, _salt(), datetime.now(UTC))
    async with locked(js):
        try:
            await js.consumer_info(INTEGRATION_STREAM, name)
        except NotFoundError:
            await _forward(js, [await _forwarded(js), grants])
            first = (await js.stream_info(INTEGRATION_STREAM)).state.last_seq + 1
            await js.add_consumer(INTEGRATION_STREAM, integration_consumer(name, grants, integration.metadata(), first))
            return integration
    raise IntegrationExists(f"There is an integration {name} already: revoke it first, or choose another name.")


async def rotate_integration(js: JetStreamContext, name: str) -> Integration:
    """It gets another password; what waits for it goes on waiting. Raises NoSuchIntegration."""
    async with locked(js):
        integration = replace((await get_integration(js, name)).integration, salt=_salt())
        known = (await js.consumer_info(INTEGRATION_STREAM, name)).config
        await js.add_consumer(INTEGRATION_STREAM, known, metadata=integration.metadata())
    return integration


async def delete_integration(js: JetStreamContext, name: str) -> None:
    """Nothing is kept for it any more. Raises NoSuchIntegration."""
    async with locked(js):
        await get_integration(js, name)
        await js.delete_consumer(INTEGRATION_STREAM, name)
        await _forward(js, await _all_grants(js))


async def forward_events(js: JetStreamContext) -> None:
    """Declare the consumer of what integrations may have, as those that there are want it."""
    async with locked(js):
        await _forward(js, await _all_grants(js))


async def _forward(js: JetStreamContext, grants: Sequence[Grants]) -> None:
    """Once this returns, every event that is published and that one of these may have is kept until it was copied."""
    await js.add_consumer(FORWARDER.stream, FORWARDER.config(grants))


async def _forwarded(js: JetStreamContext) -> Grants:
    """What is kept so far, as grants of everybody together."""
    config = (await js.consumer_info(FORWARDER.stream, FORWARDER.name)).config
    return Grants(subscribe=_among(OFFERED, " ".join(config.filter_subjects or [config.filter_subject or ""])))


async def _all_grants(js: JetStreamContext) -> list[Grants]:
    return [waiting.integration.grants for waiting in await list_integrations(js)]


@asynccontextmanager
async def locked(js: JetStreamContext) -> AsyncIterator[None]:
    """One at a time changes which integrations there are, or what follows from that: of two who read and write in turns, one is forgotten.

    The lock is a consumer that wants nothing, of which the server creates a single one. Raises Unreachable.
    """
    config = {
        "name": LOCK, "metadata": {"holder": _salt()}, "filter_subjects": [f"rejected.-.{LOCK}"], "deliver_policy": "new",
        "ack_policy": "none", "replay_policy": "instant", "mem_storage": True, "inactive_threshold": LOCK_SECONDS * 10**9,
    }  # fmt: skip
    request = json.dumps({"stream_name": INTEGRATION_STREAM, "action": "create", "config": config}).encode()
    try:
        async with asyncio.timeout(2 * LOCK_SECONDS):
            while not await _created(js, request):  # noqa: ASYNC110 -- the server sets no event of ours
                await asyncio.sleep(LOCK_POLL_SECONDS)
    except TimeoutError:
        raise Unreachable("Somebody else has been changing integrations for a minute. Try again.") from None
    try:
        yield
    finally:
        await js.delete_consumer(INTEGRATION_STREAM, LOCK)


async def _created(js: JetStreamContext, request: bytes) -> bool:
    """False: somebody else has it."""
    try:
        await js._api_request(f"$JS.API.CONSUMER.CREATE.{INTEGRATION_STREAM}.{LOCK}", request, timeout=LOCK_SECONDS)
    except APIError as error:
        if error.err_code != EXISTS_ALREADY:
            raise
        return False
    return True


def _among(events: Sequence[type[Event]], subjects: str) -> tuple[type[Event], ...]:
    wanted = subjects.split()
    return tuple(event for event in events if event.subject in wanted)


def _salt() -> str:
    return secrets.token_hex(16)


def _waiting(info: ConsumerInfo) -> Waiting:
    integration = read_integration(info.name, info.config.metadata or {})
    pulled_at = info.delivered.last_active if info.delivered else None
    return Waiting(integration, (info.num_pending or 0) + (info.num_ack_pending or 0), pulled_at)
