"""Two accounts and changing rules: one mail is one line as long as somebody has it, and no rule loses what the user typed."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast

import pytest

from libs.common.bus import Bus
from libs.common.events import Event
from libs.common.preferences import GmailPreferences, Preferences
from libs.common.requests import (
    AccountState,
    AccountStates,
    ContactFields,
    CreateContact,
    GetSettings,
    ListAccountStates,
    UpdateContact,
    UserPreferences,
)
from services.contacts.handlers import contacts
from services.contacts.handlers.account_states import compare_accounts
from tests.support.contacts_world import (
    ME,
    NOW,
    USER,
    WORK,
    World,
    account_id,
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

JANE, BOB, CAROL, ROBOT = "jane@acme.example", "bob@beta.example", "carol@gamma.example", "noreply@shop.example"
SAME_ID = {"rfc_message_id": "<one@mail>"}


async def lines(world: World, email: str) -> list[tuple[str, str | None, int]]:
    """Title, direction and number of accounts of each line."""
    return [(line.title, line.direction, len(line.account_ids)) for line in await world.timeline(email)]


def seen_by(account: int, revision: int = 1) -> Event:
    return mail("m", JANE, [ME, WORK], account=account, revision=revision, title="hello", days_ago=1, **SAME_ID)  # type: ignore[arg-type]


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
async def test_a_mail_of_two_accounts_stays_until_both_have_lost_it_and_comes_back_with_one(
    world: World, order: Sequence[int]
) -> None:
    first, second = order
    await world.receive(connected(2, WORK), seen_by(1), seen_by(2))
    assert await lines(world, JANE) == [("hello", "inbound", 2)]
    await world.receive(removed("m", account=first))
    assert await lines(world, JANE) == [("hello", "inbound", 1)]
    await world.receive(removed("m", account=second))
    assert (await world.counts()).messages == 0
    assert await world.emails() == set()
    await world.receive(seen_by(second, revision=3))
    assert await lines(world, JANE) == [("hello", "inbound", 1)]
    await world.receive(seen_by(first, revision=3), removed("m", account=first, revision=2))
    assert await lines(world, JANE) == [("hello", "inbound", 2)], "what was lost before it came back is old news"


async def test_restored_and_trashed_again_in_any_order_the_last_word_counts(world: World) -> None:
    await world.receive(connected(2, WORK))
    story = [seen_by(1), seen_by(2), removed("m", revision=4), seen_by(1, 3), removed("m", account=2), seen_by(2, 5)]
    for order in (story, story[::-1], story[3:] + story[:3]):
        await world.clear()
        await world.receive(connected(), connected(2, WORK), *order, *order)
        assert await lines(world, JANE) == [("hello", "inbound", 1)]


async def test_purging_one_account_leaves_what_the_other_saw_and_its_answers(world: World) -> None:
    await world.receive(connected(2, WORK), seen_by(1), seen_by(2))
    await world.receive(mail("own", WORK, [BOB], account=2), disconnected(2, purge=True))
    assert await lines(world, JANE) == [("hello", "inbound", 1)]
    assert await world.emails() == {frozenset({JANE})}
    await world.receive(removed("m"))
    assert (await world.counts()).messages == 0


async def test_mail_between_my_accounts_is_one_interaction_and_makes_nobody(world: World) -> None:
    await world.receive(connected(2, WORK))
    await world.receive(*[mail(f"m{n}", ME, [WORK], account=n, **SAME_ID) for n in (1, 2)])  # type: ignore[arg-type]
    assert ((await world.counts()).messages, (await world.counts()).contacts) == (1, 0)


async def test_what_an_alias_of_the_second_account_sent_is_outbound_in_the_first(world: World) -> None:
    await world.receive(mail("m", "sales@firm.example", [JANE, ME]), connected(2, WORK))
    assert frozenset({"sales@firm.example"}) in await world.emails()
    await world.receive(identified(WORK, "Sales@firm.example", number=2))
    assert await lines(world, JANE) == [("about m", "outbound", 1)]
    assert await world.emails() == {frozenset({JANE})}


RULES = ("people", "sent_only", "none", "everyone")
EXPECTED = {
    "people": {JANE, BOB},
    "sent_only": {BOB},
    "none": set(),
    "everyone": {JANE, BOB, CAROL, ROBOT},
}


async def test_every_change_of_the_rule_for_contacts_gives_what_that_rule_alone_would(world: World) -> None:
    await world.receive(mail("m1", JANE, [ME, CAROL], name="Jane"), mail("m2", ME, [BOB]))
    await world.receive(mail("m3", ROBOT, automated="noreply"))
    version = 0
    for before in RULES:
        for after in RULES:
            for rule in (before, after):
                version += 1
                await world.receive(settings(version, contact_creation=rule))
            found = {address for emails in await world.emails() for address in emails}
            assert found == EXPECTED[after], f"{before} → {after}"
    assert len(await world.timeline(JANE)) == 1, "and the history was there all the time"


async def test_no_rule_takes_a_contact_that_the_user_made_edited_or_invited(world: World) -> None:
    await world.receive(mail("m1", JANE, name="Jane"), mail("m2", ME, [BOB]), meeting("e", [CAROL]))
    jane = await world.contact(JANE)
    await contacts.update_contact(
        world.context, UpdateContact(user_id=USER, contact_id=jane.id, fields=ContactFields(notes="met in Rome"))
    )
    await contacts.create_contact(
        world.context, CreateContact(user_id=USER, fields=ContactFields(name="Dora", emails=("dora@x.example",)))
    )
    await world.receive(settings(1, contact_creation="none"))
    assert await world.emails() == {frozenset({JANE}), frozenset({"dora@x.example"})}
    kept = await world.contact(JANE)
    assert (kept.id, kept.notes, kept.bcc_hash) == (jane.id, "met in Rome", jane.bcc_hash)
    await world.receive(settings(2, contact_creation="people"))
    assert await world.emails() == {frozenset({email}) for email in (JANE, BOB, CAROL, "dora@x.example")}
    assert (await world.contact(JANE)).id == jane.id


async def test_an_own_address_that_is_an_edited_contact_stays_the_users_decision(world: World) -> None:
    await world.receive(mail("m1", JANE, [ME, BOB], name="Jane"))
    jane = await world.contact(JANE)
    await contacts.update_contact(
        world.context, UpdateContact(user_id=USER, contact_id=jane.id, fields=ContactFields(notes="that's me, too"))
    )
    await world.receive(settings(1, own_addresses=[JANE]))
    assert (await world.contact(JANE)).notes == "that's me, too"
    assert frozenset({BOB}) in await world.emails(), "I wrote to Bob"
    await world.receive(settings(2))
    assert await world.emails() == {frozenset({JANE})}
    assert await lines(world, JANE) == [("about m1", "inbound", 1)]


async def bcc_addresses(world: World) -> set[str]:
    """The connected accounts' addresses, as contacts know them."""
    rows = await world.pool.fetch("SELECT address FROM accounts WHERE connected")
    return {row["address"] for row in rows}


