"""Two users with the same mail, cards and meetings under the same ids, and two accounts of one user: nobody touches another one's."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import pytest

from libs.common.bus import Bus
from libs.common.errors import Refused
from libs.common.events import Event, Identity, InteractionReported, ProfileReported, UserDeleted
from libs.common.ids import ContactId, UserId
from libs.common.requests import (
    AccountState,
    AccountStates,
    AddInteraction,
    CompareCards,
    CompareMeetings,
    CompareMessages,
    ContactFields,
    CountContacts,
    CreateContact,
    DeleteContact,
    DismissDuplicate,
    DuplicatePairs,
    ExportContacts,
    FindDuplicates,
    GetAttendees,
    GetContact,
    GetContactsOfMessage,
    GetTimeline,
    ListDuplicates,
    ListMerges,
    MergeContacts,
    PublishedItem,
    PublishedMessage,
    RotateBcc,
    SearchContacts,
    TypedIdentity,
    UndoMerge,
    UnlinkIdentity,
    UpdateContact,
)
from services.contacts import bcc_offers
from services.contacts.derivations import refresh_due_derivations
from services.contacts.duplicates import refresh_due_duplicates
from services.contacts.handlers import (
    attendees,
    audits,
    connectors,
    contacts,
    counts,
    duplicates,
    export,
    identities,
    merges,
    messages,
    timelines,
)
from services.contacts.handlers.account_states import compare_accounts
from services.contacts.scoring import refresh_due_scores
from tests.support.contacts_rows import OTHER, of_the_other, rows_of
from tests.support.contacts_world import (
    ME,
    NOW,
    USER,
    WORK,
    World,
    account_id,
    card,
    card_removed,
    connected,
    contacts_database,
    disconnected,
    identified,
    mail,
    meeting,
    meeting_cancelled,
    removed,
    settings,
    world,
)

__all__ = ["contacts_database", "world"]

JANE, BOB, CAROL, LIST, OFFICE = (
    "jane@acme.example", "bob@acme.example", "carol@gamma.example", "list@lists.example", "maya@office.example",
)  # fmt: skip
PHONE = "+49 30 1234567"
STORY: list[Event] = [
    connected(),
    connected(2, WORK),
    settings(3, own_addresses=["alias@x.example"]),
    mail("m1", JANE, [ME, CAROL], name="Jane Doe", days_ago=4),
    mail("m1", JANE, [WORK], account=2, rfc_message_id="<m1@mail>", name="Jane Doe", days_ago=4),
    mail("m2", ME, [BOB], days_ago=3),
    mail("m3", BOB, [ME], name="Jane  Doe", days_ago=2),
    mail("m4", LIST, automated="list", thread_id="t", days_ago=5),
    mail("m5", ME, [LIST], thread_id="t", days_ago=4.5),
    card("1", name="Jane Doe", emails=[JANE], phones=[PHONE], organization="Acme"),
    card("2", name="Carol", emails=[CAROL, "carol@home.example"], account=2),
    meeting("e1", [JANE, CAROL], organizer=WORK),
    meeting("e2", [BOB], account=2),
]
REPORT = InteractionReported(
    user_id=USER, platform="telegram", ref="77", occurred_at=NOW, direction="inbound", kind="message",
    identities=(Identity(kind="phone", value=PHONE), Identity(kind="telegram", value="@bob", name="Bob", emails=(JANE,))), text="hi",
)  # fmt: skip
PROFILE = ProfileReported(
    user_id=USER, platform="twitter", identity=Identity(kind="email", value=JANE), bio="Founder", at=NOW
)


async def contact_id(world: World, email: str, user: UserId = USER) -> ContactId:
    found = await world.pool.fetchval(
        "SELECT contact_id FROM addresses WHERE user_id = $1 AND value = $2 AND kind = 'email'", user, email
    )
    assert found, f"{email} is no contact"
    return ContactId(found)


async def live(world: World, user: UserId) -> UUID:
    """All that somebody's mailbox, calendar, connectors and hands bring; the id of a merge that they may undo."""
    await world.receive(*(STORY if user == USER else map(of_the_other, STORY)))
    await connectors.record_report(world.context, REPORT.model_copy(update={"user_id": user}))
    await connectors.record_profile(world.context, PROFILE.model_copy(update={"user_id": user}))
    jane, bob, carol = [await contact_id(world, email, user) for email in (JANE, BOB, CAROL)]
    note = AddInteraction(user_id=user, contact_id=jane, text="met in Rome", occurred_at=NOW)
    await timelines.add_interaction(world.context, note)
    fields = ContactFields(notes="a friend", tags=("x",), identities=(TypedIdentity(kind="acme", value="@bob_m"),))
    await contacts.update_contact(world.context, UpdateContact(user_id=user, contact_id=bob, fields=fields))
    merged = await merges.merge_contacts(world.context, MergeContacts(user_id=user, contact_id=bob, other_id=carol))
    hashed = await world.pool.fetchval("SELECT bcc_hash FROM contacts WHERE id = $1", jane)
    offer = mail("m6", OFFICE, ["x@y.example"], bcc_tags=(hashed,), days_ago=1)
    await world.receive(offer if user == USER else of_the_other(offer))
    namesakes = [mail(f"n{n}", f"frank.namesake@{n}.example", name="Frank Namesake") for n in range(3)]
    await world.receive(*(namesakes if user == USER else map(of_the_other, namesakes)))
    await refresh_due_duplicates(world.context)
    frank, *others = [await contact_id(world, f"frank.namesake@{n}.example", user) for n in range(3)]
    stated = DismissDuplicate(user_id=user, contact_id=frank, other_id=others[0])
    await duplicates.dismiss_duplicate(world.context, stated)
    await refresh_due_scores(world.context, NOW)
    return merged.merge_id


