"""What people do on the fault stage, and the fault points that each of it reaches."""

import os
import zipfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from typing import Literal
from uuid import UUID

import aiohttp
import orjson
from aiohttp import web

from libs.common.events import Identity, InteractionReported
from libs.common.web import port_of
from libs.google_sim.faults import Rule
from libs.local.tick import CLOCKS, tick
from tests.support.fault_life import AGAIN, FRIENDS, LETTERS, NOW, Life, card, event
from tests.support.fault_stage import PUSHED_TOPIC, TOPIC, until

Act = Callable[[Life], Awaitable[None]]
Kind = Literal["fails", "dies"]
IN_DEPTH = "PINGCRM_PROOF_EXAMPLES" in os.environ


@dataclass(frozen=True)
class Scenario:
    """`points`: as armed, `point` or `point@of`. `left`: how many rows an undisturbed life has in some tables, so that what is
    compared with is right, too. `signed_in`: whether it begins after a first sync.
    `not_compared`: tables that may differ. `all_deaths`: to come back from death takes seconds, so before a handler it is
    died in some scenarios only (`make proof`: in all).
    """

    name: str
    act: Act
    points: tuple[str, ...]
    left: Mapping[str, int] = field(default_factory=dict)
    signed_in: bool = True
    not_compared: tuple[str, ...] = ()
    all_deaths: bool = False

    def points_of(self, kind: Kind) -> tuple[str, ...]:
        """Those at which it `fails` or `dies`."""
        if kind == "fails" or self.all_deaths or IN_DEPTH:
            return self.points
        return tuple(point for point in self.points if not point.startswith(("bus.received", "request.received")))


def consumers(*names: str) -> tuple[str, ...]:
    """Before and behind the handler of each."""
    return tuple(f"{point}@{name}" for name in names for point in ("bus.received", "bus.handled"))


def requests(*subjects: str) -> tuple[str, ...]:
    """Before and behind the handler of each."""
    return tuple(f"{point}@{subject}" for subject in subjects for point in ("request.received", "request.handled"))


def outbox(service: str, *subjects: str) -> tuple[str, ...]:
    """The events of a service, from the transaction to the stream."""
    return (
        *(f"outbox.adding@{subject}" for subject in subjects), f"outbox.relaying@{service}", f"outbox.published@{service}"
    )  # fmt: skip


# --- what they do -------------------------------------------------------------------------------------------------------


async def sign_in(life: Life) -> None:
    await life.sign_in()


async def change_mail(life: Life) -> None:
    """Mail arrives, is sent, trashed and deleted."""
    life.receive(20)
    life.receive(21, sent=True)
    life.account.mailbox.relabel(f"{2:016x}", ["TRASH"], ["INBOX"])
    life.account.mailbox.delete(f"{4:016x}")
    await life.sync("mail")


async def lose_history(life: Life) -> None:
    """Gmail forgets its history while mail comes and goes: the whole mailbox is compared."""
    life.receive(22)
    life.account.mailbox.delete(f"{5:016x}")
    life.account.mailbox.expire_history()
    await life.sync("mail")


async def change_cards(life: Life) -> None:
    people = life.account.people
    people.put(card(1, names=[{"displayName": "Bo Renamed"}]))
    people.put(card(8))
    people.delete("people/c2")
    await life.sync("contacts")


async def change_meetings(life: Life) -> None:
    (calendar, _) = life.account.calendars.values()
    calendar.put(event(life.address, "m0", timedelta(days=-20), summary="Renamed"))
    calendar.put(event(life.address, "m1", timedelta(days=-19)) | {"status": "cancelled"})
    await life.sync("calendar")


async def tick_calendars(life: Life) -> None:
    """Another calendar is ticked, and unticked."""
    for calendar_ids in (["team@group.calendar.google.com"], []):
        await life.call("PUT", "/settings", {"gmail": {"calendar_ids": calendar_ids}})
        await life.stage.quiet()


