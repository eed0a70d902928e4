"""The operations page and the metrics, of all five services: who sees them, what they show, and a dead letter that is replayed."""

import html
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import aiohttp
import asyncpg
import nats
import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from libs.common.dead_letters import Letter
from libs.common.errors import Refused
from libs.common.events import Event, Identity, InteractionReported, PrepFailed, SettingsChanged, UserDeleted
from libs.common.ids import SERVICES, AccountId, MeetingId, Service, UserId, new_id
from libs.common.preferences import GmailPreferences, Preferences
from libs.common.requests import HandleAgainInSync, ReplayDeadLetter
from libs.common.service import Resources, running
from libs.local.ports import free_port
from libs.local.servers import Nats
from services.auth.credentials import fingerprint
from services.gateway.sessions.cookies import SESSION_COOKIE
from tests.conftest import ServiceSettings
from tests.support.bus import stream
from tests.support.database import Database

HTML = {"Accept": "text/html"}
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
ALICE, BOB = UserId(new_id()), UserId(new_id())
PRIVATE = "ann.private@example.com"
TRACE = "0123456789abcdef0123456789abcdef"


@dataclass(frozen=True)
class Installation:
    """All services; Alice owns it, Bob is a user of it."""

    url: str
    health_ports: dict[Service, int]
    resources: dict[Service, Resources]
    database: Database
    nats: Nats

    def browser(self, session: str) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            self.url, headers={**HTML, "Origin": self.url}, cookies={SESSION_COOKIE: session} if session else {}
        )

    async def rows(self, query: str) -> list[Any]:
        connection = await asyncpg.connect(self.database.admin_url)
        try:
            return list(await connection.fetch(query))
        finally:
            await connection.close()

    async def write(self, service: Service, consumer: str, subject: str, payload: bytes) -> int:
        """A dead letter as a service writes it; its number."""
        letter = Letter(subject, payload, "OperationalError: It was away.", consumer, attempts=6)
        client = await nats.connect(self.nats.admin_url)
        try:
            headers = {**letter.headers(), "Pingcrm-Trace": TRACE}
            stored = await client.jetstream().publish(letter.address(service), payload, headers=headers)
            return stored.seq
        finally:
            await client.close()

    async def given_up(self, service: Service, event: Event, *, of: str = "") -> int:
        """An event that this service gave up. `of`: who published it and for whom, where an integration did."""
        consumer = f"{service}_{event.subject.replace('.', '_')}"
        return await self.write(service, consumer, f"{event.subject}{of}", event.model_dump_json().encode())

    async def numbers(self) -> list[int]:
        """The dead letters that are left."""
        client = await nats.connect(self.nats.admin_url)
        try:
            state = (await client.jetstream().stream_info("DEAD")).state
            return [state.first_seq, state.messages]
        finally:
            await client.close()


@pytest_asyncio.fixture
async def installation(
    service_settings: ServiceSettings, database: Database, nats_server: Nats
) -> AsyncIterator[Installation]:
    connection = await asyncpg.connect(database.admin_url)
    for user, session, owner in ((ALICE, "alice", True), (BOB, "bob", False)):
        await connection.execute(
            "INSERT INTO auth.users (id, sub, name, address, owner) VALUES ($1, $2, $2, 'a@b.example', $3)",
            user, session, owner,
        )  # fmt: skip
        await connection.execute(
            "INSERT INTO auth.sessions (user_id, hash, expires_at) VALUES ($1, $2, now() + interval '1 day')",
            user, fingerprint(session),
        )  # fmt: skip
    await connection.close()
    port, health_ports = free_port(), {service: free_port() for service in SERVICES}
    resources: dict[Service, Resources] = {}
    async with AsyncExitStack() as stack:
        for service in SERVICES:
            settings = service_settings(service).model_copy(update={"port": port, "health_port": health_ports[service]})
            wire = import_module(f"services.{service}.__main__").wire
            resources[service] = await stack.enter_async_context(running(service, settings, wire))
            resources[service].measuring.shortest_seconds = 0.0
        yield Installation(f"http://127.0.0.1:{port}", health_ports, resources, database, nats_server)