async def replies(world: World, user: UserId) -> list[Any]:
    """What every query answers to this user."""
    context, ids = world.context, [await contact_id(world, email, user) for email in (JANE, BOB)]
    account = account_id(1) if user == USER else account_id(101)
    found: list[Any] = [await counts.count_contacts(context, CountContacts(user_id=user))]
    orders: list[dict[str, Any]] = [
        {"sort": "name"},
        {"sort": "recent"},
        {"sort": "score"},
        {"q": "jane"},
        {"q": "acme"},
    ]
    found += [await contacts.search_contacts(context, SearchContacts(user_id=user, **order)) for order in orders]
    for id_ in ids:
        found.append(await contacts.get_contact(context, GetContact(user_id=user, contact_id=id_)))
        found.append(await timelines.get_timeline(context, GetTimeline(user_id=user, contact_id=id_)))
        found.append(await duplicates.find_duplicates(context, FindDuplicates(user_id=user, contact_id=id_)))
    found.append(await duplicates.list_duplicates(context, ListDuplicates(user_id=user)))
    found.append(await merges.list_merges(context, ListMerges(user_id=user, contact_id=ids[1])))
    guests = GetAttendees(user_id=user, addresses=(JANE, BOB, WORK, "alias@x.example", LIST), now=NOW, last=9)
    found.append(await attendees.get_attendees(context, guests))
    whole: list[dict[str, Any]] = [{"what": "contacts"}, {"what": "interactions"}]
    found += [await export.export_contacts(context, ExportContacts(user_id=user, **part)) for part in whole]
    for gmail_id in ("m1", "m2", "m3"):
        query = GetContactsOfMessage(user_id=user, account_id=account, gmail_id=gmail_id)
        found.append(await messages.get_contacts_of_message(context, query))
    return found


