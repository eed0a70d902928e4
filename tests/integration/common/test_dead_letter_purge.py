"""Dead letters name their user and account, and go when these are deleted; the order to delete them does not."""

from collections.abc import Sequence
from uuid import UUID

import nats
import pytest
from structlog.testing import capture_logs

from libs.common.bus import Bus
from libs.common.errors import Unprocessable
from libs.common.events import (
    AccountDisconnected,
    Event,
    MailboxNotified,
    MeetingUpcoming,
    MessageIngested,
    UserDeleted,
)
from libs.common.ids import AccountId, UserId, new_id
from libs.common.service import running
from libs.local.servers import Nats
from services.contacts.__main__ import wire
from tests.conftest import ServiceSettings, own_nats_server
from tests.support.bus import ACCOUNT, USER, OpenBus, alive, dead_letters, message, settled, stream
from tests.support.meetings import ACCOUNT_ID, USER_ID, meeting

nats_server = own_nats_server  # the dead letters' numbers begin at 1

OTHER_USER, OTHER_ACCOUNT = UserId(new_id()), AccountId(new_id())


async def refuse(_: Event) -> None:
    raise Unprocessable("no")


async def refuse_all(_: Sequence[Event]) -> None:
    raise Unprocessable("no")


async def subjects(server: Nats) -> set[str]:
    """Of all dead letters."""
    client = await nats.connect(server.admin_url)
    try:
        state = (await client.jetstream().stream_info("DEAD", subjects_filter=">")).state
        return set(state.subjects or {})
    finally:
        await client.close()


def deleted(user_id: UserId = USER, accounts: tuple[AccountId, ...] = (ACCOUNT,)) -> UserDeleted:
    return UserDeleted(user_id=user_id, account_ids=accounts)


def disconnected(account_id: AccountId, *, purge: bool) -> AccountDisconnected:
    return AccountDisconnected(user_id=USER, account_id=account_id, purge=purge, at="2026-01-01T00:00:00Z")  # type: ignore[arg-type]


async def test_a_dead_letter_s_subject_names_its_user_and_account(bus: OpenBus, nats_server: Nats) -> None:
    sync, prep, contacts = bus("sync"), bus("prep"), bus("contacts")
    contacts.subscribe_batch(MessageIngested, refuse_all)
    prep.subscribe(MeetingUpcoming, refuse)
    async with alive(sync, prep, contacts):
        await sync.publish(message("a"), MeetingUpcoming(meeting=meeting()))
        await dead_letters(nats_server, 2)
    assert await subjects(nats_server) == {
        f"dead.contacts.{USER}.{ACCOUNT}.message.ingested",
        f"dead.prep.{USER_ID}.{ACCOUNT_ID}.meeting.upcoming",
    }


async def test_a_hint_that_names_an_address_and_no_user_is_dropped_where_it_can_not_be_handled(
    bus: OpenBus, nats_server: Nats
) -> None:
    sync = bus("sync")
    sync.subscribe(MailboxNotified, refuse)
    with capture_logs() as logs:
        async with alive(sync):
            await sync.publish(
                MailboxNotified(address="a@b.c", history_id=1, notified_at="2026-01-01T00:00:00Z")  # type: ignore[arg-type]
            )

            async def handled() -> bool:
                return (await stream(nats_server, "EVENTS")).state.messages == 0

            await settled(handled)
    assert await subjects(nats_server) == set()
    assert [line["log_level"] for line in logs if line["event"] == "hint_dropped"] == ["error"]