async def test_an_account_that_was_connected_again_stays_connected_however_the_clocks_go(world: World) -> None:
    first = connected(2, WORK).model_copy(update={"sequence": 1})
    end = disconnected(2, purge=False, at=NOW + timedelta(hours=1)).model_copy(update={"sequence": 2})
    begin = connected(2, WORK, at=NOW).model_copy(update={"sequence": 3})
    for order in ((first, end, begin), (first, begin, end), (begin, end, first)):
        await world.clear()
        await world.receive(*order)
        assert await bcc_addresses(world) == {WORK}


async def test_a_purge_is_not_lifted_by_a_later_connection_of_the_same_account(world: World) -> None:
    await world.receive(connected(2, WORK), seen_by(2), disconnected(2, purge=True))
    await world.receive(connected(2, WORK, at=NOW + timedelta(days=1)), seen_by(2, revision=9))
    assert await world.emails() == set()
    assert WORK not in await bcc_addresses(world)


async def test_of_two_readings_of_an_accounts_addresses_the_later_counted_one_stands(world: World) -> None:
    older = identified("old@firm.example", at=NOW + timedelta(hours=1)).model_copy(update={"revision": 1})
    newer = identified("new@firm.example", at=NOW).model_copy(update={"revision": 2})
    for order in ((older, newer), (newer, older)):
        await world.clear()
        await world.receive(identified("older@firm.example", at=NOW + timedelta(days=1)), *order)
        rows = await world.pool.fetch("SELECT address FROM own_addresses WHERE address LIKE '%firm.example'")
        assert [row["address"] for row in rows] == ["new@firm.example"]