async def test_only_operators_have_the_page_and_nobody_the_metrics_on_the_public_port(
    installation: Installation,
) -> None:
    for session, shown, link in (("alice", 200, True), ("bob", 404, False), ("", 302, False)):
        async with installation.browser(session) as browser:
            async with browser.get("/operations", allow_redirects=False) as response:
                assert response.status == shown, session
                assert ("contacts_message_ingested" in await response.text()) is False
            async with browser.post("/operations/dead-letters/1/replay", allow_redirects=False) as response:
                assert response.status == {"alice": 303, "bob": 404, "": 302}[session], session
            async with browser.get("/settings") as response:
                assert ('href="/operations"' in await response.text()) is link, session
            async with browser.get("/metrics") as response:
                assert response.status == 404

    async with installation.browser("alice") as browser, browser.get("/operations") as response:
        page = await response.text()
    found: dict[str, float] = {}
    ceilings: dict[str, float] = {}
    async with aiohttp.ClientSession() as prometheus:
        for service, port in installation.health_ports.items():
            async with prometheus.get(f"http://127.0.0.1:{port}/metrics") as response:
                families = list(text_string_to_metric_families(await response.text()))
            samples = [each for family in families for each in family.samples]
            found |= {each.name: each.value for each in samples if each.name.startswith("pingcrm_")}
            ceilings |= {
                each.labels["api"]: each.value for each in samples if each.name == "pingcrm_quota_ceiling_units"
            }
            failed = [each.labels["part"] for each in samples if each.name == "pingcrm_measure_failed" and each.value]
            assert failed == [], service
            queues = {each.labels["consumer"] for each in samples if each.name == "pingcrm_queue_waiting"}
            assert all(name.startswith(f"{service}_") for name in queues)
    assert (found["pingcrm_users"], ceilings) == (2, {"gmail": 1_200_000, "calendar": 10_000})
    assert "<dt>Users</dt><dd>2</dd>" in page
    assert ", as of <time" in page.partition('id="operations"')[2], "it is fetched again with the numbers"
    assert "Gmail's quota: 0 of 1,200,000 units" in html.unescape(page)
    assert "Google Calendar's quota: 0 of 10,000 requests" in html.unescape(page)
    assert re.search(r"PostgreSQL 18\.\d+, NATS 2\.\d+\.\d+<", page)
    assert "does not reply" not in page


