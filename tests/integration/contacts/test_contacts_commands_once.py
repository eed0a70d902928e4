"""A command whose reply was lost is sent again under its key, and carried out once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from libs.common.errors import Refused
from libs.common.idempotency import CommandKey, under
from libs.common.requests import (
    AddInteraction,
    ContactFields,
    CreateContact,
    MergeContacts,
    Request,
    UndoMerge,
)
from services.contacts.handlers import contacts, merges, timelines
from tests.support.contacts_world import (
    USER,
    World,
    contacts_database,
    mail,
    world,
)

__all__ = ["contacts_database", "world"]  # fixtures

JANE, BOB = "jane@acme.example", "bob@beta.example"


@contextmanager
def tried_under_one_key(request: type[Request[Any]]) -> Iterator[None]:
    """As the bus hands over a command under an idempotency key, where it has no reply of an earlier try."""
    with under(CommandKey("contacts", request.subject, str(USER), "a-key-of-the-caller")):
        yield


async def test_a_contact_whose_creator_got_no_reply_is_created_once(world: World) -> None:
    command = CreateContact(user_id=USER, fields=ContactFields(name="Dora", emails=("dora@x.example",)))
    created = []
    for _ in range(2):
        with tried_under_one_key(CreateContact):
            created.append(await contacts.create_contact(world.context, command))
    assert created[1] == created[0]
    assert await world.names() == ["Dora"]
    with pytest.raises(Refused, match="address_taken"):
        await contacts.create_contact(world.context, command)  # without a key it is another one


async def test_a_contact_that_was_merged_meanwhile_is_not_created_again(world: World) -> None:
    await world.receive(mail("m1", JANE, name="Jane"))
    command = CreateContact(user_id=USER, fields=ContactFields(name="Dora"))
    with tried_under_one_key(CreateContact):
        dora = await contacts.create_contact(world.context, command)
    jane = await world.contact(JANE)
    await merges.merge_contacts(world.context, MergeContacts(user_id=USER, contact_id=jane.id, other_id=dora.id))
    with tried_under_one_key(CreateContact):
        assert (await contacts.create_contact(world.context, command)).id == jane.id


async def test_a_note_whose_writer_got_no_reply_is_written_once_and_keeps_its_time(world: World) -> None:
    await world.receive(mail("m1", JANE))
    note = AddInteraction(user_id=USER, contact_id=(await world.contact(JANE)).id, text="met in Rome")
    written = []
    for _ in range(2):
        with tried_under_one_key(AddInteraction):
            written.append(await timelines.add_interaction(world.context, note))
    assert written[1] == written[0]
    assert [line.platform for line in await world.timeline(JANE)] == ["note", "email"]
    await timelines.add_interaction(world.context, note)
    assert [line.platform for line in await world.timeline(JANE)] == ["note", "note", "email"], "I met her again"


async def test_a_merge_whose_reply_was_lost_is_made_once_and_can_be_undone(world: World) -> None:
    await world.receive(mail("m1", JANE, name="Jane"), mail("m2", BOB, name="Bob"))
    jane, bob = await world.contact(JANE), await world.contact(BOB)
    command = MergeContacts(user_id=USER, contact_id=jane.id, other_id=bob.id)
    merged = []
    for _ in range(2):
        with tried_under_one_key(MergeContacts):
            merged.append(await merges.merge_contacts(world.context, command))
    assert merged[1] == merged[0]
    await merges.undo_merge(world.context, UndoMerge(user_id=USER, merge_id=merged[0].merge_id))
    assert await world.names() == ["Bob", "Jane"]