CHANGES: dict[str, list[Event]] = {
    "mail is changed and removed": [mail("m1", JANE, [ME], revision=5, title="x"), removed("m2"), removed("m3"), removed("m5")],
    "cards change and go": [card("1", revision=2, name="X", emails=[JANE], former_names=["people/2"]), card_removed("2", account=2)],
    "meetings move and end": [meeting("e1", [BOB], organizer=WORK, revision=2, days_ago=1), meeting_cancelled("e2", account=2)],
    "addresses become mine": [identified(ME, JANE), identified(WORK, CAROL, number=2)],
    "an address is mine no more": [settings(4)],
    "everybody becomes a contact": [settings(5, contact_creation="everyone", own_addresses=["alias@x.example"])],
    "nobody becomes a contact": [settings(6, contact_creation="none")],
    "an account goes": [disconnected(1, purge=False)],
    "an account is purged": [disconnected(2, purge=True)],
    "the user is deleted": [UserDeleted(user_id=USER, account_ids=(account_id(1), account_id(2)))],
}  # fmt: skip


async def test_whatever_happens_to_one_user_leaves_every_row_of_another_with_the_same_ids_alone(world: World) -> None:
    await live(world, OTHER)
    merge_id = await live(world, USER)
    theirs = await rows_of(world, OTHER)
    assert all(theirs[table] for table in theirs if table not in ("rechecks", "groups_due")), (
        "they have some of everything"
    )
    mine = await rows_of(world)
    for change, events in CHANGES.items():
        if change == "the user is deleted":
            await edit_everything(world, merge_id)
            assert await rows_of(world, OTHER) == theirs, "edits"
        await world.receive(*events)
        assert await rows_of(world, OTHER) == theirs, change
        assert await rows_of(world) != mine, f"nothing happened where {change}"
        mine = await rows_of(world)
    assert not any(mine.values()), "and of who is deleted there is nothing left"


async def edit_everything(world: World, merge_id: UUID) -> None:
    """All that a user does by hand, on contacts with the addresses of the other's."""
    context = world.context
    await world.receive(settings(7), mail("new", BOB, revision=1))
    bob = await contact_id(world, BOB)
    await merges.undo_merge(context, UndoMerge(user_id=USER, merge_id=merge_id))
    await contacts.rotate_bcc(context, RotateBcc(user_id=USER, contact_id=bob))
    unlink = UnlinkIdentity(user_id=USER, contact_id=bob, kind="acme", value="bob_m")
    await identities.unlink_identity(context, unlink)
    typed = ContactFields(name="B", emails=("b@new.example",), archived=True)
    await contacts.update_contact(context, UpdateContact(user_id=USER, contact_id=bob, fields=typed))
    created = await contacts.create_contact(context, CreateContact(user_id=USER, fields=ContactFields(emails=(BOB,))))
    await merges.merge_contacts(context, MergeContacts(user_id=USER, contact_id=created.id, other_id=bob))
    await contacts.delete_contact(context, DeleteContact(user_id=USER, contact_id=created.id))
    await connectors.record_report(context, REPORT.model_copy(update={"text": "changed"}))
    await connectors.record_profile(context, PROFILE.model_copy(update={"bio": "changed", "at": NOW + timedelta(1)}))


async def test_what_one_user_is_shown_does_not_depend_on_another_with_the_same_ids(world: World) -> None:
    await live(world, USER)
    before = await replies(world, USER)
    mine = await rows_of(world)
    await live(world, OTHER)
    assert await rows_of(world) == mine
    after = await replies(world, USER)
    for first, second in zip(before, after, strict=True):
        assert first == second
    theirs = await replies(world, OTHER)
    assert [len(page.items) for page in theirs[1:6]] == [len(page.items) for page in before[1:6]]
    assert theirs[0] == before[0]
    pairs = [[found.total for found in known if isinstance(found, DuplicatePairs)] for known in (theirs, before)]
    assert pairs[0] == pairs[1] != [0], "nobody is like somebody of another user"


async def test_background_work_for_one_user_leaves_the_others_alone(world: World) -> None:
    await live(world, OTHER)
    await live(world, USER)
    theirs = await rows_of(world, OTHER)
    await world.pool.execute(
        """UPDATE contacts SET derive_due = true, due_at = '-infinity' WHERE user_id = $1;
           UPDATE cards SET derive_due = true WHERE user_id = $1;
           INSERT INTO groups_due SELECT DISTINCT user_id, platform, grp FROM sightings WHERE user_id = $1""".replace(
            "$1", f"'{USER}'"
        )
    )
    assert await refresh_due_derivations(world.context) > 9
    assert await refresh_due_scores(world.context, NOW) > 1
    assert await rows_of(world, OTHER) == theirs
    assert await refresh_due_derivations(world.context) == 0


