"""How a copy of the accounts is compared: every page, read anew before anything is rolled back, and just what is wrong made good."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

import pytest

from libs.common.account_states import (
    Finding,
    LastAccountEvent,
    compare_accounts,
    finding_of,
    get_state,
    keep_comparing,
    last_event,
)
from libs.common.bus import Bus
from libs.common.errors import not_found
from libs.common.events import AccountConnected, AccountDisconnected, AccountReauthRequired, UserDeleted
from libs.common.ids import AccountId, UserId
from libs.common.preferences import Preferences
from libs.common.requests import AccountState, AccountStates, GetSettings, ListAccountStates, UserPreferences
from tests.support.meetings import NOW

USER = UserId(UUID(int=1))


def state(number: int, sequence: int = 5, **changes: Any) -> AccountState:
    fields: dict[str, Any] = {
        "id": UUID(int=number), "user_id": USER, "address": "a@example.com", "scopes": frozenset({"mail"}),
        "status": "active", "status_reason": "", "sequence": sequence, "user_deleted": False,
    }  # fmt: skip
    return AccountState.model_validate(fields | changes)


@dataclass
class Auth:
    """Stands for the bus with `auth` behind it: pages of two. `now` is how accounts stand by the time they are read singly."""

    states: list[AccountState]
    now: dict[UUID, AccountState] = field(default_factory=dict)
    settings: dict[UserId, int] = field(default_factory=dict)  # their versions

    async def request(self, query: ListAccountStates | GetSettings) -> AccountStates | UserPreferences:
        if isinstance(query, GetSettings):
            if query.user_id not in self.settings:
                raise not_found("user")
            return UserPreferences(version=self.settings[query.user_id], preferences=Preferences())
        if query.account_id:
            found = self.now.get(query.account_id)
            return AccountStates(items=(found,) if found else ())
        begin = next((i for i, item in enumerate(self.states, 1) if item.id == query.after), 0)
        page = tuple(self.states[begin : begin + 2])
        more = begin + 2 < len(self.states)
        return AccountStates(items=page, next_after=page[-1].id if more else None)


@dataclass(frozen=True)
class Held:
    sequence: int


@dataclass
class Copy:
    """A service's copy: what it holds, and what was done to it."""

    held: dict[AccountId, Held]
    removed: set[UUID] = field(default_factory=set)
    same: bool = True
    replaced: list[tuple[int, int, int]] = field(default_factory=list)
    applied: list[LastAccountEvent] = field(default_factory=list)
    loads: int = 0
    settings: dict[UserId, int] = field(default_factory=dict)
    changed: list[tuple[int, int]] = field(default_factory=list)

    async def load(self, states: Sequence[AccountState]) -> tuple[Mapping[AccountId, Held], set[UUID]]:
        self.loads += 1
        return {item.id: self.held[item.id] for item in states if item.id in self.held}, self.removed

    def finding(self, held: Held | None, found: AccountState, removed: Collection[UUID]) -> Finding:
        return finding_of(found, removed, held.sequence if held else None, is_needed=True, is_same=self.same)

    async def replace_sequence(self, account_id: AccountId, before: int, after: int) -> None:
        self.replaced.append((account_id.int, before, after))

    async def apply(self, event: LastAccountEvent) -> None:
        self.applied.append(event)

    async def list_settings_versions(self, user_ids: Collection[UserId]) -> Mapping[UserId, int]:
        return {user_id: self.settings[user_id] for user_id in user_ids if user_id in self.settings}

    async def apply_settings(self, user_id: UserId, settings: UserPreferences) -> None:
        self.changed.append((user_id.int, settings.version))


def held(**sequences: int) -> dict[AccountId, Held]:
    return {AccountId(UUID(int=int(name[1:]))): Held(sequence) for name, sequence in sequences.items()}


async def compare(auth: Auth, copy: Copy) -> list[int]:
    """The numbers of the accounts to which an event was applied."""
    await compare_accounts(cast(Bus, auth), copy)
    return [event.account_id.int for event in copy.applied if not isinstance(event, UserDeleted)]


async def test_every_account_of_every_page_is_compared_and_what_was_missed_is_applied() -> None:
    copy = Copy(held(_1=5, _2=5, _4=5))
    assert await compare(Auth([state(number) for number in range(1, 6)]), copy) == [3, 5]
    assert copy.loads == 3
    assert copy.replaced == []


@pytest.mark.parametrize(
    ("version", "kept", "now", "changes", "removed", "changed"),
    [
        (2, 1, 2, {}, (), [(1, 2)]),
        (2, 1, 3, {}, (), [(1, 3)]),  # changed once more meanwhile
        (1, None, 1, {}, (), [(1, 1)]),
        (0, None, None, {}, (), []),
        (2, 2, 2, {}, (), []),
        (2, 3, 3, {}, (), []),  # the page was read before the last change
        (2, 1, None, {}, (), []),  # the user is deleted by now
        (2, 1, 2, {"status": "purged"}, (), [(1, 2)]),
        (2, 1, 2, {"user_deleted": True, "status": "purged"}, (), []),
        (2, 1, 2, {}, (1,), []),
    ],
)
async def test_a_change_of_settings_that_was_missed_is_applied_once_a_user(
    version: int,
    kept: int | None,
    now: int | None,
    changes: dict[str, Any],
    removed: tuple[int, ...],
    changed: list[tuple[int, int]],
) -> None:
    states = [state(number, settings_version=version, **changes) for number in (7, 8)]
    copy = Copy(
        held(_7=5, _8=5), {UUID(int=number) for number in removed}, settings={} if kept is None else {USER: kept}
    )
    await compare(Auth(states, settings={} if now is None else {USER: now}), copy)
    assert copy.changed == changed