async def test_an_operator_sees_dead_letters_and_has_them_handled_again(installation: Installation) -> None:
    account, meeting = AccountId(new_id()), MeetingId(new_id())
    after = Preferences(gmail=GmailPreferences(mail_lookback_days=30))
    failed = PrepFailed(
        user_id=BOB,
        account_id=account,
        meeting_id=meeting,
        title=PRIVATE,
        starts_at=NOW + timedelta(hours=1),
        error="No.",
    )
    chat = InteractionReported(
        user_id=BOB, platform="telegram", ref="1", occurred_at=NOW, direction="inbound", kind="message",
        identities=(Identity(kind="email", value=PRIVATE),), text=PRIVATE,
    )  # fmt: skip
    changed = SettingsChanged(user_id=BOB, version=1, before=Preferences(), after=after)
    forged = await installation.given_up("contacts", chat, of=f".telegram.{ALICE}")
    unreadable = await installation.write("contacts", "contacts_message_ingested", "message.ingested", PRIVATE.encode())
    order = await installation.given_up("sync", UserDeleted(user_id=BOB, account_ids=()))
    of_another = await installation.write(
        "prep", "sync_settings_changed", "settings.changed", changed.model_dump_json().encode()
    )
    unpublished = await installation.write("auth", "auth_outbox", "settings.changed", b"{}")
    alien = await installation.write("prep", "prep_meeting_upcoming", "$JS.API.STREAM.PURGE.DEAD", b"{}")
    stay = [forged, unreadable, order, of_another, unpublished, alien]
    for service, event, of, query in (
        ("gateway", failed, "", "SELECT FROM gateway.notifications"),
        ("contacts", chat, f".telegram.{BOB}", "SELECT FROM contacts.interactions WHERE platform = 'telegram'"),
        ("sync", changed, "", "SELECT FROM sync.preferences"),
    ):
        number = await installation.given_up(service, event, of=of)  # type: ignore[arg-type]
        assert await installation.rows(query) == []
        async with installation.browser("alice") as browser:
            async with browser.get("/operations") as response:
                page = await response.text()
                assert f"{number} · {event.subject} · {service}_" in page
                assert f"Dead letters: {len(stay) + 1}. " in page
                assert TRACE in page
                assert PRIVATE not in page
            replay = f"/operations/dead-letters/{number}/replay"
            async with browser.post(replay, allow_redirects=False) as response:
                assert response.status == 303, await response.text()
            async with browser.post(replay, allow_redirects=False) as response:
                assert response.status == 303, "somebody else was faster"
        assert len(await installation.rows(query)) == 1, service

    async with installation.browser("alice") as browser:
        for number, status, sentence in (
            (forged, 422, "not the user whom the subject names"),
            (unreadable, 422, "It failed again."),
            (order, 409, f"pingcrm dead replay {order}"),
            (of_another, 409, f"pingcrm dead replay {of_another}"),
            (unpublished, 409, f"pingcrm dead replay {unpublished}"),
            (alien, 409, f"Dead letter {alien} stays: prep neither consumes nor publishes"),
        ):
            async with browser.post(f"/operations/dead-letters/{number}/replay") as response:
                page = await response.text()
                assert (response.status, sentence in page) == (status, True), page
                assert PRIVATE not in page
        for number in ("0", "x", "9" * 30):
            async with browser.post(f"/operations/dead-letters/{number}/replay") as response:
                assert response.status == 404
    assert await installation.numbers() == [forged, len(stay)]


async def test_letters_with_headers_that_nobody_can_read_are_on_the_page_as_what_they_are(
    installation: Installation,
) -> None:
    hostile = (
        {"Pingcrm-Attempts": "many", "Pingcrm-At": "yesterday"},
        {"Pingcrm-Attempts": "9" * 5_000, "Pingcrm-At": "0001-01-01T00:00:00+14:00", "Pingcrm-Reason": "<b>é</b>"},
        {"Pingcrm-Encoding": "gzip", "Pingcrm-Consumer": "\x1b[2J", "Pingcrm-Subject": "user.deleted"},
        None,
    )
    client = await nats.connect(installation.nats.admin_url)
    numbers = [
        (await client.jetstream().publish("dead.prep.-.-.meeting.upcoming", b"x", headers=headers)).seq
        for headers in hostile
    ]
    await client.close()
    readable = await installation.write("contacts", "contacts_message_ingested", "message.ingested", b"{}")
    async with installation.browser("alice") as browser, browser.get("/operations") as response:
        page = await response.text()
    assert response.status == 200
    for number in numbers:
        assert f"{number} · meeting.upcoming · " in page
        assert f"<code>pingcrm dead replay {number}</code>" in page
    assert f"{readable} · message.ingested · contacts_message_ingested" in page
    assert page.count("Attempts unknown") == page.count("Time unknown") == len(hostile)
    assert "<b>" not in page
    assert "\x1b" not in page


async def test_no_service_orders_another_to_delete_or_to_do_what_an_integration_may_not(
    installation: Installation,
) -> None:
    contacts = installation.resources["contacts"].bus
    order = UserDeleted(user_id=BOB, account_ids=()).model_dump_json().encode()
    for subject in ("user.deleted", "nothing.of.ours"):
        with pytest.raises(Refused, match="not_replayable"):
            await contacts.request(HandleAgainInSync(event_subject=subject, payload=b64encode(order)))
    with pytest.raises(Refused, match="not_found"):
        await installation.resources["gateway"].bus.request(ReplayDeadLetter(number=99))
    with pytest.raises(KeyError, match="lets contacts read dead letters"):
        _ = installation.resources["sync"].bus.dead_letters
    assert (await stream(installation.nats, "DEAD")).state.messages == 0
