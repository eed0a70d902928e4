"""Mail that waits on the user, found in the tables: whatever answers it, in whichever account, ends that."""

from datetime import timedelta
from typing import Any

import pytest

from libs.common.errors import Refused
from libs.common.ids import InteractionId, UserId, new_id
from libs.common.requests import (
    AddInteraction,
    ContactFields,
    DismissWaiting,
    GetTimeline,
    ListWaiting,
    RestoreWaiting,
    UpdateContact,
)
from services.contacts import waiting as work
from services.contacts.domain.waiting import UnansweredMail
from services.contacts.handlers import contacts, timelines, waiting
from services.contacts.scoring import refresh_due_scores
from services.contacts.waiting import unanswered_mail
from tests.support.contacts_rows import OTHER, of_the_other
from tests.support.contacts_world import (
    ME,
    NOW,
    USER,
    WORK,
    World,
    connected,
    contacts_database,
    identified,
    mail,
    meeting,
    world,
)

__all__ = ["contacts_database", "world"]

JANE, BOB = "jane@acme.example", "bob@beta.example"


async def unanswered(world: World, user: UserId = USER) -> dict[str, UnansweredMail]:
    """By title, newest first; when the scores are up to date."""
    await refresh_due_scores(world.context, NOW)
    async with world.pool.acquire() as connection:
        pieces = unanswered_mail(connection, user, NOW - timedelta(days=60), NOW)
        found = [item async for piece in pieces for item in piece]
    assert [item.occurred_at for item in found] == sorted((item.occurred_at for item in found), reverse=True)
    return {item.title: item for item in found}


def asked(name: str, days_ago: float, *, thread: str = "", sender: str = JANE, to: Any = (ME,), **more: Any) -> Any:
    return mail(name, sender, to, days_ago=days_ago, thread_id=thread or f"t-{name}", title=name, **more)


async def test_unanswered_is_the_newest_message_of_its_thread_where_a_contact_wrote_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.receive(
        asked("alone", 3),
        asked("old", 9, thread="a"), asked("mine", 8, thread="a", sender=ME, to=[JANE]),
        asked("again", 9, thread="b"), asked("reply", 8, thread="b", sender=ME, to=[JANE]), asked("newest", 7, thread="b"),
        asked("overtaken", 6, thread="c"), asked("later", 5, thread="c", sender=BOB),
        asked("quiet", 6, thread="d"), asked("vacation", 5, thread="d", sender=BOB, automated="auto_submitted"),
        asked("bulk", 4, automated="bulk"), asked("list", 4, automated="list"), asked("via", 4, sender=BOB, via=True),
        asked("forged", 4, dmarc="fail"), asked("copy", 4, to=[BOB], cc=[ME]),
        asked("too old", 61), asked("sent", 2, sender=ME, to=[BOB]),
        of_the_other(asked("theirs", 3)), of_the_other(meeting("f", [JANE])), meeting("e", [JANE]),
    )  # fmt: skip
    found = await unanswered(world)
    assert list(found) == ["alone", "copy", "later", "quiet", "newest"]
    assert {title for title, item in found.items() if item.to_me} == {"alone", "later", "quiet", "newest"}
    assert {title for title, item in found.items() if item.in_my_thread} == {"newest"}
    assert all(item.written_to for item in found.values())
    jane = await world.contact(JANE)
    assert (found["alone"].contact_id, found["alone"].name) == (jane.id, jane.name)
    assert list(await unanswered(world, OTHER)) == ["theirs"]
    for pieces in ((1,) * 30, (2, 50), (5,) * 6):
        monkeypatch.setattr(work, "PIECES", pieces)
        assert await unanswered(world) == found, "whatever is looked at together"
    monkeypatch.setattr(work, "PIECES", (1, 1))
    assert list(await unanswered(world)) == ["alone"], "and no further than that"


async def test_an_answer_from_another_account_or_an_alias_is_an_answer(world: World) -> None:
    await world.receive(
        connected(2, WORK),
        asked("to jane", 20, sender=ME, to=[JANE]),
        asked("here", 5, thread="a", rfc_message_id="<1@x>"),
        asked("here", 5, thread="b", rfc_message_id="<1@x>", account=2),
        asked("alias", 5, thread="c"),
        asked("from my alias", 4, thread="c", sender="me@alias.example", to=[JANE]),
    )
    assert "here" in await unanswered(world)
    await world.receive(asked("from work", 4, thread="b", sender=WORK, to=[JANE], account=2))
    await world.receive(identified(ME, "me@alias.example"))
    assert await unanswered(world) == {}


