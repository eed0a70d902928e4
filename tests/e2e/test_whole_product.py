"""The whole product on the local Google's sample, as a person uses it."""

import json
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from libs.common.addresses import canonical, without_tag
from libs.common.ids import SERVICES
from libs.common.scopes import GMAIL_SEND
from libs.google_sim.account import AccountData
from libs.google_sim.sample import sample
from libs.local.demo.person import Unexpected, person_at, poll_until
from libs.local.tick import tick
from tests.support import provoked
from tests.support.bus_programs import LISTENER, lines_of, pingcrm, report, start, url_in
from tests.support.monitoring import PROMTOOL, Series, problems_of_logs, problems_of_metrics, scraped
from tests.support.privacy import (
    ADDRESS,
    SHORTEST,
    Recorded,
    found_in,
    leaks,
    logged_lines,
    outside_of_the_schema,
    private_texts,
    recorded_bus,
)
from tests.support.product import Product, product
from tests.support.traces import MARKS, traces


async def briefed(it: Product, wanted: int) -> bool:
    async def enough() -> bool:
        return len(await it.google.briefs()) >= wanted

    return await poll_until(enough, seconds=60)


def subject_of(mail: dict[str, Any]) -> str:
    return next(value for name, value in mail["headers"] if name == "Subject")


def handled(log: Path, subject: str) -> int:
    """How many messages of this subject the process that wrote this log has handled."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return sum(line["count"] for line in lines if line["event"] == "handled" and line["subject"] == subject)


@pytest.mark.timeout(300)
async def test_two_replicas_of_everything_yield_what_one_would(tmp_path: Path) -> None:
    """One person, two accounts, two of each service: the oracle's numbers, one brief per meeting, each schedule once."""
    accounts = sample(datetime.now(UTC))
    # Gmail's quota is counted, with more than enough of it: what is measured of it is there.
    settings = {"PINGCRM_LOG_LEVEL": "DEBUG", "PINGCRM_GMAIL_PROJECT_UNITS_PER_MINUTE": "1000000000"}
    async with (
        product(tmp_path, accounts, replicas=dict.fromkeys(SERVICES, 2), settings=settings) as it,
        recorded_bus(it) as recorded,
    ):
        await it.person.sign_in(accounts[0].address)
        await it.person.add_account(accounts[1].address)
        await it.settle()
        expected, actually = await it.numbers()
        assert actually == expected
        assert await it.doubled() == 0

        for _ in range(2):  # a scan that is repeated briefs nobody twice
            await tick(it.stack.admin_nats_url, "prep")
            assert await briefed(it, 2)
            await it.settle()
        briefs = await it.google.briefs()
        assert len(briefs) == 2
        assert len({subject_of(brief) for brief in briefs}) == 2

        # A tick is for one of the replicas: two scans were requested, and two were made.
        assert sum(handled(log, "clock.prep") for log in (tmp_path / "logs").glob("sync*.log")) == 2

        # Both gateways show the same.
        async with person_at(it.stack.urls[1]) as elsewhere:
            cookies = it.person.http.cookie_jar.filter_cookies(URL(it.stack.url))
            elsewhere.http.cookie_jar.update_cookies(cookies, URL(it.stack.urls[1]))
            assert (await elsewhere.call("GET", "/me"))["counts"] == (await it.person.call("GET", "/me"))["counts"]
        await assert_nothing_private_and_nothing_silent(it, tmp_path, accounts, recorded)
        await assert_operators_see_how_it_is(it, tmp_path)
        await assert_a_purge_and_a_deletion_leave_no_trace(it, accounts)


async def assert_nothing_private_and_nothing_silent(
    it: Product, folder: Path, accounts: list[AccountData], recorded: Recorded
) -> None:
    """What it writes about all that happened, and about failures that are provoked here, has causes and no people."""
    synced = await provoked.sync_that_fails_at_first(it, folder, accounts[0])
    briefed_by_hand = await provoked.brief_by_hand(it)
    await provoked.event_that_cannot_be_parsed(it)
    bodies = await provoked.error_bodies(it)
    await it.settle()
    private = private_texts(accounts) | provoked.PROVOKED
    assert len(private) > 1_000
    assert await leaks(it, folder, recorded, private) == []
    assert found_in("error bodies", bodies, private) == []
    # One trace from the request to the notification: through the bus and a failed delivery, and through an outbox.
    assert {
        ("gateway", "request"), ("auth", "answered"), ("sync", "handled"), ("sync", "run_ended"),
        ("contacts", "struck"), ("contacts", "handled"), ("gateway", "notified"),
    } <= set(provoked.lines_under(folder, synced))  # fmt: skip
    assert {("gateway", "request"), ("prep", "prep_sent"), ("gateway", "notified")} <= set(
        provoked.lines_under(folder, briefed_by_hand)
    )
    assert ("contacts", "dead_letter") in {
        (line["service"], line["event"]) for line in logged_lines(folder) if line["level"] == "error"
    }
    assert outside_of_the_schema(folder) == []


