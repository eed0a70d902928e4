"""What people do on the fault stage, each act from a quiet moment on; who carries it out waits for the next one."""

import zipfile
from datetime import timedelta
from io import BytesIO
from time import monotonic
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

CUT_OFF_SECONDS = 3.0
"""A poll that was taken and has no run so long after it was cut off: a service dies and is up again within a second or two."""


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


async def be_polled(life: Life) -> None:
    """Mail arrives of which nobody notifies: a poll finds it. What cuts one off costs no more than that one."""
    account_id = await life.account_id()
    life.receive(28)
    on_its_way = 0.0

    async def found() -> bool:
        nonlocal on_its_way
        state = await life.stage.pool.fetchrow(
            """SELECT EXISTS (SELECT FROM sync.messages WHERE account_id = $1 AND gmail_id = $2) AS found,
                      poll_at <= now() OR EXISTS (SELECT FROM sync.runs WHERE account_id = $1 AND finished_at IS NULL) AS polling
               FROM sync.accounts WHERE account_id = $1""",
            account_id,
            f"{28:016x}",
        )
        # One poll at a time: another one beside it, or after it, would be another run. One that was taken and has no run yet is about
        # to request it, or was cut off; only time parts the two.
        if not state["found"] and state["polling"]:
            on_its_way = monotonic()
        elif not state["found"] and monotonic() >= on_its_way + CUT_OFF_SECONDS:
            await life.stage.pool.execute("UPDATE sync.accounts SET poll_at = now() WHERE account_id = $1", account_id)
        return bool(state["found"])

    await until(found)


async def be_briefed(life: Life) -> None:
    """A meeting is due for its brief, a second one's is refused by Gmail, and one is sent by hand; a webhook gets all of it."""
    received: list[str] = []

    async def receive(request: web.Request) -> web.Response:
        received.append((await request.json())["data"]["id"])
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


async def abandon_a_brief(life: Life) -> None:
    """A brief by hand was cut off, and nobody comes back to it."""
    calendar, _ = life.account.calendars.values()
    calendar.put(event(life.address, "left", timedelta(hours=3)))
    await life.sync("calendar")
    (meeting,) = [found for found in (await life.call("GET", "/meetings"))["items"] if found["title"] == "Meeting left"]
    await life.call("POST", f"/meetings/{meeting['id']}/prep")
    await life.stage.pool.execute(
        "UPDATE prep.preps SET state = 'sending', leased_until = now() - interval '1 hour' WHERE user_id = $1",
        await life.user_id(),
    )


async def change_settings(life: Life) -> None:
    """A friend's address is mine after all; whom mail makes a contact; all mail there is."""
    for changes in ({"own_addresses": [FRIENDS[2]]}, {"contact_creation": "sent_only"}, {"mail_lookback_days": 0}):
        await life.call("PUT", "/settings", {"gmail": changes})
        await life.stage.quiet()


async def edit(life: Life) -> None:
    """What a person writes: contacts, notes, merges, tokens."""
    made = await life.call("POST", "/contacts", {"name": "Zoe Made", "emails": ["zoe@made.example"]})
    path = f"/contacts/{made['id']}"
    await life.call("PATCH", path, {"company": "Made Ltd", "identities": [{"kind": "telegram", "value": "@zoe_made"}]})
    await life.call("POST", f"{path}/identities/unlink", {"kind": "telegram", "value": "zoe_made"}, done={404})
    await life.call("POST", f"{path}/interactions", {"title": "Called", "text": "About the offer."})
    written = await life.call("GET", f"/contacts/{await life.contact_id(FRIENDS[0])}/interactions", platform="email")
    for step in ("dismiss", "restore"):
        await life.call("POST", f"/waiting/{written['items'][0]['id']}/{step}")
    bo = await life.contact_id(FRIENDS[1])
    await life.call("POST", f"/contacts/{bo}/duplicates/{made['id']}/dismiss")
    merged = await life.call("POST", f"/contacts/{bo}/merge", {"other_id": made["id"]})
    await life.call("POST", f"/merges/{merged['merge_id']}/undo", done={404})
    await life.call("POST", f"{path}/bcc/rotate")
    await life.call("DELETE", path, done={404})
    token = await life.call("POST", "/tokens", {"name": "script"})
    await life.call("POST", "/tokens", {"name": "kept"})
    await life.call("DELETE", f"/tokens/{token['id']}", done={404})


async def report_from_connectors(life: Life) -> None:
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