async def test_offers_of_two_users_are_published_and_withdrawn_each_for_itself(world: World) -> None:
    await live(world, OTHER)
    await live(world, USER)
    await world.receive(settings(4, own_addresses=[OFFICE]))  # to one of them that address is no stranger's any more
    world.published.clear()
    assert await bcc_offers.publish_offers(world.context, datetime.now(UTC) + timedelta(minutes=1)) == 1
    assert [event.user_id for event in world.published] == [OTHER]  # type: ignore[attr-defined]
    left = await world.pool.fetch("SELECT user_id, told_at IS NOT NULL FROM bcc_offers")
    assert [tuple(row) for row in left] == [(OTHER, True)]


Attempt = Callable[[World, ContactId, ContactId, UUID], Awaitable[Any]]
ATTEMPTS: dict[str, Attempt] = {
    "read": lambda w, theirs, _, __: contacts.get_contact(w.context, GetContact(user_id=USER, contact_id=theirs)),
    "timeline": lambda w, theirs, _, __: timelines.get_timeline(
        w.context, GetTimeline(user_id=USER, contact_id=theirs)
    ),
    "not the same": lambda w, theirs, mine, __: duplicates.dismiss_duplicate(
        w.context, DismissDuplicate(user_id=USER, contact_id=mine, other_id=theirs)
    ),
    "merges": lambda w, theirs, _, __: merges.list_merges(w.context, ListMerges(user_id=USER, contact_id=theirs)),
    "duplicates": lambda w, theirs, _, __: duplicates.find_duplicates(
        w.context, FindDuplicates(user_id=USER, contact_id=theirs)
    ),
    "note": lambda w, theirs, _, __: timelines.add_interaction(
        w.context, AddInteraction(user_id=USER, contact_id=theirs, text="x")
    ),
    "edit": lambda w, theirs, _, __: contacts.update_contact(
        w.context, UpdateContact(user_id=USER, contact_id=theirs, fields=ContactFields(notes="x"))
    ),
    "rotate": lambda w, theirs, _, __: contacts.rotate_bcc(w.context, RotateBcc(user_id=USER, contact_id=theirs)),
    "delete": lambda w, theirs, _, __: contacts.delete_contact(
        w.context, DeleteContact(user_id=USER, contact_id=theirs)
    ),
    "merge theirs into mine": lambda w, theirs, mine, __: merges.merge_contacts(
        w.context, MergeContacts(user_id=USER, contact_id=mine, other_id=theirs)
    ),
    "merge mine into theirs": lambda w, theirs, mine, __: merges.merge_contacts(
        w.context, MergeContacts(user_id=USER, contact_id=theirs, other_id=mine)
    ),
    "undo": lambda w, _, __, merge_id: merges.undo_merge(w.context, UndoMerge(user_id=USER, merge_id=merge_id)),
}


async def test_what_is_another_users_is_not_found_and_not_touched(world: World) -> None:
    merge_id = await live(world, OTHER)
    await live(world, USER)
    theirs, mine = await contact_id(world, JANE, OTHER), await contact_id(world, JANE)
    before = await rows_of(world, OTHER), await rows_of(world)
    for name, attempt in ATTEMPTS.items():
        with pytest.raises(Refused) as refused:
            await attempt(world, theirs, mine, merge_id)
        assert (refused.value.status, refused.value.code) == (404, "not_found"), name
        assert (await rows_of(world, OTHER), await rows_of(world)) == before, name
    query = GetContactsOfMessage(user_id=USER, account_id=account_id(101), gmail_id="m1")
    assert (await messages.get_contacts_of_message(world.context, query)).items == ()


