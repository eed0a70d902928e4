"""The settings, accounts and notifications as pages: what they show, and what their forms do without any script."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import aiohttp
import pytest

from libs.common import requests as q
from libs.common.events import PrepSent, SyncCompleted
from libs.common.ids import MeetingId, RunId, new_id
from libs.common.preferences import WEBHOOK_EVENTS, GmailPreferences, NotificationPreferences, Preferences
from libs.common.scopes import ALL, CALENDAR_READ, GMAIL_SEND
from libs.local.servers import Nats
from services.gateway.api import meetings
from services.gateway.domain import webhook_delivery
from services.gateway.pages import settings as settings_pages
from tests.support.bus import handled
from tests.support.gateway import RunningGateway
from tests.support.gateway.pages import HTML, browser, gateway, page, requested, submit
from tests.support.gateway.values import NOW, account_of
from tests.support.webhooks import Receiver, choose_webhook, publish_completed, receiver, signatures

__all__ = ["browser", "gateway", "receiver"]  # fixtures


def run(account: q.Account, kind: str = "mail", **fields: Any) -> q.Run:
    base: dict[str, Any] = {
        "id": RunId(new_id()),
        "account_id": account.id,
        "kind": kind,
        "reason": "schedule",
        "first": False,
    }
    return q.Run.model_validate({**base, "started_at": NOW, "state": "completed", "finished_at": NOW, **fields})


async def save(browser: aiohttp.ClientSession, **form: str) -> str:
    """Save a section; the page that follows."""
    status, location = await submit(browser, "/settings", form)
    assert status == 303, location
    assert location.endswith(f"#{form['group']}")
    return await page(browser, location.partition("#")[0])


def undo_of(html: str) -> str:
    (undo_id,) = re.findall(r'name="undo" value="([^"]+)"', html)
    return undo_id


BRIEFS = {"group": "briefs", "meeting_prep_enabled": "on", "time_zone": ""}
PEOPLE = {"group": "people", "contact_creation": "none", "own_addresses": "a@x.example\r\n\r\n"}
SYNC = {"group": "sync", "mail_lookback_days": "90", "calendar_ids": "team@group.calendar.google.com"}


async def test_each_section_of_the_settings_is_saved_by_itself_and_can_be_undone_for_a_while(
    gateway: RunningGateway, browser: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, stored = gateway.world.alice.id, gateway.world.preferences
    html = await save(browser, group="briefs", time_zone="Europe/Berlin")
    assert (stored[alice].gmail.meeting_prep_enabled, stored[alice].gmail.time_zone) == (False, "Europe/Berlin"), (
        "an empty box is off"
    )
    assert html.count("Saved.") == 1
    await save(browser, **PEOPLE)
    assert await submit(browser, "/settings/undo", {"undo": undo_of(html)}) == (303, "/settings#briefs")
    assert stored[alice].gmail == GmailPreferences(contact_creation="none", own_addresses=("a@x.example",)), (
        "what was changed since stays"
    )
    status, html = await submit(browser, "/settings/undo", {"undo": undo_of(html)})
    assert (status, "too late to undo" in html) == (409, True), "once"
    await save(browser, **SYNC)
    html = await save(browser, group="notifications", webhook_url="https://hooks.example/x")
    assert str(stored[alice].notifications.webhook_url) == "https://hooks.example/x"
    assert (stored[alice].gmail.mail_lookback_days, stored[alice].gmail.calendar_ids) == (90, (SYNC["calendar_ids"],))
    async with gateway.browser("session-of-bob", **HTML) as bobs:
        assert (await submit(bobs, "/settings/undo", {"undo": undo_of(html)}))[0] == 409
    assert await submit(browser, "/settings", SYNC) == (303, "/settings#sync"), "the same again changes nothing"
    for section, name, value, sentence in (
        (BRIEFS, "time_zone", "Mars/Olympus", "is not a time zone"),
        (PEOPLE, "own_addresses", "nobody", "is not an email address"),
        (SYNC, "mail_lookback_days", "many", "This must be a whole number."),
    ):
        before = stored[alice]
        status, html = await submit(browser, "/settings", {**section, name: value})
        assert (status, sentence in html, stored[alice]) == (422, True, before)
    monkeypatch.setattr(settings_pages, "UNDO_LIFE", timedelta(milliseconds=1))
    html = await save(browser, **{**BRIEFS, "time_zone": "Europe/Paris"})
    assert "Saved." in html
    assert 'name="undo"' not in html, "it is over"


async def test_calendars_are_ticked_in_googles_list_and_one_that_is_not_in_it_stays_as_it_is(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    alice, stored = gateway.world.alice.id, gateway.world.preferences
    stored[alice] = Preferences(gmail=GmailPreferences(calendar_ids=("gone@group.example",)))
    own = gateway.world.account(gateway.world.alice).id
    gateway.world.calendars = q.Calendars(
        items=tuple(
            q.AccountCalendar(account_id=own, calendar_id=f"{name}@group.example", title=name.title())
            for name in ("choir", "team")
        )
    )
    html = await page(browser, "/settings/calendars")
    boxes = re.findall(r'name="calendar_id" value="([^"]+)" (checked)?', html)
    assert boxes == [("choir@group.example", ""), ("team@group.example", ""), ("gone@group.example", "checked")]
    form = [("calendar_id", "team@group.example"), ("calendar_id", "gone@group.example")]
    async with browser.post("/settings/calendars", data=form, allow_redirects=False) as response:
        location = response.headers["Location"]
    assert location.endswith("#sync")
    assert stored[alice].gmail.calendar_ids == ("team@group.example", "gone@group.example")
    undo_id = undo_of(await page(browser, location.partition("#")[0]))
    await submit(browser, "/settings/undo", {"undo": undo_id})
    assert stored[alice].gmail.calendar_ids == ("gone@group.example",)
    status, html = await submit(browser, "/settings/calendars", {"calendar_id": "\x07"})
    assert (status, stored[alice].gmail.calendar_ids) == (422, ("gone@group.example",))
    gateway.world.calendars = q.Calendars(items=(), unavailable=(own,))
    html = await page(browser, "/settings/calendars")
    assert "Google does not list its calendars right now." in html
    assert ">Save<" in html, "what is ticked can be unticked"
    stored[alice] = Preferences()
    assert ">Save<" not in await page(browser, "/settings/calendars"), "there is nothing to tick"


async def test_an_account_shows_its_state_its_history_and_whether_everything_is_here(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    world = gateway.world
    account = world.account(world.alice)
    limited = account_of(world.alice, address="second@example.com", scopes=frozenset(ALL) - {GMAIL_SEND, CALENDAR_READ})
    dead = account_of(
        world.alice, address="third@example.com", status="reauth_required", status_reason="It was revoked."
    )
    world.accounts += [limited, dead]
    world.runs = [
        run(account, new=1204, finished_at=NOW), run(account, "contacts", state="failed", error="Google does not answer."),
        run(limited, state="running", finished_at=None, done=3, total=12, eta_seconds=1080, note="waiting for Gmail's quota"),
    ]  # fmt: skip
    html = await page(browser, "/settings")
    for words in (
        "PingCRM may not read your calendar or send mail, so meetings on timelines and briefs before meetings are off.",
        "It was revoked. Nothing that was read is lost", "3 of 12, about 18 min left; waiting for Gmail&#39;s quota",
        "Google does not answer.", '<progress max="12" value="3"', "1,204 messages are on people's timelines.", "1,204 new",
    ):  # fmt: skip
        assert words in html, words
    audited = {"listed": 5, "recorded": 4, "filtered": {"spam": 1}, "set_aside": 0, "pending": 0, "healed_added": 2}
    last = q.AuditResult(
        **audited, healed_removed=0, unhealed=0, complete=1, requests=1, units=1, began_at=NOW, finished_at=NOW
    )
    world.audit = (await world.get_audit(q.AuditAccount(user_id=world.alice.id, account_id=account.id))).model_copy(
        update={"last": last}
    )
    here = f"/settings/accounts/{account.id}"
    html = await page(browser, here)
    for words in (
        "All 5 messages of the last year are here; 2 were missing and have been fetched.", "4 recorded, 1 left out by the rules",
        "All 38 meetings were found", "on schedule: 1,204 new", "on schedule: Google does not answer.",
    ):  # fmt: skip
        assert words in html, words
    assert await submit(browser, f"/accounts/{account.id}/audit") == (303, f"{here}#completeness")
    assert requested(gateway, q.StartAudit)
    world.runs = [run(account, id=RunId(new_id())) for _ in range(21)]
    assert f"{here}?cursor=older#history" in await page(browser, here)

    html = await page(browser, f"{here}/disconnect")
    assert html.count('name="purge"') == 2
    assert not requested(gateway, q.Disconnect), "nothing before the button"
    for purge in ("yes", "no"):
        assert await submit(browser, f"/accounts/{account.id}/disconnect", {"purge": purge}) == (
            303,
            "/settings#accounts",
        )
        assert requested(gateway, q.Disconnect)[-1].purge is (purge == "yes")
    assert await submit(browser, f"/accounts/{account.id}/sync") == (303, "/settings#accounts")
    status, html = await submit(browser, f"/accounts/{dead.id}/sync")
    assert (status, "no longer accepts this account" in html) == (409, True)
    theirs = world.account(world.bob)
    for path in ("", "/disconnect"):
        assert (await browser.get(f"/settings/accounts/{theirs.id}{path}")).status == 404
    for action in ("sync", "disconnect", "audit"):
        assert (await submit(browser, f"/accounts/{theirs.id}/{action}"))[0] == 404


async def test_tokens_are_shown_once_and_everything_goes_only_behind_the_own_address(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    chosen = {"name": "connector", "scope": "write", "days": "90"}
    status, html = await submit(browser, "/tokens", chosen)
    assert (status, "pcrm_new" in html) == (200, True)
    made = requested(gateway, q.CreateApiToken)[-1]
    assert (made.name, made.scopes, made.days) == ("connector", {"write"}, 90)
    for missing, sentence in (("scope", "Choose what it may do."), ("days", "Choose when it ends.")):
        status, html = await submit(
            browser, "/tokens", {name: text for name, text in chosen.items() if name != missing}
        )
        assert (status, sentence in html) == (422, True)
    assert "pcrm_new" not in await page(browser, "/settings"), "shown once"
    assert (await submit(browser, "/tokens", {"name": " "}))[0] == 422
    token = new_id()
    assert await submit(browser, f"/tokens/{token}/delete") == (303, "/settings#tokens")
    assert requested(gateway, q.DeleteApiToken)[-1].token_id == token
    for typed in ("", "bob@example.com", "delete"):
        status, html = await submit(browser, "/me/delete", {"address": typed})
        assert (status, "Nothing was deleted" in html) == (422, True)
    assert not requested(gateway, q.DeleteUser)
    assert await submit(browser, "/me/delete", {"address": " Alice@Example.com "}) == (303, "/login?gone")
    assert requested(gateway, q.DeleteUser)[-1].user_id == gateway.world.alice.id


def fetched_anew(html: str) -> set[str]:
    """From where parts of the page fetch themselves, and from where all of it is loaded again."""
    return {
        unescape(path) for path in re.findall(r'(?:hx-get="|<a href="(?=[^"]*">Load the page again))([^"]*)"', html)
    }


async def test_a_page_that_answers_a_form_is_fetched_anew_from_where_it_is_and_keeps_a_secret_that_is_shown_once(
    gateway: RunningGateway, browser: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meetings, "BRIEFS_PER_HOUR", 0)
    meeting = f"/meetings/{gateway.world.meeting.meeting_id}"
    for path, form, place in (
        ("/tokens", {"name": "Spreadsheet", "scope": "read", "days": "30"}, "/settings"), ("/tokens", {}, "/settings"),
        ("/webhook/secret", {}, "/settings"), ("/webhook/test", {}, "/settings"), ("/settings/undo", {}, "/settings"),
        ("/me/delete", {}, "/settings"), (f"{meeting}/brief", {}, meeting),
    ):  # fmt: skip
        status, html = await submit(browser, path, form)
        assert status in (200, 409, 422, 429), "it answers with a page"
        assert f'<a href="{place}">Load the page again' in html
        assert place in fetched_anew(html)
        for part in fetched_anew(html):
            await page(browser, part)
        (webhook,) = re.findall(r'<div id="webhook"[^>]*>', html) or [""]
        assert ("hx-get" in webhook) == (place == "/settings" and path != "/webhook/secret")


async def test_the_webhook_is_tested_by_a_signed_call_and_its_secret_made_anew(
    gateway: RunningGateway, browser: aiohttp.ClientSession, receiver: Receiver
) -> None:
    status, html = await submit(browser, "/webhook/test")
    assert (status, "There is no URL to call." in html) == (409, True)
    gateway.world.preferences[gateway.world.alice.id] = Preferences(
        notifications=NotificationPreferences.model_validate({"webhook_url": receiver.url})
    )
    status, html = await submit(browser, "/webhook/secret")
    secrets = re.findall(r"<code>(whsec_[A-Za-z0-9+/]+)</code>", html)
    async with gateway.client() as client, client.post("/api/v1/settings/webhook/secret") as response:
        made = await response.json()
        secrets.append(made["secret"])
    assert (response.status, len(set(secrets)), made["secret_hint"]) == (201, 2, secrets[1][-4:])
    receiver.statuses = [204, 404]
    assert await submit(browser, "/webhook/test") == (303, "/settings?tested#notifications")
    html = await page(browser, "/settings?tested")
    assert "The test call arrived" in html
    assert "whsec_" not in html, "shown once"
    assert f"The secret ends in <code>…{made['secret_hint']}</code>" in html
    _, header, body = receiver.calls[0]
    assert header == signatures(secrets[::-1], receiver.headers[0], body)
    assert receiver.messages[0]["type"] == receiver.messages[0]["data"]["kind"] == "webhook.test"
    async with gateway.client() as client, client.get("/api/v1/settings/webhook") as response:
        shown = await response.json()
    assert shown == {
        "url": receiver.url, "events": list(NotificationPreferences().webhook_events), "secret": None,
        "secret_hint": made["secret_hint"], "secret_made_at": made["secret_made_at"],
    }  # fmt: skip
    await submit(browser, "/webhook/test")
    html = await page(browser, "/settings?tested")
    assert (
        "The test call was not taken: the receiver answered 404: nothing is at this URL. Check the path of the URL."
        in html
    )
    async with gateway.browser("session-of-bob", **HTML) as bobs:
        assert "Last calls" not in await page(bobs, "/settings"), "each sees the own calls"


async def test_what_is_posted_is_chosen_by_boxes_once_there_is_a_url_and_can_be_undone(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    alice = gateway.world.alice.id

    def boxes(html: str) -> dict[str, bool]:
        found = re.findall(r'name="webhook_events" value="([a-z_.]+)" (checked)?', html)
        return {event: bool(checked) for event, checked in found}

    assert boxes(await page(browser, "/settings")) == {}
    html = await save(browser, group="notifications", webhook_url="https://hooks.example/x")
    assert boxes(html) == {event: event != "contact.changed" for event in WEBHOOK_EVENTS}
    chosen = [("group", "webhook_events"), ("webhook_events", "prep.failed"), ("webhook_events", "contact.changed")]
    status, location = await submit(browser, "/settings", chosen)
    assert (status, location.startswith("/settings?saved=webhook_events&undo=")) == (303, True)
    stored = gateway.world.preferences[alice].notifications
    assert stored.webhook_events == ("prep.failed", "contact.changed")
    assert str(stored.webhook_url) == "https://hooks.example/x", "the other form's"
    html = await page(browser, location.partition("#")[0])
    assert {event for event, checked in boxes(html).items() if checked} == set(stored.webhook_events)
    await submit(browser, "/settings/undo", {"undo": undo_of(html)})
    assert gateway.world.preferences[alice].notifications.webhook_events == NotificationPreferences().webhook_events
    status, html = await submit(browser, "/settings", [("group", "webhook_events"), ("webhook_events", "everything")])
    assert status == 422
    await submit(browser, "/settings", {"group": "webhook_events"})
    assert gateway.world.preferences[alice].notifications.webhook_events == (), "nothing is ticked"


async def test_calls_that_fail_are_shown_with_what_to_do_and_when_they_are_tried_again(
    gateway: RunningGateway, browser: aiohttp.ClientSession, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_delivery, "RETRY_DELAYS", (timedelta(minutes=90),))
    choose_webhook(gateway, receiver.url)
    receiver.statuses = [403]
    await publish_completed(gateway)
    await receiver.wait(1)
    async with asyncio.timeout(10):
        while "The last call was not taken" not in (html := await page(browser, "/settings")):
            await asyncio.sleep(0.02)
    assert "the receiver answered 403: it does not let calls in. Give the receiver the secret that signs now" in html
    assert re.search(r"not taken: the receiver answered 403[^<]*, [0-9]+ ms, next try <time[^>]*>in 1 hour<", html)


async def test_one_request_is_one_notification_and_the_badge_counts_what_is_listed(
    gateway: RunningGateway, browser: aiohttp.ClientSession, nats_server: Nats
) -> None:
    world = gateway.world
    account = world.account(world.alice)
    world.time_zones = {account.id: "Asia/Kathmandu"}
    kinds = {"mail": 12, "contacts": 3, "calendar": 0}
    events = [
        SyncCompleted(
            user_id=world.alice.id, account_id=account.id, address=account.address, run_id=RunId(new_id()), kind=kind, reason="user",
            new=number, updated=0, removed=0, seconds=1,
        )
        for kind, number in kinds.items()
    ]  # fmt: skip
    await gateway.buses["sync"].publish(*events)
    brief = PrepSent(
        user_id=world.alice.id,
        account_id=account.id,
        meeting_id=MeetingId(new_id()),
        title="Lunch",
        starts_at=NOW,
        ai=True,
    )
    await gateway.buses["prep"].publish(brief)
    await handled(nats_server, "gateway", SyncCompleted, PrepSent)
    html = await page(browser, "/notifications?unread")
    assert html.count('<li class="row') == 2
    assert "Mail: 12 new. Google Contacts: 3 new. Calendar: nothing had changed." in html
    assert "The meeting starts at 17:45." in html, "in the zone of the calendar, where none is set"
    assert re.search(r'class="badge">2<', html)
    world.starts_at = (datetime.now(UTC) + timedelta(days=1)).replace(hour=12, minute=0)
    assert "17:45" in await page(browser, "/meetings"), "and so do pages, where no browser says its own"
    (read,) = re.findall(r'action="(/notifications/[^"]+/read)"', html)[:1]
    assert await submit(browser, read, {"from": "unread"}) == (303, "/notifications?unread")
    html = await page(browser, "/notifications?unread")
    assert (html.count('<li class="row'), bool(re.search(r'class="badge">1<', html))) == (1, True)
    assert (await page(browser, "/notifications")).count('<li class="row') == 2, "what was read stays to be found"
    assert await submit(browser, "/notifications/read-all") == (303, "/notifications")
    assert "You have read everything." in await page(browser, "/notifications?unread")


async def test_errors_and_a_missing_google_client_say_what_to_do(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    async with browser.get("/contacts/" + str(new_id())) as response:
        html = await response.text()
        assert (response.status, response.headers["Trace-Id"] in html) == (404, True)
    assert "Nothing is here" in html
    async with gateway.browser(Origin="https://evil.example", **HTML) as elsewhere:
        status, html = await submit(elsewhere, "/settings", BRIEFS)
    assert (status, "This is not permitted" in html) == (403, True)
    async with gateway.client(None, **HTML) as stranger:
        assert "Sign in with Google" in await page(stranger, "/login")
        gateway.world.missing_settings = ("PINGCRM_GOOGLE_CLIENT_ID",)
        html = await page(stranger, "/login?gone")
    assert "Sign in with Google" not in html
    assert "PINGCRM_GOOGLE_CLIENT_ID" in html
    assert f"{gateway.url}/oauth/google/callback" in html
    assert "Everything of yours was deleted" in html