async def assert_operators_see_how_it_is(it: Product, folder: Path) -> None:
    """The page of the owner has the numbers of the metrics; alerts and dashboards find what they look for in what was emitted."""
    emitted: list[Series] = []
    for (service, replica), port in it.stack.health_ports.items():
        async with it.person.http.get(f"http://127.0.0.1:{port}/metrics") as response:
            emitted += scraped(service, f"{service}-{replica}", await response.text())
    async with it.person.http.get(f"{it.stack.url}/operations", headers={"Accept": "text/html"}) as response:
        page = await response.text()
        assert response.status == 200
    numbers = {(series.name, series.labels.get("state", "")): int(series.value) for series in emitted}
    assert numbers["pingcrm_accounts", "active"] == 2
    assert "<dt>Connected</dt><dd>2 accounts</dd>" in page
    assert f"{numbers['pingcrm_briefs_of_day', 'sent']} sent" in page
    assert "message.ingested · contacts_message_ingested" in page
    assert [text for text in provoked.PROVOKED if text in page] == []
    assert problems_of_logs(list(logged_lines(folder))) == []
    if PROMTOOL:  # test_monitoring.py says where it is not
        assert problems_of_metrics(PROMTOOL, folder, emitted, firing={"PingCRMDeadLetters"}) == ""


async def assert_a_purge_and_a_deletion_leave_no_trace(it: Product, accounts: list[AccountData]) -> None:
    """All that is kept anywhere is read. Of the account its own addresses stay, which are the user's; of the user the marks that they
    are gone, which are ids.
    """
    me = await it.person.call("GET", "/me")
    ids = {account["address"]: account["id"] for account in (await it.person.call("GET", "/accounts"))["items"]}
    await it.person.call("POST", "/me/export")

    async def exported() -> bool:
        return bool(await it.rows("SELECT FROM gateway.exports WHERE state = 'done'"))

    assert await poll_until(exported, seconds=60)
    first, second = accounts[0], accounts[1]
    its_own = only_in(second, first)
    assert await traces(it, its_own), "what is searched shows what is there"

    await it.person.call("DELETE", f"/accounts/{ids[second.address]}?purge=true")
    await leaves_no_trace(it, its_own)

    await it.person.call("DELETE", "/me", {"confirm": True})
    await leaves_no_trace(it, [me["id"], *ids.values()], but=MARKS)
    await leaves_no_trace(it, private_texts(accounts))


def only_in(account: AccountData, other: AccountData) -> set[str]:
    """Snippets and addresses of this account that nothing of the other one holds; without the addresses that are the account itself."""
    texts, others = private_texts([account]), "\n".join(private_texts([other]))
    own = {canonical(address) for address in (account.address, *account.aliases)}
    addresses = {address for text in texts for address in ADDRESS.findall(text)}
    strangers = {address for address in addresses if without_tag(canonical(address) or address) not in own}
    snippets = {message["snippet"] for message in account.messages if len(message["snippet"]) >= SHORTEST}
    return {text for text in strangers | snippets if text not in others}


async def leaves_no_trace(it: Product, wanted: Collection[str], *, but: Collection[str] = ()) -> None:
    found: list[str] = []

    async def is_gone() -> bool:
        nonlocal found
        found = await traces(it, wanted, but=but)
        return not found

    assert await poll_until(is_gone, seconds=60, every=0.5), "\n".join(found[:20])