async def audit(life: Life) -> None:
    """Something is missing everywhere, and one message too many is there; an audit finds all of it."""
    account_id, mailbox = await life.account_id(), life.account.mailbox
    mailbox.delete(f"{8:016x}")
    mailbox.history.pop()  # nothing of it in the history: only a list shows it
    await life.stage.pool.execute(
        "DELETE FROM sync.messages WHERE account_id = $1 AND gmail_id = $2", account_id, f"{6:016x}"
    )
    await _forget(life, account_id)
    await life.call("POST", f"/accounts/{account_id}/audit")


async def audit_older(life: Life) -> None:
    """What contacts lack is older than what would be imported now."""
    account_id = await life.account_id()
    await life.call("PUT", "/settings", {"gmail": {"mail_lookback_days": 1}})
    await life.stage.quiet()
    await _forget(life, account_id)
    await life.call("POST", f"/accounts/{account_id}/audit")


async def _forget(life: Life, account_id: UUID) -> None:
    """As if events had been lost on their way to contacts: a message, a meeting, a card."""
    for statement in (
        "DELETE FROM contacts.interactions WHERE id IN (SELECT interaction_id FROM contacts.sightings"
        " WHERE source_id = $1 AND (ref = '0000000000000001' OR ref LIKE '%m2%'))",
        "DELETE FROM contacts.sightings WHERE source_id = $1 AND (ref = '0000000000000001' OR ref LIKE '%m2%')",
        "DELETE FROM contacts.cards WHERE account_id = $1 AND resource_name = 'people/c4'",
    ):
        await life.stage.pool.execute(statement, account_id)


async def be_notified(life: Life) -> None:
    """Gmail notifies, once to be pulled and once by a push."""
    for number, topic in ((23, TOPIC), (24, PUSHED_TOPIC)):
        life.receive(number)
        notification = {"emailAddress": life.address, "historyId": life.account.mailbox.history_id}
        life.stage.google.world.pubsub.publish(topic, orjson.dumps(notification))
        await life.stage.quiet()


