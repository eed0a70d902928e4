"""The rules that SQL holds (views/*.sql, names, scores' windows), row by row: docs/rules.md."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from libs.common.events import Event, Guest, Identity, InteractionReported, MeetingIngested, MessageIngested
from libs.common.requests import AddInteraction, ContactFields, GetAttendees, UpdateContact
from services.contacts.handlers import attendees, connectors, contacts, messages, timelines
from services.contacts.scoring import refresh_due_scores
from tests.support.contacts_world import (
    ME,
    NOW,
    USER,
    WORK,
    World,
    card,
    card_removed,
    connected,
    contacts_database,
    mail,
    meeting,
    removed,
    settings,
    world,
)

__all__ = ["contacts_database", "world"]

JANE, BOB, CAROL, ROBOT, LIST = (
    "jane@acme.example", "bob@beta.example", "carol@gamma.example", "noreply@shop.example", "list@lists.example",
)  # fmt: skip
RULES = ("people", "sent_only", "everyone", "none")


@dataclass(frozen=True)
class Report:
    """What a connector saw of Jane."""

    direction: str
    people: Sequence[Identity] = (Identity(kind="email", value=JANE),)


def organized(event: MeetingIngested, address: str, *, me: bool = False) -> MeetingIngested:
    changed = event.meeting.model_copy(update={"organizer": Guest(address=address, me=me)})
    return event.model_copy(update={"meeting": changed})


CROWD = [f"p{n:02}@crowd.example" for n in range(40)]
# What is seen; who becomes a contact of it under each rule, in their order.
REASONS: dict[str, tuple[Sequence[Event | Report], tuple[set[str], set[str], set[str], set[str]]]] = {
    "who writes to me": ([mail("m", JANE, [ME, BOB])], ({JANE}, set(), {JANE, BOB}, set())),
    "whom I write to": (
        [mail("m", ME, [JANE], cc=[BOB], bcc=[CAROL])], ({JANE, BOB, CAROL}, {JANE, BOB, CAROL}, {JANE, BOB, CAROL}, set()),
    ),
    "a robot writes": ([mail("m", ROBOT)], (set(), set(), {ROBOT}, set())),
    "I write to a robot": ([mail("m", ME, [ROBOT])], (set(), set(), {ROBOT}, set())),
    "bulk": ([mail("m", JANE, automated="bulk")], (set(), set(), {JANE}, set())),
    "a list that nobody answered": ([mail("m", JANE, automated="list", thread_id="t")], (set(), set(), {JANE}, set())),
    "a list that I answered": (
        [mail("m", JANE, automated="list", thread_id="t"), mail("a", ME, [LIST], thread_id="t")],
        ({JANE, LIST}, {LIST}, {JANE, LIST}, set()),
    ),
    "bulk that I answered": (
        [mail("m", JANE, automated="bulk", thread_id="t"), mail("a", ME, [LIST], thread_id="t")], ({LIST}, {LIST}, {JANE, LIST}, set()),
    ),
    "a list that another answered": (
        [mail("m", JANE, automated="list", thread_id="t"), mail("a", BOB, [LIST, ME], thread_id="t")],
        ({BOB}, set(), {JANE, BOB, LIST}, set()),
    ),
    "a list answered in another thread": (
        [mail("m", JANE, automated="list", thread_id="t"), mail("a", ME, [LIST], thread_id="u")], ({LIST}, {LIST}, {JANE, LIST}, set()),
    ),
    "a list answered in a thread of that name in another account": (
        [connected(2, WORK), mail("a", WORK, [LIST], thread_id="t", account=2), mail("m", JANE, automated="list", thread_id="t")],
        ({LIST}, {LIST}, {JANE, LIST}, set()),
    ),
    "via a list": ([mail("m", JANE, via=True)], (set(), set(), {JANE}, set())),
    "I write via a list": ([mail("m", ME, [JANE], via=True)], ({JANE}, {JANE}, {JANE}, set())),
    "25 on a mail": ([mail("m", ME, CROWD[:24])], (set(CROWD[:24]), set(CROWD[:24]), set(CROWD[:24]), set())),
    "26 on a mail": ([mail("m", ME, CROWD[:25])], (set(), set(), set(), set())),
    "a guest": ([meeting("e", [ME, JANE])], ({JANE}, {JANE}, {JANE}, set())),
    "a robot is invited": ([meeting("e", [ME, ROBOT])], (set(), set(), set(), set())),
    "I am invited": ([organized(meeting("e", [ME, JANE]), BOB)], ({JANE, BOB}, set(), {JANE, BOB}, set())),
    "a calendar of mine that belongs to somebody else invites": (
        [organized(meeting("e", [ME, JANE]), BOB, me=True)], ({JANE, BOB}, {JANE, BOB}, {JANE, BOB}, set()),
    ),
    "25 guests": ([meeting("e", [ME, *CROWD[:25]])], (set(CROWD[:25]), set(CROWD[:25]), set(CROWD[:25]), set())),
    "26 guests": ([meeting("e", [ME, *CROWD[:26]])], (set(), set(), set(), set())),
    "40 guests": ([meeting("e", [ME, *CROWD])], (set(), set(), set(), set())),
    "they write elsewhere": ([Report("inbound")], ({JANE}, set(), {JANE}, set())),
    "I write elsewhere": ([Report("outbound")], ({JANE}, {JANE}, {JANE}, set())),
    "we talk elsewhere": ([Report("mutual")], ({JANE}, {JANE}, {JANE}, set())),
    "25 elsewhere": (
        [Report("outbound", [Identity(kind="email", value=value) for value in CROWD[:25]])],
        (set(CROWD[:25]), set(CROWD[:25]), set(CROWD[:25]), set()),
    ),
    "26 elsewhere": ([Report("outbound", [Identity(kind="email", value=value) for value in CROWD[:26]])], (set(), set(), set(), set())),
    "a robot elsewhere": ([Report("outbound", [Identity(kind="email", value=ROBOT)])], (set(), set(), set(), set())),
    "forged": ([mail("m", ME, [JANE], dmarc="fail")], (set(), set(), set(), set())),
    "me alone": ([mail("m", ME, [ME]), meeting("e", [ME])], (set(), set(), set(), set())),
}  # fmt: skip


async def see(world: World, seen: Sequence[Event | Report]) -> None:
    for event in seen:
        if isinstance(event, Report):
            report: dict[str, Any] = {"direction": event.direction, "identities": tuple(event.people)}
            await connectors.record_report(
                world.context,
                InteractionReported(user_id=USER, platform="telegram", ref="1", occurred_at=NOW, kind="message", **report),
            )  # fmt: skip
        else:
            await world.receive(event)


async def test_who_becomes_a_contact_under_each_rule(world: World) -> None:
    for what, (seen, expected) in REASONS.items():
        await world.clear()
        await world.receive(connected())
        await see(world, seen)
        found = [await world.emails()]
        for version, rule in enumerate(RULES[1:], start=1):
            await world.receive(settings(version, contact_creation=rule))
            found.append(await world.emails())
        assert [{email for emails in of for email in emails} for of in found] == list(expected), what


async def test_which_way_a_line_goes_and_whether_it_counts(world: World) -> None:
    await world.receive(
        connected(2, WORK), *[card(email, name=email, emails=[email]) for email in (JANE, BOB, CAROL, LIST)]
    )
    await world.receive(
        mail("they wrote", JANE, [ME, BOB]), mail("I wrote", ME, [JANE], cc=[BOB]), mail("I wrote elsewhere", WORK, [JANE], account=2),
        mail("a third", CAROL, [ME, JANE]), mail("to herself", JANE, [JANE, ME]), mail("bulk", JANE, automated="bulk"),
        mail("list", JANE, [ME], automated="list", thread_id="t"), mail("answer", ME, [LIST], thread_id="t"),
        mail("forged", ME, [JANE], dmarc="fail"), mail("forged list", WORK, [JANE], dmarc="fail", automated="list"),
        mail("theirs fails", JANE, dmarc="fail"), mail("no author", "", [JANE, ME]),
    )  # fmt: skip
    await see(world, [meeting("e", [JANE]), Report("inbound")])
    shown = {
        line.title or line.platform: (line.direction, line.automated) for line in await world.timeline(JANE, limit=200)
    }
    assert shown == {
        "about they wrote": ("inbound", ""), "about I wrote": ("outbound", ""), "about I wrote elsewhere": ("outbound", ""),
        "about a third": ("participant", ""), "about to herself": ("inbound", ""), "about bulk": ("inbound", "bulk"),
        "about list": ("inbound", "list"), "about forged": ("participant", "forged"), "about forged list": ("participant", "forged"),
        "about theirs fails": ("inbound", ""), "about no author": ("participant", ""), "meeting e": ("mutual", ""),
        "telegram": ("inbound", ""),
    }  # fmt: skip
    rows = await world.pool.fetch(
        """SELECT i.title, l.counted FROM timeline_lines l JOIN interactions i ON i.id = l.interaction_id
           WHERE l.contact_id = $1""",
        (await world.contact(JANE)).id,
    )
    uncounted = {row["title"] for row in rows if not row["counted"]}
    assert uncounted == {"about bulk", "about forged", "about forged list"}, "the list was answered"
    assert {line.title: line.direction for line in await world.timeline(BOB)} == {
        "about they wrote": "participant", "about I wrote": "outbound",
    }  # fmt: skip


# What is seen, and what Jane is called then. The first rank of names is her own, the second what others call her.
NAMES: dict[str, tuple[Sequence[Event | Report], str]] = {
    "her own, newest": ([mail("1", JANE, name="New", days_ago=1), mail("2", JANE, name="Old", days_ago=2)], "New"),
    "her own before ours": ([mail("1", JANE, name="Own", days_ago=5), "to Jane"], "Own"),  # type: ignore[list-item]
    "what I call her": (["to Jane"], "Called"),  # type: ignore[list-item]
    "an invitation": ([organized(meeting("e", [ME]), JANE)], JANE),
    "a connector": ([Report("inbound", [Identity(kind="email", value=JANE, name="Tele Jane")])], "Tele Jane"),
    "not from bulk": ([mail("1", ME, [JANE]), mail("2", JANE, name="Offers", automated="bulk")], JANE),
    "not via a list": ([mail("1", ME, [JANE]), mail("2", JANE, name="Jane via List", via=True)], JANE),
    "from a list that I answered": (
        [mail("1", JANE, name="Jane L", automated="list", thread_id="t"), mail("2", ME, [LIST], thread_id="t")], "Jane L",
    ),
    "not what a third calls her": (["Bob to Jane", mail("1", ME, [JANE])], JANE),  # type: ignore[list-item]
    "not what is forged": ([mail("1", ME, [JANE]), "forged to Jane"], JANE),  # type: ignore[list-item]
    "one that went": ([mail("1", JANE, name="Own"), mail("2", JANE, name="Gone", days_ago=0), removed("2")], "Own"),
    "the later of one moment": ([mail("1", JANE, name="Ann"), mail("2", JANE, name="Zoe")], "Zoe"),
}  # fmt: skip


def named(name: str) -> Event:
    """A mail to Jane that names her."""
    sender = {"to Jane": ME, "Bob to Jane": BOB, "forged to Jane": ME}[name]
    event = mail("n", sender, [JANE, ME], dmarc="fail" if "forged" in name else "unknown", days_ago=0.5)
    people = tuple(who.model_copy(update={"name": "Called"}) if who.address == JANE else who for who in event.people)
    return event.model_copy(update={"people": people})


async def test_what_somebody_is_called_follows_from_who_named_them_in_any_order(world: World) -> None:
    for what, (seen, expected) in NAMES.items():
        events = [named(event) if isinstance(event, str) else event for event in seen]
        for order in (events, events[::-1]):
            await world.clear()
            await world.receive(connected())
            await see(world, order)
            assert (await world.contact(JANE)).name == expected, what
        mails = [event for event in events if isinstance(event, MessageIngested)]
        if len(mails) == len(events):
            await world.clear()
            await world.receive(connected())
            await messages.record_messages(world.context, mails)
            assert (await world.contact(JANE)).name == expected, f"{what}, in one batch"


async def test_a_name_that_is_learned_anew_is_the_best_of_those_that_are_left(world: World) -> None:
    await world.receive(
        mail("1", JANE, name="Own", days_ago=9), named("to Jane"), mail("2", JANE, name="Later", days_ago=0)
    )
    await world.receive(removed("2"))
    assert (await world.contact(JANE)).name == "Own", "what she calls herself, although it is older"
    await world.receive(removed("1"))
    assert (await world.contact(JANE)).name == "Called"


async def test_each_part_of_the_score_is_from_its_own_window(world: World) -> None:
    """At the very border an interaction still counts as young; a second later it does not."""
    now = NOW + timedelta(days=3_000)
    borders = {7: "recency", 30: "recency", 90: "recency"}
    await world.receive(mail("in", JANE, days_ago=0), mail("out", ME, [JANE], days_ago=0))
    for days, part in borders.items():
        found = [
            (await scored(world, NOW + timedelta(days=days) + late)) for late in (timedelta(0), timedelta(seconds=1))
        ]
        assert found[0][part] == found[1][part] + 1, days
    assert (await scored(world, now))["total"] == 0
    assert (await scored(world, NOW - timedelta(seconds=1)))["total"] == 0, "nothing has happened yet"


async def scored(world: World, now: datetime) -> dict[str, Any]:
    query = GetAttendees(user_id=USER, addresses=(JANE,), now=now, last=1)
    [jane] = (await attendees.get_attendees(world.context, query)).items
    assert jane.score is not None
    return jane.score.model_dump()


async def test_stored_scores_are_those_of_the_moment_and_due_when_they_can_change(world: World) -> None:
    await world.receive(
        mail("in", JANE, days_ago=6), mail("out", ME, [JANE], days_ago=4), meeting("e", [JANE], days_ago=-1)
    )
    await see(world, [mail("bulk", JANE, automated="bulk", days_ago=1)])
    sql = "SELECT score, first_at, last_at, interactions, due_at FROM contacts"
    assert await refresh_due_scores(world.context, NOW) == 1
    first, second, to_come = NOW - timedelta(days=6), NOW - timedelta(days=4), NOW + timedelta(days=1)
    assert tuple(await world.pool.fetchrow(sql)) == (7, first, second, 4, to_come)
    assert await refresh_due_scores(world.context, to_come - timedelta(seconds=1)) == 0
    assert await refresh_due_scores(world.context, to_come) == 1
    score, *_, due_at = await world.pool.fetchrow(sql)
    assert (score, due_at) == (9, first + timedelta(days=7, seconds=1)) or score > 7
    assert tuple(await world.pool.fetchrow("SELECT first_at, last_at, interactions FROM contacts")) == (
        first,
        to_come,
        4,
    )
    await world.receive(removed("in"), removed("out"), removed("bulk"))
    assert await refresh_due_scores(world.context, NOW) == 1
    assert tuple(await world.pool.fetchrow(sql)) == (0, None, None, 1, to_come)
    long_after = NOW + timedelta(days=3_000)
    assert await refresh_due_scores(world.context, long_after) == 1
    assert await world.pool.fetchval("SELECT due_at = 'infinity' FROM contacts")
    assert await refresh_due_scores(world.context, long_after + timedelta(days=3_000)) == 0


async def test_scores_of_many_contacts_and_users_are_computed_chunk_by_chunk_those_longest_due_first(
    world: World,
) -> None:
    await world.receive(*[card(f"{n}", name=f"P{n}") for n in range(7)])
    await world.pool.execute("UPDATE contacts SET due_at = $1 WHERE name > 'P4'", NOW + timedelta(days=1))
    assert await refresh_due_scores(world.context, NOW) == 5
    assert await refresh_due_scores(world.context, NOW) == 0


async def test_an_archived_contact_comes_back_by_whatever_is_a_reason_unless_the_user_archived_it(world: World) -> None:
    await world.receive(card("1", name="Jane", emails=[JANE]), card_removed("1"))
    assert (await world.contact(JANE)).archived
    await world.receive(mail("m0", JANE, automated="bulk"))
    assert (await world.contact(JANE)).archived, "bulk mail is no reason"
    await world.receive(mail("m", ME, [JANE]))
    jane = await world.contact(JANE)
    assert not jane.archived
    fields = ContactFields(archived=True)
    await contacts.update_contact(world.context, UpdateContact(user_id=USER, contact_id=jane.id, fields=fields))
    await world.receive(mail("m2", JANE), meeting("e", [JANE]), card("1", revision=3, name="Jane", emails=[JANE]))
    assert (await world.contact(JANE)).archived


async def test_a_note_alone_keeps_a_contact_and_so_does_a_logged_mail(world: World) -> None:
    await world.receive(mail("j", JANE), mail("b", BOB), mail("c", CAROL))
    jane, bob = await world.contact(JANE), await world.contact(BOB)
    note = AddInteraction(user_id=USER, contact_id=jane.id, text="x", occurred_at=NOW)
    await timelines.add_interaction(world.context, note)
    await world.receive(mail("log", ME, ["x@y.example"], bcc_tags=(bob.bcc_hash,)))
    await world.receive(removed("j"), removed("b"), removed("c"))
    assert await world.emails() == {frozenset({JANE}), frozenset({BOB})}