async def test_what_is_the_same_but_was_not_counted_gets_its_sequence_and_no_event() -> None:
    copy = Copy(held(_1=0))
    assert await compare(Auth([state(1)]), copy) == []
    assert copy.replaced == [(1, 0, 5)]


async def test_what_is_not_the_same_gets_its_last_event() -> None:
    copy = Copy(held(_1=4), same=False)
    assert await compare(Auth([state(1)]), copy) == [1]
    assert copy.replaced == []


async def test_a_state_that_was_read_before_the_last_event_rolls_nothing_back() -> None:
    """The copy has had the event 6 already; the page was read before that."""
    account = state(1, 6)
    copy = Copy(held(_1=6))
    assert await compare(Auth([state(1, 5)], {account.id: account}), copy) == []
    assert copy.replaced == []


async def test_an_auth_that_counts_less_than_was_received_is_a_backup_and_counts_again() -> None:
    account = state(1, 3)
    copy = Copy(held(_1=6))
    assert await compare(Auth([account], {account.id: account}), copy) == [1]
    assert copy.replaced == [(1, 6, 2)], "so that the event 3 is a later one"
    gone = Copy(held(_1=6))
    assert await compare(Auth([account]), gone) == [1], "and where it is not there any more by then, too"


@pytest.mark.parametrize(
    ("changes", "removed", "sequence", "finding"),
    [
        ({}, set(), 5, "same"),
        ({}, set(), None, "missed"),
        ({}, set(), 6, "rolled_back"),
        ({}, {UUID(int=1)}, None, "same"),
        ({}, {UUID(int=9)}, 4, "same"),
        ({"user_deleted": True}, set(), 5, "missed"),
        ({"user_deleted": True}, {UUID(int=1)}, 5, "same"),
        ({"status": "purged"}, set(), 5, "missed"),
        ({"status": "purged"}, {UUID(int=9)}, 5, "same"),
    ],
)
def test_what_was_removed_stays_removed_and_what_was_missed_is_found(
    changes: dict[str, Any], removed: set[UUID], sequence: int | None, finding: Finding
) -> None:
    assert finding_of(state(9, 5, **changes), removed, sequence, is_needed=True, is_same=True) == finding


def test_an_account_that_is_not_held_and_not_needed_is_not_missed() -> None:
    assert finding_of(state(9), (), None, is_needed=False, is_same=True) == "same"
    assert finding_of(state(9), (), 4, is_needed=False, is_same=True) == "uncounted"
    assert finding_of(state(9), (), 4, is_needed=True, is_same=False) == "missed"


def test_the_last_event_is_the_one_after_which_the_account_stands_as_it_does() -> None:
    connected = last_event(state(9), NOW)
    assert isinstance(connected, AccountConnected)
    assert (connected.address, connected.scopes, connected.again) == ("a@example.com", frozenset({"mail"}), True)
    dead = last_event(state(9, status="reauth_required", status_reason="Gone."), NOW)
    assert isinstance(dead, AccountReauthRequired)
    assert dead.reason == "Gone."
    for status, purge in (("disconnected", False), ("purged", True)):
        gone = last_event(state(9, status=status), NOW)
        assert isinstance(gone, AccountDisconnected)
        assert gone.purge is purge
        assert (gone.user_id, gone.account_id.int, gone.sequence) == (USER, 9, 5)
    assert (connected.user_id, connected.account_id.int, connected.sequence, dead.sequence) == (USER, 9, 5, 5)
    deleted = last_event(state(9, user_deleted=True, status="purged"), NOW)
    assert deleted == UserDeleted(user_id=USER, account_ids=(AccountId(UUID(int=9)),))


async def test_an_account_that_auth_never_had_has_no_state() -> None:
    assert await get_state(cast(Bus, Auth([])), AccountId(UUID(int=7))) is None


async def test_the_comparison_is_made_at_the_start_and_again_while_auth_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Until it has succeeded; then once a day."""
    waits: list[float] = []

    class Enough(Exception):
        pass

    class GuardedBus(Auth):
        failures = 2

        async def run_guarded(self, work: Any, *, pause_seconds: float) -> bool:
            waits.append(pause_seconds)
            if self.failures:
                self.failures -= 1
                return False
            await work()
            return True

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        raise Enough

    monkeypatch.setattr(asyncio, "sleep", sleep)
    copy = Copy({})
    with pytest.raises(Enough):
        await keep_comparing(cast(Bus, GuardedBus([state(1)])), copy)
    assert waits == [5.0, 5.0, 5.0, 24 * 3600.0]
    assert len(copy.applied) == 1
