"""What `contacts` knows of the guests of a meeting, by one request: their last words, what is open, what is new, whom one knows there."""

from datetime import timedelta
from typing import Any

from libs.common.requests import Attendees, Colleague, FormerWork, GetAttendees, GroupMeeting
from services.contacts import scoring
from services.contacts.handlers import attendees
from tests.support.contacts_world import (
    ME,
    NOW,
    USER,
    WORK,
    World,
    card,
    connected,
    contacts_database,
    identified,
    mail,
    meeting,
    world,
)

__all__ = ["contacts_database", "world"]

JANE, HOME, BOB, EVE = "jane@acme.example", "jane@home.example", "bob@beta.example", "eve@acme.example"


async def guests(world: World, *addresses: str, last: int = 10) -> Attendees:
    return await attendees.get_attendees(
        world.context, GetAttendees(user_id=USER, addresses=addresses, now=NOW, last=last)
    )


def thread(name: str, *messages: tuple[str, str, float], **more: Any) -> list[Any]:
    """Messages of one thread: from whom, to whom, days ago."""
    return [
        mail(f"{name}{number}", sender, [to], days_ago=days, thread_id=name, title=f"{name} {number}", **more)
        for number, (sender, to, days) in enumerate(messages)
    ]


async def test_what_was_written_comes_before_meetings_and_a_series_counts_once(world: World) -> None:
    await world.receive(
        *[
            meeting(f"w{week}", [ME, JANE], days_ago=week * 7 + 1, ical_uid="weekly@cal", original_start=f"{week}")
            for week in range(8)
        ],
        *[mail(f"m{n}", JANE, days_ago=20 + n) for n in range(3)],
    )  # fmt: skip
    (jane,) = (await guests(world, JANE)).items
    shown = [(line.title, line.times) for line in jane.last]
    assert shown == [("about m0", 1), ("about m1", 1), ("about m2", 1), ("meeting w0", 8)]
    assert (jane.last_met_at, jane.written_since_met, jane.met_before) == (NOW - timedelta(days=1), 0, True)


async def test_what_others_send_to_somebodys_bcc_address_takes_no_place_among_what_was_exchanged(world: World) -> None:
    await world.receive(mail("j", JANE, [ME], days_ago=9, title="theirs"))
    tags = ((await world.contact(JANE)).bcc_hash,)
    await world.receive(
        *[mail(f"x{n}", EVE, [BOB], days_ago=n + 1, title="of others", bcc_tags=tags) for n in range(3)],
        mail("mine", ME, [BOB], days_ago=5, title="logged", bcc_tags=tags),
    )
    (jane,) = (await guests(world, JANE, last=2)).items
    assert [line.title for line in jane.last] == ["logged", "theirs"]


async def test_open_is_what_nobody_else_has_answered_in_any_account(world: World) -> None:
    await world.receive(
        identified(ME, number=1),
        connected(2, WORK),
        *thread("asked", (JANE, ME, 5)),
        *thread("insisted", (JANE, ME, 6), (JANE, ME, 5.5)),
        card("1", emails=[JANE, HOME]),
        *thread("from home", (JANE, ME, 4), (HOME, ME, 3.5)),
        *thread("answered", (JANE, ME, 7), (ME, JANE, 6.5)),
        *thread("elsewhere", (JANE, ME, 8), (WORK, JANE, 7.5)),
        *thread("mine", (ME, JANE, 9)),
        *thread("by another", (ME, JANE, 10), (BOB, JANE, 9.5)),
        mail("listed", JANE, [ME], days_ago=11, via=True, title="listed 0"),
        mail("copied", JANE, [BOB], cc=[ME], days_ago=12, title="copied 0"),
    )
    (jane,) = (await guests(world, JANE, last=20)).items
    assert {line.title for line in jane.last if line.open} == {
        "asked 0", "insisted 0", "insisted 1", "from home 0", "from home 1", "answered 1",
        "elsewhere 1", "mine 0", "by another 1", "copied 0",
    }  # fmt: skip
    to_me = {line.title for line in jane.last if line.direction == "inbound" and not line.to_me}
    assert to_me == {"copied 0"}


async def test_the_same_group_met_when_just_these_met(world: World) -> None:
    await world.receive(
        mail("j", JANE), mail("b", BOB),
        meeting("board", [ME, JANE, BOB], days_ago=60),
        meeting("more", [ME, JANE, BOB, EVE], days_ago=30),
        meeting("without me on the list", [JANE, BOB, EVE], organizer=EVE, days_ago=20),
        meeting("jane", [ME, JANE], days_ago=5),
    )  # fmt: skip
    met = (await guests(world, JANE, ME, BOB)).met_together
    assert met == GroupMeeting(title="meeting board", starts_at=NOW - timedelta(days=60))
    assert (await guests(world, JANE, BOB, "nobody@x.example")).met_together is None
    assert (await guests(world, JANE)).met_together is None


async def test_of_a_company_where_one_guest_is_a_stranger_those_are_named_whom_the_user_knows(world: World) -> None:
    await world.receive(
        mail("j", JANE, name="Jane Doe", days_ago=4), mail("g", "known@gmail.com"), mail("w", "mate@work.example"),
        connected(2, WORK),
    )  # fmt: skip
    await scoring.refresh_due_scores(world.context, NOW)
    stranger, other, public, mate, jane = (
        await guests(world, "new@acme.example", "x@unknown.example", "new@gmail.com", "new@work.example", JANE)
    ).items
    assert jane.contact_id
    known = Colleague(contact_id=jane.contact_id, name="Jane Doe", last_contact_at=NOW - timedelta(days=4))
    assert stranger.colleagues == (known,)
    assert (other.colleagues, public.colleagues, mate.colleagues, jane.colleagues) == ((), (), (), ())


async def test_a_card_that_states_another_work_has_stated_one_before(world: World) -> None:
    await world.receive(
        card("1", name="Jane", emails=[JANE], organization="Acme", title="Designer", birthday="1990-11-26")
    )
    (before,) = (await guests(world, JANE)).items
    await world.receive(card("1", name="Jane", emails=[JANE], organization="Beta", title="Lead Designer", revision=2))
    await world.receive(
        card("1", name="Jane D.", emails=[JANE], organization="Beta", title="Lead Designer", revision=3)
    )
    (after,) = (await guests(world, JANE)).items
    assert (before.former_work, before.birthday) == (None, "1990-11-26")
    assert after.former_work == FormerWork(
        company="Acme", title="Designer", changed_at=after.former_work.changed_at if after.former_work else NOW
    )
    assert (after.company, after.title) == ("Beta", "Lead Designer")


async def test_without_interactions_nothing_is_looked_up_that_it_takes_them_to_know(world: World) -> None:
    await world.receive(mail("j", JANE), meeting("met", [ME, JANE], days_ago=5))
    stranger, jane = (await guests(world, "new@acme.example", JANE, last=0)).items
    assert (stranger.colleagues, jane.last, jane.last_met_at) == ((), (), None)
    assert jane.met_before