@pytest.mark.timeout(180)
async def test_a_person_sees_what_happened_and_nobody_else_does(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    accounts = sample(now)
    async with product(tmp_path, accounts) as it, listener(tmp_path) as sheet:
        await it.person.sign_in(accounts[0].address)
        await it.settle()
        await assert_integrations_get_and_report(it, tmp_path, sheet, accounts[0].address)
        notes = [note async for note in it.person.all("/notifications")]
        assert {note["kind"] for note in notes} >= {"sync.completed"}
        # By name: who was heard from last is still being computed, and pages of a list that moves may show somebody twice.
        contacts = [contact async for contact in it.person.all("/contacts", sort="name", limit=20)]
        assert len({contact["id"] for contact in contacts}) == len(contacts) > 20
        friend = next(contact for contact in contacts if contact["emails"])
        timeline = [line async for line in it.person.all(f"/contacts/{friend['id']}/interactions", limit=5)]
        assert timeline == sorted(timeline, key=lambda line: line["occurred_at"], reverse=True)

        # A mail that arrives is on the timeline after a sync; trashed, it leaves.
        mail = f"From: {friend['name']} <{friend['emails'][0]}>\r\nTo: {accounts[0].address}\r\nSubject: Lunch?\r\n"
        mail += (
            f"Message-ID: <lunch-1@example.net>\r\nDate: {now:%a, %d %b %Y %H:%M:%S} +0000\r\n\r\nTomorrow at noon?\r\n"
        )
        stored = await it.google.control("POST", f"/accounts/{accounts[0].address}/messages", {"raw": mail})
        account = (await it.person.call("GET", "/accounts"))["items"][0]
        await it.person.call("POST", f"/accounts/{account['id']}/sync", {"kinds": ["mail"]})

        async def shown() -> bool:
            page = await it.person.call("GET", f"/contacts/{friend['id']}/interactions")
            return any(line["title"] == "Lunch?" for line in page["items"])  # a meeting to come stands above it

        assert await poll_until(shown, seconds=20)
        why = await it.person.call("GET", f"/accounts/{account['id']}/messages/{stored['id']}/why")
        assert why["state"] == "recorded"
        await it.google.control("POST", f"/accounts/{accounts[0].address}/messages/{stored['id']}/trash", {})
        await it.person.call("POST", f"/accounts/{account['id']}/sync", {"kinds": ["mail"]})

        async def hidden() -> bool:
            return not await shown()

        assert await poll_until(hidden, seconds=20)

        # Somebody else signs in and asks for the same things by id.
        async with person_at(it.stack.url) as stranger:
            await stranger.sign_in(accounts[1].address)
            for path in (
                f"/contacts/{friend['id']}",
                f"/contacts/{friend['id']}/interactions",
                f"/accounts/{account['id']}/syncs",
            ):
                with pytest.raises(Unexpected, match="answered 404"):
                    await stranger.call("GET", path)
            # The account of the first person can't be taken over.
            with pytest.raises(Unexpected, match="409"):
                await stranger.add_account(accounts[0].address)


@asynccontextmanager
async def listener(data_dir: Path) -> AsyncIterator[Path]:
    """The file that docs/build/bus_listener.py fills, from before anybody has signed in."""
    sheet = data_dir / "events.csv"
    made = await pingcrm(data_dir, "integration", "create", "sheet", "--subscribe", "message.ingested,contact.changed")
    listening = await start(LISTENER, str(sheet), PINGCRM_BUS_URL=url_in(made))
    try:
        yield sheet
    finally:
        listening.kill()
        await listening.wait()


async def assert_integrations_get_and_report(it: Product, data_dir: Path, sheet: Path, address: str) -> None:
    """Every mail that was recorded is in the sheet, once; whom a connector reports is a contact, and the sheet has that, too."""
    rows = await it.rows("SELECT gmail_id FROM sync.messages WHERE state = 'recorded'")
    recorded = {row["gmail_id"] for row in rows}

    async def has_every_mail() -> bool:
        mails = [event for name, event in lines_of(sheet) if name == "message.ingested"]
        revisions = {(mail["gmail_id"], mail["revision"]) for mail in mails}
        return {mail["gmail_id"] for mail in mails} == recorded and len(mails) == len(revisions)

    assert await poll_until(has_every_mail, seconds=20)
    made = await pingcrm(
        data_dir, "integration", "create", "telegram", "--publish", "interaction.reported", "--user", address
    )
    salut = {"ref": "7", "at": "2026-01-31T12:00:00Z", "from": "@amara_d", "name": "Amara Diop", "text": "Salut"}
    await report(url_in(made), (await it.person.call("GET", "/me"))["id"], salut)

    async def is_in_the_sheet() -> bool:
        found = (await it.person.call("GET", "/contacts?q=Amara+Diop"))["items"]
        changed = {id_ for name, event in lines_of(sheet) if name == "contact.changed" for id_ in event["contact_ids"]}
        return [contact["id"] for contact in found if contact["id"] in changed] != []

    assert await poll_until(is_in_the_sheet, seconds=20)


@pytest.mark.timeout(180)
async def test_a_permission_that_was_unticked_is_missed_and_requested_again(tmp_path: Path) -> None:
    accounts = sample(datetime.now(UTC))[:1]
    async with product(tmp_path, accounts) as it:
        await it.person.sign_in(accounts[0].address, without={GMAIL_SEND})
        await it.settle()
        account = (await it.person.call("GET", "/accounts"))["items"][0]
        assert [missing["scope"] for missing in account["missing"]] == [GMAIL_SEND]
        await tick(it.stack.admin_nats_url, "prep")
        await it.settle()
        assert await it.google.briefs() == []
        skipped = await it.rows("SELECT reason FROM prep.preps WHERE state = 'skipped'")
        assert {row["reason"] for row in skipped} == {"missing_scope"}

        again = await it.person.call("POST", "/accounts/connect", {"account_id": account["id"]})
        async with it.person.http.get(again["authorize_url"]) as page:
            await it.person.consent(page, accounts[0].address)
        account = (await it.person.call("GET", "/accounts"))["items"][0]
        assert account["missing"] == []