async def be_briefed(life: Life) -> None:
    """A meeting is due for its brief, a second one's is refused by Gmail, and one is sent by hand; a webhook gets all of it."""
    received: list[str] = []

    async def receive(request: web.Request) -> web.Response:
        received.append((await request.json())["id"])
        return web.Response()

    app = web.Application()
    app.add_routes([web.post("/hook", receive)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        hook = f"http://127.0.0.1:{port_of(runner)}/hook"
        before = await _notifications(life)
        await life.call("PUT", "/settings", {"notifications": {"webhook_url": hook}})
        await _be_briefed(life)
        await life.stage.quiet()
        assert await _notifications(life) - before <= set(received)
        await life.call("PUT", "/settings", {"notifications": {"webhook_url": None}})
    finally:
        await runner.cleanup()


async def _notifications(life: Life) -> set[str]:
    """Their ids."""
    statement = "SELECT id FROM gateway.notifications WHERE user_id = $1"
    return {str(row["id"]) for row in await life.stage.pool.fetch(statement, await life.user_id())}


async def _be_briefed(life: Life) -> None:
    calendar, _ = life.account.calendars.values()
    faults = life.stage.google.world.faults
    calendar.put(event(life.address, "due", timedelta(minutes=36)))
    await tick(life.stage.nats_url, "prep")
    await life.stage.quiet()
    calendar.put(event(life.address, "refused", timedelta(minutes=37)))
    faults.set([Rule("messages.send", "400precondition", account=life.address)], 0)
    await tick(life.stage.nats_url, "prep")
    await life.stage.quiet()
    faults.set([], 0)
    (meeting,) = [found for found in (await life.call("GET", "/meetings"))["items"] if found["title"] == "Meeting due"]
    await life.call("POST", f"/meetings/{meeting['id']}/prep")


async def change_settings(life: Life) -> None:
    """A friend's address is mine after all; whom mail makes a contact; all mail there is."""
    for changes in ({"own_addresses": [FRIENDS[2]]}, {"contact_creation": "sent_only"}, {"mail_lookback_days": 0}):
        await life.call("PUT", "/settings", {"gmail": changes})
        await life.stage.quiet()


async def edit(life: Life) -> None:
    """What a person writes: contacts, notes, merges, tokens."""
    made = await life.call("POST", "/contacts", {"name": "Zoe Made", "emails": ["zoe@made.example"]})
    path = f"/contacts/{made['id']}"
    await life.call("PATCH", path, {"company": "Made Ltd"})
    await life.call("POST", f"{path}/interactions", {"title": "Called", "text": "About the offer."})
    bo = await life.contact_id(FRIENDS[1])
    merged = await life.call("POST", f"/contacts/{bo}/merge", {"other_id": made["id"]})
    await life.call("POST", f"/merges/{merged['merge_id']}/undo", done={404})
    await life.call("POST", f"{path}/bcc/rotate")
    await life.call("DELETE", path, done={404})
    token = await life.call("POST", "/tokens", {"name": "script"})
    await life.call("POST", "/tokens", {"name": "kept"})
    await life.call("DELETE", f"/tokens/{token['id']}", done={404})


async def hear_of_connectors(life: Life) -> None:
    """Other platforms report: a profile through the API, an interaction on the bus."""
    profile = {"platform": "twitter", "identity": {"kind": "email", "value": FRIENDS[0]}, "bio": "Weaves patterns."}
    await life.call("POST", "/profiles", profile)
    report = InteractionReported(
        user_id=await life.user_id(), platform="telegram", ref="t1", occurred_at=NOW - timedelta(days=1), direction="inbound",
        kind="message", identities=(Identity(kind="email", value=FRIENDS[0]),), title="Hello", text="From Telegram",
    )  # fmt: skip
    await life.stage.stream.publish(report.subject, report.model_dump_json().encode())


async def get_offer(life: Life) -> None:
    """Mail with a contact's BCC address from an address that is not mine."""
    contact = await life.call("GET", f"/contacts/{await life.contact_id(FRIENDS[0])}")
    name, _, domain = life.address.partition("@")
    life.receive(25, From="Me <me@elsewhere.example>", Delivered_To=f"{name}+{contact['bcc_hash']}@{domain}")
    await life.sync("mail")


async def renew_permission(life: Life) -> None:
    """The access token is over; then the permission is taken back, and given again."""
    authority = life.stage.google.world.authority
    authority.expire_access(life.address)
    life.receive(26)
    await life.sync("mail")
    authority.revoke_grants(life.address)
    await life.sync("mail")
    await life.sign_in()
    await life.stage.quiet()
    life.account.watch = None
    life.receive(27)
    await life.sync("mail")


async def disconnect(life: Life) -> None:
    await life.call("DELETE", f"/accounts/{await life.account_id()}", purge=True, done={404})


async def delete_everything(life: Life) -> None:
    await life.call("DELETE", "/me", {"confirm": True}, done={401})


async def keep_time(life: Life) -> None:
    """All schedules fire."""
    for clock in CLOCKS:
        await tick(life.stage.nats_url, clock)
    await life.stage.quiet()
    life.account.watch = None


async def export(life: Life) -> None:
    """Everything is downloaded; again where that broke off."""

    async def downloaded() -> list[str]:
        try:
            async with life.person.http.get(f"{life.stage.url}/api/v1/me/export") as response:
                assert response.status == 200 or response.status in AGAIN
                archive = zipfile.ZipFile(BytesIO(await response.read()))
                return [line for name in archive.namelist() for line in archive.read(name).decode().splitlines()]
        except (aiohttp.ClientError, zipfile.BadZipFile):
            return []

    lines = await until(downloaded)
    assert sum('"title":"Subject' in line for line in lines) == LETTERS, lines


# --- where it is torn apart -----------------------------------------------------------------------------------------------

_RUN_ENDS = ("sync.run.worked", "sync.run.ended", "sync.run.concluded", *outbox("sync", "sync.completed"))

SCENARIOS: tuple[Scenario, ...] = (
    # First: schedules are everybody's, and there are few people yet.
    Scenario(
        "clocks",
        keep_time,
        (
            *consumers("sync_clock_mail", "sync_clock_contacts", "sync_clock_calendar", "sync_clock_prep"),
            *consumers("sync_clock_watch", "sync_clock_audit"), "sync.watches.made_due", "sync.audits.scheduled",
            "sync.item_audits.made_due",
        ),
    ),
    # Soon: its meetings begin half an hour after this module was imported.
    Scenario(
        "brief",
        be_briefed,
        (
            "sync.scan.published", *consumers("prep_meeting_upcoming"), "prep.key.set", "prep.leased", "prep.gathered",
            "prep.written", "prep.handed_over", "prep.delivered", *outbox("prep", "prep.sent", "prep.failed"),
            *consumers("gateway_prep_sent", "gateway_prep_failed"), *requests("prep.send"),
            "gateway.notification.inserted", "gateway.webhook.leased", "gateway.webhook.posting", "gateway.webhook.posted",
        ),
        {"mails sent": 2, "prep.preps": 3},
    ),
    Scenario(
        "first_mail",
        sign_in,
        (
            *requests("auth.finish"), "auth.code.exchanged", *outbox("auth", "account.connected"), "sync.requesting",
            *consumers("sync_account_connected", "contacts_account_connected", "gateway_account_connected"),
            "sync.identify.counted", "sync.identify.published", "sync.watch.begun", "sync.listing.fetched",
            "sync.listing.added", "sync.listing.stored", "sync.messages.read", "sync.messages.published",
            *consumers("contacts_account_identified", "contacts_message_ingested"),
            "contacts.recorded", "contacts.committed", "contacts.scores.chunk",
        ),
        {"contacts.interactions": 15, "sync.messages": 12, "contacts.contacts": 7, "gateway.notifications": 3, "sync.runs": 3},
        signed_in=False,
    ),
    Scenario(
        "first_items",
        sign_in,
        (
            "sync.people.stored", "sync.people.published", "sync.people.read", "sync.people.applied",
            "sync.calendar.fetched", "sync.calendar.stored", "sync.calendar.found", "sync.calendar.published", "sync.calendar.applied",
            *consumers("contacts_person_imported", "contacts_meeting_ingested", "gateway_sync_completed"),
            *_RUN_ENDS, "gateway.notification.inserted", "gateway.notified",
        ),
        {"gateway.notifications": 3, "sync.runs": 3, "sync.people": 5, "sync.meetings": 3},
        signed_in=False,
    ),
    Scenario(
        "history",
        change_mail,
        (
            *consumers("sync_sync_requested", "contacts_message_removed"), "sync.request.checked", "sync.requesting",
            "sync.history.fetched", "sync.history.stored", "sync.removals.found", "sync.removals.published", "sync.messages.read",
            "sync.messages.published", "sync.history.applied",
        ),
        {"sync.messages": 14, "contacts.interactions": 15, "sync.runs": 4, "gateway.notifications": 4},
    ),
    Scenario(
        "reconciliation",
        lose_history,
        ("sync.listing.fetched", "sync.listing.added", "sync.listing.stored", "sync.removals.published", "sync.listing.swept"),
        {"contacts.interactions": 15},
    ),
    Scenario(
        "cards",
        change_cards,
        (
            "sync.people.stored", "sync.people.removals_published", "sync.people.applied",
            *consumers("contacts_person_removed"),
        ),
        {"sync.people": 6, "contacts.cards": 6},
    ),
    Scenario(
        "meetings",
        change_meetings,
        (
            "sync.calendar.stored", "sync.calendar.found", "sync.calendar.applied", *consumers("contacts_meeting_cancelled"),
        ),
        {"contacts.interactions": 14},
    ),
    Scenario(
        "calendars",
        tick_calendars,
        (
            *requests("auth.put_settings"), *outbox("auth", "settings.changed"), "sync.calendar.forgotten",
            *consumers("sync_settings_changed", "contacts_settings_changed"), "sync.requesting",
        ),
        {"sync.meetings": 6, "contacts.interactions": 15},
        all_deaths=True,
    ),
    Scenario(
        "audit",
        audit,
        (
            *requests("sync.start_audit"), "sync.audits.scheduled", "sync.item_audits.made_due", "sync.audit.began",
            "sync.audit.page_added", "sync.audit.page_stored", "sync.audit.compared", "sync.audit.counted",
            "sync.audit.ending", "sync.item_audit.compared", "sync.item_audit.ending",
        ),
        {"contacts.interactions": 14, "contacts.cards": 5, "sync.messages": 12},
    ),
    Scenario(
        "audit_of_older_mail",
        audit_older,
        ("sync.audit.raised",),
        {"contacts.interactions": 15, "contacts.cards": 5},
        not_compared=("sync.audits", "sync.messages", "sync.runs", "gateway.notifications"),  # it is published twice, and counted
    ),
    Scenario(
        "push",
        be_notified,
        ("sync.pubsub.pulled", "sync.pubsub.published", *consumers("sync_mailbox_notified"), "gateway.push.published"),
        {"contacts.interactions": 17},
    ),
    Scenario(
        "settings",
        change_settings,
        ("contacts.rechecks.changed", "contacts.rechecks.chunk", *consumers("sync_settings_changed", "contacts_settings_changed")),
    ),
    Scenario(
        "edits",
        edit,
        (
            *requests("contacts.create", "contacts.update", "contacts.add_interaction", "contacts.merge", "contacts.undo_merge"),
            *requests("contacts.delete", "auth.create_token", "auth.delete_token"), "request.received@contacts.rotate_bcc",
            "contacts.merge.recorded", "contacts.undo.recorded", "contacts.committed",
        ),
        {"auth.api_tokens": 1, "contacts.merges": 0},
    ),
    Scenario(
        "connectors",
        hear_of_connectors,
        consumers("contacts_interaction_reported", "contacts_profile_reported"),
        {"contacts.interactions": 16, "contacts.profiles": 1},
    ),
    Scenario(
        "offer",
        get_offer,
        ("contacts.offers.published", *consumers("gateway_bcc_unclaimed")),
        {"contacts.bcc_offers": 1, "gateway.notifications": 5},
    ),
    Scenario(
        "permission",
        renew_permission,
        (
            "auth.token.refreshed", *outbox("auth", "account.reauth_required"), "outbox.adding@sync.failed",
            *consumers("sync_account_reauth_required", "gateway_account_reauth_required", "gateway_sync_failed"),
        ),
        {"contacts.interactions": 17},
    ),
    Scenario(
        "purge",
        disconnect,
        (
            "request.received@auth.disconnect", "auth.grant.revoked", *outbox("auth", "account.disconnected"),
            *consumers("sync_account_disconnected", "contacts_account_disconnected"),
            *consumers("prep_account_disconnected", "gateway_account_disconnected"),
            "contacts.purge.marked", "contacts.purge.chunk", "contacts.rechecks.chunk", "contacts.purge.done",
        ),
        {"contacts.interactions": 0, "contacts.contacts": 0, "sync.accounts": 0},
    ),
    Scenario(
        "deletion",
        delete_everything,
        (
            "request.received@auth.delete_user", "auth.grant.revoked", *outbox("auth", "user.deleted"),
            *consumers("sync_user_deleted", "contacts_user_deleted", "prep_user_deleted", "gateway_user_deleted"),
            "contacts.deletion.marked", "contacts.deletion.chunk", "contacts.deletion.done",
        ),
        {"contacts.interactions": 0, "auth.users": 0},
    ),
    # Whoever dies before the event is out finds nothing left to do at the next try: behind the handler it is died by others.
    Scenario("purge_without_reply", disconnect, ("request.handled@auth.disconnect",), {"contacts.interactions": 0}),
    Scenario("deletion_without_reply", delete_everything, ("request.handled@auth.delete_user",), {"auth.users": 0}),
    Scenario("export", export, ("gateway.export.page",)),
)  # fmt: skip
