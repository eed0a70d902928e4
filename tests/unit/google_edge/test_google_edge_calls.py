"""Calls through the edge against the local Google: tokens, retries, prices, sending."""

from datetime import UTC, datetime, time, timedelta
from email.message import EmailMessage
from zoneinfo import ZoneInfo

import pytest

from libs.common.errors import Outage, Throttled
from libs.common.google.errors import (
    DailyLimit,
    Gone,
    HistoryExpired,
    MissingScope,
    NotReady,
    PageExpired,
    Unauthorized,
    WatchConflict,
)
from libs.google_sim.faults import Rule
from tests.support.google_edge import edge
from tests.support.sync_stage import ADDRESS, maya, message


async def test_a_listing_comes_in_pages_and_the_price_is_counted() -> None:
    async with edge(maya([message(n) for n in range(600)])) as (account, _, _):
        first = await account.gmail.list_messages("after:1")
        second = await account.gmail.list_messages("after:1", first.next_page)
        with pytest.raises(PageExpired):
            await account.gmail.list_messages("after:1", "nonsense")
    assert (len(first.messages), len(second.messages), second.next_page) == (500, 100, None)
    assert (account.usage.requests, account.usage.units) == (3, 15)


async def test_a_refused_token_is_renewed(quick_tries: None) -> None:
    async with edge(maya([message(1)])) as (account, google, bearer):
        bearer.bad_first = True
        assert (await account.gmail.profile()).address == ADDRESS
        assert [rejected for _, rejected in bearer.requested] == [None, "ended"]
        google.world.faults.set([Rule("getProfile", "401")], 0)
        with pytest.raises(Unauthorized):
            await account.gmail.profile()
        rejected = [rejected for _, rejected in bearer.requested[2:]]
        assert len(rejected) == len(set(rejected)) > 2  # each of them was a new token


@pytest.mark.parametrize(
    "kind", ["403rate", "429", "retry_after", "5xx", "reset", "truncated", "invalid_json", "400precondition"]
)
async def test_a_passing_fault_is_no_failure(kind: str) -> None:
    async with edge(maya([message(1)])) as (account, google, _):
        google.world.faults.set([Rule("getProfile", kind, first=1)], 0)  # type: ignore[arg-type]
        assert (await account.gmail.profile()).address == ADDRESS
        assert google.world.counters.http == 2  # a reset connection is tried again by aiohttp itself


@pytest.mark.parametrize(
    ("kind", "error"), [("403rate", Throttled), ("5xx", Outage), ("truncated", Outage), ("400precondition", NotReady)]
)
async def test_a_lasting_fault_is_raised_in_time(kind: str, error: type[Exception], impatient: None) -> None:
    async with edge(maya()) as (account, google, _):
        google.world.faults.set([Rule("getProfile", kind)], 0)  # type: ignore[arg-type]
        with pytest.raises(error):
            await account.gmail.profile()


async def test_a_wait_longer_than_the_retry_budget_is_raised_at_once() -> None:
    async with edge(maya()) as (account, google, _):
        google.world.faults.set([Rule("getProfile", "retry_after", seconds=3600)], 0)
        with pytest.raises(Throttled) as raised:
            await account.gmail.profile()
        assert raised.value.retry_after == timedelta(hours=1)
        assert google.world.counters.http == 1


async def test_the_day_s_quota_is_not_requested_again() -> None:
    async with edge(maya()) as (account, google, _):
        google.world.faults.set([Rule("getProfile", "daily")], 0)
        with pytest.raises(DailyLimit) as raised:
            await account.gmail.profile()
        assert raised.value.ends_at.astimezone(ZoneInfo("America/Los_Angeles")).time() == time(0)
        assert google.world.counters.http == 1


async def test_another_client_s_watch_is_named() -> None:
    async with edge(maya()) as (account, _, _):
        watch = await account.gmail.watch("projects/pingcrm/topics/mail")
        assert timedelta(days=6) < watch.expires_at - datetime.now(UTC) <= timedelta(days=7)
        with pytest.raises(WatchConflict):
            await account.gmail.watch("projects/pingcrm/topics/other")
        await account.gmail.stop_watch()
        await account.gmail.watch("projects/pingcrm/topics/other")


async def test_a_message_is_found_by_its_message_id() -> None:
    async with edge(maya([message(n) for n in range(5)])) as (account, _, _):
        found = await account.gmail.find_ids("rfc822msgid:3@example.org", 10)
        assert [listed.gmail_id for listed in found] == [f"{3:016x}"]
        assert len(await account.gmail.find_ids("", 2)) == 2


async def test_a_send_whose_response_was_lost_is_not_sent_again() -> None:
    mail = EmailMessage()
    mail["From"] = mail["To"] = ADDRESS
    mail["Subject"] = "Meeting prep"
    mail["X-PingCRM-Prep"] = "token-1"
    mail.set_content("token-1")
    async with edge(maya()) as (account, google, _):
        google.world.faults.set([Rule("send", "lost_send", first=1)], 0)
        with pytest.raises(Outage):
            await account.gmail.send(mail.as_bytes())
        (listed,) = await account.gmail.list_sent_ids()
        found = await account.gmail.get_message(listed.gmail_id)
        assert (found.headers or {})["x-pingcrm-prep"] == ("token-1",)
        sent = await account.gmail.send(mail.as_bytes())
        assert sent not in ("", listed.gmail_id)
        assert len(google.world.outbox.mails) == 2


async def test_what_is_gone_and_what_is_too_old_are_distinguished() -> None:
    async with edge(maya([message(1)])) as (account, google, _):
        with pytest.raises(Gone):
            await account.gmail.get_message("ffff")
        google.world.accounts[ADDRESS].mailbox.expire_history()
        with pytest.raises(HistoryExpired):
            await account.gmail.history(1)


async def test_a_permission_that_was_not_granted_is_named() -> None:
    async with edge(maya(), scopes=("openid",)) as (account, _, _):
        with pytest.raises(MissingScope):
            await account.gmail.profile()


async def test_aliases_are_the_confirmed_addresses() -> None:
    async with edge(maya(aliases=["work@example.com"])) as (account, _, _):
        assert await account.gmail.send_as() == (ADDRESS, "work@example.com")


async def test_the_calendars_of_an_account_are_listed() -> None:
    async with edge(maya()) as (account, _, _):
        assert [(listed.calendar_id, listed.primary) for listed in await account.calendar.calendars()] == [
            (ADDRESS, True)
        ]
        with pytest.raises(Gone):
            await account.calendar.events("../../x#y/z")