async def test_a_stranger_waits_for_nothing_until_i_write_to_them_or_we_are_close_and_an_archived_contact_never(
    world: World,
) -> None:
    await world.receive(asked("from jane", 3), asked("from bob", 4, sender=BOB))
    assert await unanswered(world) == {}
    await world.receive(asked("vacation", 9, sender=ME, to=[BOB], automated="auto_submitted"))
    assert await unanswered(world) == {}, "a machine that answers for me does not make us acquainted"
    await world.receive(asked("to bob", 9, sender=ME, to=[], bcc=[BOB]), meeting("e", [JANE]))
    found = await unanswered(world)
    assert [(title, item.written_to) for title, item in found.items()] == [("from jane", False), ("from bob", True)]
    jane = await world.contact(JANE)
    await contacts.update_contact(
        world.context, UpdateContact(user_id=USER, contact_id=jane.id, fields=ContactFields(archived=True))
    )
    assert list(await unanswered(world)) == ["from bob"]


async def test_what_is_dismissed_waits_no_more_until_they_write_again(world: World) -> None:
    await world.receive(asked("to jane", 20, sender=ME, to=[JANE]), asked("first", 5, thread="t"))
    first = (await unanswered(world))["first"]
    for _ in range(2):
        await waiting.dismiss_waiting(world.context, DismissWaiting(user_id=USER, interaction_id=first.interaction_id))
        assert await unanswered(world) == {}
    for _ in range(2):
        await waiting.restore_waiting(world.context, RestoreWaiting(user_id=USER, interaction_id=first.interaction_id))
        assert await unanswered(world) == {"first": first}
    await waiting.dismiss_waiting(world.context, DismissWaiting(user_id=USER, interaction_id=first.interaction_id))
    await world.receive(asked("first", 5, thread="t", revision=2, snippet="as it is read anew"))
    assert await unanswered(world) == {}, "it is remembered, whatever is synced"
    await world.receive(asked("second", 4, thread="t"))
    assert list(await unanswered(world)) == ["second"]
    for user_id, interaction_id in ((OTHER, first.interaction_id), (USER, InteractionId(new_id()))):
        with pytest.raises(Refused, match="There is no such message"):
            await waiting.dismiss_waiting(world.context, DismissWaiting(user_id=user_id, interaction_id=interaction_id))
        with pytest.raises(Refused, match="There is no such message"):
            await waiting.restore_waiting(world.context, RestoreWaiting(user_id=user_id, interaction_id=interaction_id))
    assert (await waiting.list_waiting(world.context, ListWaiting(user_id=USER))).items == (), "of years ago"


async def test_a_timeline_is_cut_where_now_is_and_reaches_down_to_where_it_was_read(world: World) -> None:
    """Of the product's own clock: what is ahead of it is not past yet."""
    later = NOW.replace(year=2190)
    await world.receive(*[asked(f"m{number}", number) for number in range(1, 6)])
    await world.receive(meeting("far", [JANE], days_ago=-(later - NOW).days))
    jane = await world.contact(JANE)

    async def titles(**wanted: Any) -> list[str]:
        return [line.title for line in (await page(**wanted)).items]

    async def page(**wanted: Any) -> Any:
        return await timelines.get_timeline(world.context, GetTimeline(user_id=USER, contact_id=jane.id, **wanted))

    assert await titles(when="ahead") == ["meeting far"]
    assert await titles(when="past") == ["m1", "m2", "m3", "m4", "m5"]
    assert await titles() == ["meeting far", "m1", "m2", "m3", "m4", "m5"]
    first = await page(when="past", limit=2)
    await world.receive(asked("new", 0.5))
    again = await page(when="past", limit=200, down_to=first.next_cursor)
    assert [line.title for line in again.items] == ["new", "m1", "m2"], "nothing is read twice or left out below"
    assert again.next_cursor == first.next_cursor
    assert [line.title for line in (await page(when="past", cursor=again.next_cursor)).items] == ["m3", "m4", "m5"]
    much = await page(when="past", limit=1, down_to=first.next_cursor)
    assert ([line.title for line in much.items], much.next_cursor == first.next_cursor) == (["new"], False)


async def test_a_note_under_a_reference_is_one_and_is_changed_by_what_comes_later(world: World) -> None:
    await world.receive(asked("hello", 3), meeting("e", [JANE], days_ago=1))
    jane = await world.contact(JANE)

    async def note(text: str) -> None:
        await timelines.add_interaction(
            world.context,
            AddInteraction(
                user_id=USER, contact_id=jane.id, text=text, ref="meeting:1:jane", thread="meeting:1", occurred_at=NOW
            ),
        )

    for text in ("They want green.", "They want green.", "They want blue."):
        await note(text)
        (line,) = await world.timeline(JANE, platform="note", thread="meeting:1")
        assert line.text == text
    assert await world.timeline(JANE, thread="meeting:2") == ()
