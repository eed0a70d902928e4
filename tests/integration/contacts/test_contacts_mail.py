"""Mail on the timelines: recorded once, with the right direction, from every account, and gone when it is gone."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from libs.common.events import MessageIngested
from libs.common.ids import ContactId
from libs.common.requests import ContactFields, FindMail, MergeContacts, UpdateContact
from services.contacts.derivations import refresh_due_derivations
from services.contacts.handlers import contacts, mail_search, merges, messages
from tests.support.contacts_rows import of_the_other
from tests.support.contacts_world import (
    ME,
    NOW,
    USER,
    WORK,
    World,
    connected,
    contacts_database,
    disconnected,
    identified,
    mail,
    meeting,
    removed,
    settings,
    world,
)

__all__ = ["contacts_database", "world"]

JANE, BOB, CAROL = "jane@acme.example", "bob@beta.example", "carol@gamma.example"


async def test_who_writes_to_me_becomes_a_contact_with_the_name_they_use(world: World) -> None:
    await world.receive(mail("m1", JANE, name="Jane Doe"))
    contact = await world.contact(JANE)
    assert (contact.name, contact.emails) == ("Jane Doe", (JANE,))
    [line] = await world.timeline(JANE)
    assert (line.direction, line.title, line.text) == ("inbound", "about m1", "hello")
    assert [(who.role, who.address) for who in line.people] == [("from", JANE), ("to", ME)]


async def test_a_sent_mail_counts_as_outbound_for_everybody_it_went_to(world: World) -> None:
    await world.receive(mail("m1", ME, [JANE], cc=[BOB], bcc=[CAROL]))
    for address in (JANE, BOB, CAROL):
        assert [line.direction for line in await world.timeline(address)] == ["outbound"]


async def test_a_silent_co_recipient_is_linked_but_not_created(world: World) -> None:
    await world.receive(mail("m1", JANE, [ME, BOB]))
    assert await world.emails() == {frozenset({JANE})}
    await world.receive(mail("m2", BOB, days_ago=0.5))
    assert [line.direction for line in await world.timeline(BOB)] == ["inbound", "participant"]


async def test_gmail_spellings_are_one_address(world: World) -> None:
    await world.receive(mail("m1", "J.Doe+news@googlemail.com"), mail("m2", "jdoe@gmail.com"))
    assert (await world.counts()).contacts == 1
    assert len(await world.timeline("jdoe@gmail.com")) == 2


@pytest.mark.parametrize("rule", ["bounce", "calendar", "auto_submitted", "noreply", "bulk", "list"])
async def test_automated_mail_is_recorded_and_makes_no_contact(world: World, rule: str) -> None:
    await world.receive(mail("m1", JANE, automated=rule, name="Offers"))
    counts = await world.counts()
    assert (counts.messages, counts.contacts) == (1, 0)


@pytest.mark.parametrize("list_first", [True, False])
async def test_list_mail_that_i_answered_counts_in_any_order(world: World, list_first: bool) -> None:
    newsletter = mail("m1", JANE, automated="list", name="Jane", thread_id="t", days_ago=3)
    answer = mail("m2", ME, ["list@lists.example"], thread_id="t", days_ago=2)
    await world.receive(*((newsletter, answer) if list_first else (answer, newsletter)))
    assert (await world.contact(JANE)).relationship.recency == 0  # years after: the clock is real
    assert (await world.contact(JANE)).last_interaction_at is not None
    await world.receive(removed("m2"))
    assert await world.emails() == set()


async def test_mail_via_a_list_teaches_no_name_and_makes_no_contact(world: World) -> None:
    await world.receive(mail("m1", JANE, name="Jane via Team", via=True))
    assert await world.emails() == set()
    await world.receive(mail("m2", ME, [JANE]))
    assert (await world.contact(JANE)).name == JANE


async def test_more_than_25_participants_are_linked_but_never_created(world: World) -> None:
    recipients = [f"p{number}@crowd.example" for number in range(25)]
    await world.receive(mail("m1", ME, recipients))
    assert (await world.counts()).contacts == 0
    await world.receive(mail("m2", ME, recipients[:24]))
    assert (await world.counts()).contacts == 24


async def test_of_a_message_to_thousands_the_first_hundred_and_those_i_know_are_kept_and_all_are_counted(
    world: World,
) -> None:
    strangers = [f"p{number}@crowd.example" for number in range(2_900)]
    await world.receive(connected(2, WORK), mail("before", BOB), mail("seen", JANE, [ME, CAROL]))
    await world.receive(mail("m1", JANE, [*strangers, ME, WORK, "me+list@work.example"], cc=[BOB, CAROL, strangers[7]]))
    [line] = [line for line in await world.timeline(BOB) if line.title == "about m1"]
    assert line.direction == "participant"
    kept = await world.pool.fetch(
        "SELECT a.value, p.role FROM participants p JOIN addresses a ON a.id = p.address_id WHERE p.interaction_id = $1",
        line.id,
    )
    assert sorted((row["value"], row["role"]) for row in kept) == sorted(
        [
            (JANE, "from"), *((address, "to") for address in [*strangers[:99], ME, WORK, "me+list@work.example"]), (BOB, "cc"),
            (CAROL, "cc"), (strangers[7], "cc"),
        ]
    )  # fmt: skip
    assert line.people_total == 2_900 + 7
    assert await world.pool.fetchval("SELECT crowd FROM interactions WHERE id = $1", line.id) == 2_900 + 6
    assert await world.pool.fetchval("SELECT count(*) FROM addresses WHERE kind = 'email'") == 99 + 6
    assert (await world.counts()).contacts == 2, "Jane and Bob wrote to me"


async def test_a_message_to_thousands_that_changes_still_counts_them_once(world: World) -> None:
    strangers = [f"p{number}@crowd.example" for number in range(500)]
    await world.receive(mail("m1", JANE, strangers), mail("m1", JANE, strangers[:400], revision=2))
    await world.receive(mail("m2", JANE))
    assert [line.people_total for line in await world.timeline(JANE)] == [2, 401]


async def test_the_newest_name_that_somebody_uses_is_learned_in_any_order(world: World) -> None:
    await world.receive(
        mail("m2", JANE, name="Jane Married", days_ago=1), mail("m1", JANE, name="Jane Maiden", days_ago=9)
    )
    assert (await world.contact(JANE)).name == "Jane Married"
    await world.receive(removed("m2"))
    assert (await world.contact(JANE)).name == "Jane Maiden"


async def test_the_same_mail_in_two_accounts_is_one_interaction(world: World) -> None:
    await world.receive(connected(2, WORK))
    await world.receive(
        mail("a", ME, [JANE], bcc=[BOB], rfc_message_id="<x@mail>"),
        mail("b", ME, [JANE, WORK], account=2, rfc_message_id=" x@mail ", days_ago=0.9),
    )
    assert (await world.counts()).messages == 1
    [line] = await world.timeline(JANE)
    assert len(line.account_ids) == 2
    assert {who.address for who in line.people} == {ME, JANE, BOB, WORK}
    await world.receive(removed("a"))
    [line] = await world.timeline(JANE)
    assert len(line.account_ids) == 1
    assert await world.emails() == {frozenset({JANE})}, "only the deleted copy knew of Bob"
    await world.receive(removed("b", account=2))
    assert (await world.counts()).messages == 0


async def test_a_reused_message_id_inside_one_account_loses_nothing(world: World) -> None:
    await world.receive(connected(2, WORK))
    copies = [mail(f"a{n}", JANE, rfc_message_id="<same>", days_ago=n) for n in range(1, 4)]
    others = [mail(f"b{n}", JANE, rfc_message_id="<same>", account=2, days_ago=n) for n in range(1, 3)]
    await world.receive(*copies, *others)
    assert (await world.counts()).messages == 3
    await world.receive(removed("a1"), removed("a2"))
    assert (await world.counts()).messages == 2, "two copies in the second account are left"


@pytest.mark.parametrize("stranger_first", [True, False])
async def test_a_stranger_who_repeats_the_message_id_of_my_mail_adds_nobody_to_it(
    world: World, stranger_first: bool
) -> None:
    await world.receive(connected(2, WORK))
    my_own = mail("a", ME, [JANE], rfc_message_id="<x@mail>", dated="2024-06-14T12:00:00+00:00")
    theirs = mail("b", BOB, [WORK, CAROL], account=2, rfc_message_id="<x@mail>", dated="2024-06-14T12:00:00+00:00")
    await world.receive(*((theirs, my_own) if stranger_first else (my_own, theirs)))
    assert (await world.counts()).messages == 2
    [line] = await world.timeline(JANE)
    assert ([who.address for who in line.people], line.direction, line.title) == ([ME, JANE], "outbound", "about a")
    [line] = await world.timeline(BOB)
    assert ([who.address for who in line.people], line.direction) == ([BOB, CAROL, WORK], "inbound")
    assert await world.emails() == {frozenset({JANE}), frozenset({BOB})}


async def test_two_mails_of_mine_under_one_message_id_are_two_lines(world: World) -> None:
    await world.receive(connected(2, WORK))
    await world.receive(
        mail("a", ME, [JANE], rfc_message_id="<x@mail>", dated="2024-06-14T12:00:00+00:00"),
        mail("b", ME, [BOB], account=2, rfc_message_id="<x@mail>", dated="2024-06-14T12:00:01+00:00"),
    )
    assert [line.title for line in await world.timeline(JANE)] == ["about a"]
    assert [line.title for line in await world.timeline(BOB)] == ["about b"]


async def test_after_an_upgrade_mails_that_were_one_by_their_message_id_alone_are_two(world: World) -> None:
    """A database of an earlier version: no Date is known, and both mails are one interaction under `<x@mail>#1`."""
    await world.receive(connected(2, WORK))
    await world.receive(
        mail("a", ME, [JANE], rfc_message_id="<x@mail>"),
        mail("b", BOB, [WORK, CAROL], account=2, rfc_message_id="<other@mail>", days_ago=0.9),
    )
    await world.pool.execute(
        """UPDATE sightings SET grp = '<x@mail>', interaction_id = (
               SELECT id FROM interactions WHERE ref = '<x@mail>#1');
           DELETE FROM interactions WHERE ref = '<other@mail>#1';
           UPDATE participants p SET interaction_id = i.id, occurred_at = i.occurred_at FROM interactions i;
           INSERT INTO groups_due SELECT DISTINCT user_id, platform, grp FROM sightings"""
    )
    before = await world.pool.fetchval("SELECT id FROM interactions")
    assert [line.title for line in await world.timeline(BOB)] == ["about a"], "as it was"
    assert await refresh_due_derivations(world.context) == 1
    [line] = await world.timeline(JANE)
    assert (line.id, [who.address for who in line.people]) == (before, [ME, JANE])
    assert [(line.title, line.direction) for line in await world.timeline(BOB)] == [("about b", "inbound")]
    assert await refresh_due_derivations(world.context) == 0


async def test_mail_of_before_the_upgrade_and_its_copy_of_after_are_one(world: World) -> None:
    await world.receive(connected(2, WORK), mail("a", JANE, rfc_message_id="<x@mail>"))
    before = (await world.timeline(JANE))[0].id
    copy = mail("b", JANE, [ME, WORK], account=2, rfc_message_id="<x@mail>", dated="2024-06-14T12:00:00+00:00")
    await world.receive(copy)
    [line] = await world.timeline(JANE)
    assert (line.id, len(line.account_ids)) == (before, 2)


async def test_mail_without_message_id_is_never_paired(world: World) -> None:
    await world.receive(mail("a", JANE, rfc_message_id=None), mail("a", JANE, rfc_message_id=None, account=2))
    assert (await world.counts()).messages == 2


async def test_a_tombstone_that_comes_first_stays(world: World) -> None:
    await world.receive(removed("m1", revision=2), mail("m1", JANE, revision=1))
    assert (await world.counts()).messages == 0
    await world.receive(mail("m1", JANE, revision=3))
    assert (await world.counts()).messages == 1, "it was taken out of the trash again"


async def test_two_replicas_at_once_record_everything_once(world: World) -> None:
    batch = [mail(f"m{n}", f"p{n % 7}@x.example", days_ago=n) for n in range(40)]
    other = [
        mail(f"o{n}", f"p{n % 7}@x.example", account=2, days_ago=n, rfc_message_id=f"<m{n}@mail>") for n in range(40)
    ]
    await asyncio.gather(
        *(messages.record_messages(world.context, part) for part in (batch, batch[::-1], other, other[::-1]))
    )
    counts = await world.counts()
    assert (counts.messages, counts.contacts) == (40, 7)


async def test_an_address_that_becomes_mine_turns_its_mail_outbound(world: World) -> None:
    await world.receive(mail("m1", WORK, [JANE, ME]))
    assert await world.emails() == {frozenset({WORK})}
    await world.receive(connected(2, WORK))
    assert await world.emails() == {frozenset({JANE})}
    assert [line.direction for line in await world.timeline(JANE)] == ["outbound"]


async def test_an_address_that_is_mine_no_more_becomes_a_contact(world: World) -> None:
    await world.receive(settings(1, own_addresses=[WORK]), mail("m1", WORK, [JANE, ME]), settings(2))
    assert await world.emails() == {frozenset({WORK})}


async def test_an_older_statement_of_who_is_me_that_comes_late_undoes_nothing(world: World) -> None:
    await world.receive(mail("m1", "alias@x.example", [JANE, ME]))
    await world.receive(identified(ME, "alias@x.example", at=NOW), identified(ME, at=NOW - timedelta(seconds=1)))
    assert await world.emails() == {frozenset({JANE})}


async def test_an_alias_is_me_whenever_it_becomes_known(world: World) -> None:
    await world.receive(mail("m1", "alias@x.example", [JANE, ME]), identified(ME, "Alias@x.example"))
    assert await world.emails() == {frozenset({JANE})}


async def test_tagged_spellings_of_my_addresses_are_me_on_every_domain(world: World) -> None:
    await world.receive(connected(2, WORK), mail("m1", "me+shop@work.example", [JANE]))
    assert await world.emails() == {frozenset({JANE})}


@pytest.mark.parametrize(
    ("creation", "expected"),
    [
        ("people", {JANE, BOB}),
        ("sent_only", {BOB}),
        ("none", set()),
        ("everyone", {JANE, BOB, CAROL, "noreply@shop.example"}),
    ],
)
@pytest.mark.parametrize("setting_first", [True, False])
async def test_contact_creation_holds_for_all_mail_whenever_it_is_set(
    world: World, creation: str, expected: set[str], setting_first: bool
) -> None:
    story: list[MessageIngested] = [
        mail("m1", JANE, [ME, CAROL]),
        mail("m2", ME, [BOB]),
        mail("m3", "noreply@shop.example", automated="noreply"),
    ]
    setting = settings(1, contact_creation=creation)
    await world.receive(*([setting, *story] if setting_first else [*story, setting]))
    assert {address for emails in await world.emails() for address in emails} == expected


async def test_an_older_version_of_the_settings_changes_nothing(world: World) -> None:
    await world.receive(
        settings(2, contact_creation="none"), settings(1, contact_creation="everyone"), mail("m1", JANE)
    )
    assert (await world.counts()).contacts == 0


async def test_purging_an_account_takes_what_only_it_saw(world: World) -> None:
    await world.receive(connected(2, WORK))
    await world.receive(
        mail("a", JANE), mail("b", BOB, [WORK], account=2), mail("a", JANE, account=2, rfc_message_id="<a@mail>")
    )
    await world.receive(disconnected(2, purge=True))
    assert await world.emails() == {frozenset({JANE})}
    assert (await world.counts()).messages == 1
    await world.receive(mail("late", CAROL, account=2))
    assert (await world.counts()).messages == 1, "what comes late from a purged account does nothing"


async def test_disconnecting_without_purge_keeps_everything_and_my_address_stays_mine(world: World) -> None:
    await world.receive(connected(2, WORK), mail("b", BOB, [WORK], account=2), disconnected(2, purge=False))
    await world.receive(mail("m", WORK, [JANE, ME]))
    assert await world.emails() == {frozenset({BOB}), frozenset({JANE})}


async def test_nul_and_endless_texts_are_made_harmless(world: World) -> None:
    await world.receive(
        mail(
            "m1", JANE, name="Ja\x00ne\ud83d", title="a\x00b" + "x" * 9_000, snippet="\x00", rfc_message_id="i" * 9_000
        )
    )
    [line] = await world.timeline(JANE)
    assert line.title.startswith("ab")
    assert len(line.title) == 500


async def test_mail_is_found_by_its_words_wherever_it_landed(world: World) -> None:
    """On somebody else's timeline, that of a merged or an archived contact, on several, or on nobody's; never another user's."""
    await world.receive(
        mail("m1", JANE, title="The CONTRACT", days_ago=1),
        mail("m2", BOB, title="Lunch", snippet="after the contract", days_ago=2),
        mail("m3", ME, [JANE, CAROL], title="contract, signed", days_ago=3),
        mail("m4", "news@list.example", title="Contract news", automated="list", days_ago=4),
        mail("m5", CAROL, title="About something else", days_ago=5),
        meeting("contract", [CAROL]),
        of_the_other(mail("m6", JANE, title="the contract")),
    )
    jane, bob, carol = [(await world.contact(email)).id for email in (JANE, BOB, CAROL)]
    await merges.merge_contacts(world.context, MergeContacts(user_id=USER, contact_id=jane, other_id=bob))
    hidden = UpdateContact(user_id=USER, contact_id=carol, fields=ContactFields(archived=True))
    await contacts.update_contact(world.context, hidden)

    async def found(**wanted: Any) -> list[tuple[str, str, dict[ContactId, bool]]]:
        mails = (await mail_search.find_mail(world.context, FindMail(user_id=USER, **wanted))).items
        assert all(mail.owners_total == len(mail.owners) for mail in mails)
        return [(mail.title, mail.sender, {owner.id: owner.archived for owner in mail.owners}) for mail in mails]

    everywhere = [
        ("The CONTRACT", JANE, {jane: False}),
        ("Lunch", BOB, {jane: False}),
        ("contract, signed", ME, {jane: False, carol: True}),
        ("Contract news", "news@list.example", {}),
    ]
    assert await found(q="Contract") == everywhere
    assert await found(q="contract", limit=2) == everywhere[:2], "the newest"
    assert await found(q="100%") == []
    assert len(await found()) == 5, "without words all mail, and nothing but mail"