async def test_two_mails_meetings_and_cards_of_one_id_in_two_accounts_are_two(world: World) -> None:
    await world.receive(
        connected(2, WORK),
        mail("m", JANE, title="first"),
        mail("m", BOB, [WORK], account=2, rfc_message_id="<other@mail>", title="second"),
        meeting("e", [JANE]),
        meeting("e", [BOB], account=2, ical_uid="other@cal"),
        card("1", name="Jane", emails=[JANE]),
        card("1", account=2, name="Bob", emails=[BOB]),
    )
    of = [GetContactsOfMessage(user_id=USER, account_id=account_id(n), gmail_id="m") for n in (1, 2)]
    found = [await messages.get_contacts_of_message(world.context, query) for query in of]
    assert [[ref.name for ref in refs.items] for refs in found] == [["Jane"], ["Bob"]]
    await world.receive(removed("m", account=2), meeting_cancelled("e", account=2), card_removed("1", account=2))
    assert [line.title for line in await world.timeline(JANE)] == ["first", "meeting e"]
    assert await world.emails() == {frozenset({JANE})}
    assert (await world.contact(JANE)).imported
    assert await differing(world, 1) == [[], [], []]
    assert await differing(world, 2) == [["m"], ["calendar 2/e"], ["people/1"]], "these are gone"
    assert (await messages.get_contacts_of_message(world.context, of[1])).items == ()
    await world.receive(disconnected(2, purge=True))
    assert [line.title for line in await world.timeline(JANE)] == ["first", "meeting e"]
    assert (await world.contact(JANE)).imported


async def differing(world: World, account: int) -> list[list[str]]:
    """Which of the mail, the meeting and the card of this account are not held as published at their first revision."""

    async def nothing_waits() -> int:
        return 0

    of: dict[str, Any] = {"user_id": USER, "account_id": account_id(account)}
    mails = CompareMessages(**of, published=(PublishedMessage(gmail_id="m", revision=1),))
    meets = CompareMeetings(**of, published=(PublishedItem(id=f"calendar {account}/e", revision=1),))
    people = CompareCards(**of, published=(PublishedItem(id="people/1", revision=1),))
    context = world.context
    return [
        [held.gmail_id for held in (await audits.compare_messages(context, nothing_waits, mails)).differing],
        [held.id for held in (await audits.compare_meetings(context, nothing_waits, meets)).differing],
        [held.id for held in (await audits.compare_cards(context, nothing_waits, people)).differing],
    ]


@pytest.mark.parametrize("theirs", ["none", "people"])
async def test_a_rule_that_another_user_has_already_applies_to_mine_all_the_same(world: World, theirs: str) -> None:
    await world.receive(of_the_other(settings(7, contact_creation=theirs)), mail("m1", JANE), mail("m2", ME, [BOB]))
    await world.receive(settings(1, contact_creation="none"))
    assert await world.emails() == set()
    await world.receive(settings(2, contact_creation="people"))
    assert await world.emails() == {frozenset({JANE}), frozenset({BOB})}
    rules = await world.pool.fetch("SELECT id, settings_version, contact_creation FROM users")
    assert {tuple(row) for row in rules} == {(OTHER, 7, theirs), (USER, 2, "people")}


class Auth:
    """A bus at whose other end `auth` has these accounts."""

    def __init__(self, *states: AccountState) -> None:
        self.states = states

    async def request(self, _: Any) -> AccountStates:
        return AccountStates(items=self.states)


async def test_an_account_that_auth_lost_takes_only_its_own_along(world: World) -> None:
    await live(world, OTHER)
    await live(world, USER)
    theirs = await rows_of(world, OTHER)
    fields = {"address": WORK, "scopes": [], "status": "purged", "sequence": 5}
    states = [AccountState.model_validate({"id": account_id(2), "user_id": USER, **fields})]
    await compare_accounts(world.context, cast(Bus, Auth(*states)))
    assert await rows_of(world, OTHER) == theirs
    seen = await world.pool.fetch("SELECT DISTINCT source_id FROM sightings WHERE user_id = $1", USER)
    assert {row["source_id"] for row in seen} == {USER, account_id(1)}