@pytest.mark.parametrize(
    ("payload", "user", "account"),
    [
        (f'{{"user_id":"{USER}","account_id":"{ACCOUNT}"}}', str(USER), str(ACCOUNT)),
        (f'{{"user_id":"{USER.hex.upper()}"}}', str(USER), "-"),
        (f'{{"meeting":{{"user_id":"{USER}"}}}}', str(USER), "-"),
        ('{"user_id":"*","account_id":"a.b"}', "-", "-"),
        ("[" * 5_000, "-", "-"),
        ('["user_id"]', "-", "-"),
        ("\xff", "-", "-"),
    ],
    ids=["user and account", "user in capitals", "in its meeting", "no ids", "too deep", "a list", "not UTF-8"],
)
async def test_an_invalid_payload_is_addressed_as_far_as_it_can_be_read(
    bus: OpenBus, nats_server: Nats, payload: str, user: str, account: str
) -> None:
    contacts = bus("contacts")
    contacts.subscribe_batch(MessageIngested, refuse_all)
    async with alive(contacts):
        client = await nats.connect(nats_server.admin_url)
        await client.jetstream().publish("message.ingested", payload.encode("latin-1"))
        await client.close()
        (letter,) = await dead_letters(nats_server, 1)
    assert letter.subject == f"dead.contacts.{user}.{account}.message.ingested"
    assert letter.data == payload.encode("latin-1")


async def letters_of_all(server: Nats) -> None:
    """Letters of two users, one of them with two accounts, of three services."""
    client = await nats.connect(server.admin_url)
    js = client.jetstream()
    for service, user, account in (
        ("contacts", USER, ACCOUNT), ("contacts", USER, OTHER_ACCOUNT), ("sync", USER, "-"),
        ("prep", OTHER_USER, ACCOUNT), ("gateway", "-", "-"),
    ):  # fmt: skip
        await js.publish(f"dead.{service}.{user}.{account}.message.ingested", b"{}")
    await client.close()


def addressed(service: str, user: UUID | str, account: UUID | str) -> str:
    return f"dead.{service}.{user}.{account}.message.ingested"


async def test_when_a_user_is_deleted_their_dead_letters_of_all_services_go(
    service_settings: ServiceSettings, bus: OpenBus, nats_server: Nats
) -> None:
    await letters_of_all(nats_server)
    auth: Bus = bus("auth")
    async with running("contacts", service_settings("contacts"), wire), alive(auth):
        await auth.publish(deleted())

        async def gone() -> bool:
            return not any(str(USER) in subject for subject in await subjects(nats_server))

        await settled(gone)
    assert await subjects(nats_server) == {addressed("prep", OTHER_USER, ACCOUNT), addressed("gateway", "-", "-")}


async def test_when_an_account_is_purged_its_dead_letters_go_and_those_of_others_stay(
    service_settings: ServiceSettings, bus: OpenBus, nats_server: Nats
) -> None:
    await letters_of_all(nats_server)
    auth: Bus = bus("auth")
    async with running("contacts", service_settings("contacts"), wire), alive(auth):
        await auth.publish(disconnected(OTHER_ACCOUNT, purge=False), disconnected(ACCOUNT, purge=True))

        async def gone() -> bool:
            return addressed("contacts", USER, ACCOUNT) not in await subjects(nats_server)

        await settled(gone)
    assert await subjects(nats_server) == {
        addressed("contacts", USER, OTHER_ACCOUNT),
        addressed("sync", USER, "-"),
        addressed("prep", OTHER_USER, ACCOUNT),
        addressed("gateway", "-", "-"),
    }


async def test_an_order_to_delete_that_became_a_dead_letter_is_not_deleted_by_it(
    bus: OpenBus, nats_server: Nats
) -> None:
    auth, sync, contacts = bus("auth"), bus("sync"), bus("contacts")
    sync.subscribe(UserDeleted, refuse)
    sync.subscribe(AccountDisconnected, refuse)
    async with alive(auth, sync, contacts):
        await auth.publish(deleted(), disconnected(ACCOUNT, purge=True))
        await dead_letters(nats_server, 2)
        await contacts.purge_dead_letters(USER)
    assert await subjects(nats_server) == {"dead.sync.-.-.user.deleted", "dead.sync.-.-.account.disconnected"}


async def test_one_service_may_purge_dead_letters_and_no_other(bus: OpenBus) -> None:
    with pytest.raises(KeyError, match="lets contacts delete dead letters, not gateway"):
        await bus("gateway").purge_dead_letters(USER)