class Auth:
    """A bus at whose other end `auth` has these accounts."""

    def __init__(self, *states: AccountState, preferences: Preferences | None = None) -> None:
        self.states = states
        self.preferences = preferences

    async def request(self, query: ListAccountStates | GetSettings) -> AccountStates | UserPreferences:
        if isinstance(query, GetSettings):
            assert self.preferences is not None
            return UserPreferences(version=self.states[0].settings_version, preferences=self.preferences)
        return AccountStates(items=tuple(s for s in self.states if query.account_id in (None, s.id)))


def state(status: str, sequence: int = 5, **changes: Any) -> AccountState:
    fields = {"id": account_id(2), "user_id": USER, "address": WORK, "scopes": [], "status": status}
    return AccountState.model_validate({**fields, "sequence": sequence, **changes})


async def compare(world: World, *states: AccountState) -> None:
    await compare_accounts(world.context, cast(Bus, Auth(*states)))


@pytest.mark.parametrize("status", ["active", "reauth_required"])
async def test_the_lost_connection_of_an_account_is_made_good(world: World, status: str) -> None:
    await world.receive(mail("m", WORK, [JANE]))
    assert frozenset({WORK}) in await world.emails(), "somebody else wrote it"
    await compare(world, state(status))
    assert await lines(world, JANE) == [("about m", "outbound", 1)]
    assert await bcc_addresses(world) == {ME, WORK}


@pytest.mark.parametrize("lost", ["disconnected", "purged", "deleted"])
async def test_the_lost_end_of_an_account_is_made_good(world: World, lost: str) -> None:
    await world.receive(connected(2, WORK), seen_by(2))
    await compare(world, state("purged" if lost == "deleted" else lost, user_deleted=lost == "deleted"))
    kept = lost == "disconnected"
    assert (await world.emails() == {frozenset({JANE})}) == kept
    assert WORK not in await bcc_addresses(world)
    assert (await bcc_addresses(world) == set()) == (lost == "deleted")


async def test_a_lost_change_of_settings_is_made_good(world: World) -> None:
    await world.receive(mail("m1", JANE, [ME]), mail("m2", ME, [BOB]), settings(2, contact_creation="everyone"))
    lost = Preferences(gmail=GmailPreferences(contact_creation="sent_only", own_addresses=[JANE]))
    auth = Auth(state("active", settings_version=3), preferences=lost)
    for _ in range(2):
        await compare_accounts(world.context, cast(Bus, auth))
        assert await world.emails() == {frozenset({BOB})}
    assert await world.pool.fetchval("SELECT settings_version FROM users") == 3
    assert await world.pool.fetchval("SELECT source FROM own_addresses WHERE address = $1", JANE) == "settings"


async def test_what_follows_counts_also_after_auth_was_restored_from_a_backup(world: World) -> None:
    await world.receive(connected(2, WORK).model_copy(update={"sequence": 7}))
    await compare(world, state("disconnected", 2))
    assert await bcc_addresses(world) == {ME}
    await world.receive(connected(2, WORK).model_copy(update={"sequence": 3}))
    assert await bcc_addresses(world) == {ME, WORK}
