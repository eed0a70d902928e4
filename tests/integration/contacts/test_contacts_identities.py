"""Identities of other platforms: they are on the contact that has them, are typed, parted and taken back like all that a person is."""

from datetime import timedelta
from typing import Any

import pytest

from libs.common.errors import Refused
from libs.common.events import Identity, InteractionReported, ProfileReported
from libs.common.ids import ContactId, UserId
from libs.common.requests import (
    AddExclusion,
    Contact,
    ContactFields,
    CreateContact,
    DeleteContact,
    Duplicate,
    ExcludeContact,
    ExportContacts,
    FindDuplicates,
    GetContact,
    GetTimeline,
    ListMerges,
    MergeContacts,
    SearchContacts,
    TypedIdentity,
    UndoMerge,
    UnlinkIdentity,
    UpdateContact,
)
from libs.local import ROOT
from services.contacts.derivations import refresh_due_derivations
from services.contacts.duplicates import refresh_due_duplicates
from services.contacts.exclusion_work import work_off_exclusions
from services.contacts.handlers import (
    connectors,
    contacts,
    duplicates,
    exclusions,
    export,
    identities,
    merges,
    timelines,
)
from services.contacts.scoring import refresh_due_scores
from tests.support.contacts_rows import OTHER, rows_of
from tests.support.contacts_world import NOW, USER, World, card, contacts_database, mail, world

__all__ = ["contacts_database", "world"]

AMARA, PHONE = "amara@acme.example", "+46 70 111 22 33"
HANDLE = TypedIdentity(kind="telegram", value="https://t.me/Amara")
TELEGRAM = Identity(kind="telegram", value="@amara", name="Amara Okafor")


async def report(world: World, *reported: Identity, ref: str = "1", user: UserId = USER) -> None:
    event = InteractionReported(
        user_id=user, platform="telegram", ref=ref, occurred_at=NOW, direction="inbound", kind="message", identities=reported,
        text=f"chat {ref}",
    )  # fmt: skip
    await connectors.record_report(world.context, event)


async def bio(world: World, identity: Identity, text: str, days_ago: int = 0) -> None:
    at = NOW - timedelta(days=days_ago)
    event = ProfileReported(user_id=USER, platform="telegram", identity=identity, bio=text, at=at)
    await connectors.record_profile(world.context, event)


async def create(world: World, **fields: Any) -> ContactId:
    command = CreateContact(user_id=USER, fields=ContactFields(**fields))
    return (await contacts.create_contact(world.context, command)).id


async def edit(world: World, contact_id: ContactId, **fields: Any) -> Contact:
    command = UpdateContact(user_id=USER, contact_id=contact_id, fields=ContactFields(**fields))
    return await contacts.update_contact(world.context, command)


async def get(world: World, contact_id: ContactId) -> Contact:
    return await contacts.get_contact(world.context, GetContact(user_id=USER, contact_id=contact_id))


async def owner(world: World, kind: str, value: str) -> ContactId | None:
    found: ContactId | None = await world.pool.fetchval(
        "SELECT contact_id FROM addresses WHERE user_id = $1 AND kind = $2 AND value = $3", USER, kind, value
    )
    return found


async def texts(world: World, contact_id: ContactId) -> list[str]:
    query = GetTimeline(user_id=USER, contact_id=contact_id, limit=200)
    return sorted(line.text for line in (await timelines.get_timeline(world.context, query)).items)


async def suggested(world: World, contact_id: ContactId) -> list[Duplicate]:
    await refresh_due_duplicates(world.context)
    query = FindDuplicates(user_id=USER, contact_id=contact_id)
    return list((await duplicates.find_duplicates(world.context, query)).items)


async def merge(world: World, survivor: ContactId, other: ContactId) -> Any:
    command = MergeContacts(user_id=USER, contact_id=survivor, other_id=other)
    return (await merges.merge_contacts(world.context, command)).merge_id


async def undo(world: World, merge_id: Any) -> None:
    await merges.undo_merge(world.context, UndoMerge(user_id=USER, merge_id=merge_id))


async def unlink(world: World, contact_id: ContactId, value: str, kind: str = "telegram") -> Contact:
    command = UnlinkIdentity(user_id=USER, contact_id=contact_id, kind=kind, value=value)
    return await identities.unlink_identity(world.context, command)


async def test_what_is_reported_under_a_handle_is_on_the_contact_that_has_it_however_it_is_written(
    world: World,
) -> None:
    await report(world, TELEGRAM, user=OTHER)
    others = await rows_of(world, OTHER)
    amara = await create(world, name="Amara", identities=(HANDLE, TypedIdentity(value="x.com/Amara_O")))
    for number, (kind, value) in enumerate(
        [
            ("telegram", "@amara"),
            ("Telegram", "t.me/AMARA"),
            ("x", "amara_o"),
            ("twitter", "https://twitter.com/Amara_O"),
        ]
    ):
        await report(world, Identity(kind=kind, value=value, name="Somebody"), ref=str(number))
    assert await world.names() == ["Amara"], "nobody is made a second time"
    shown = await get(world, amara)
    assert [(found.kind, found.value, found.shown, found.url) for found in shown.identities] == [
        ("telegram", "amara", "@Amara", "https://t.me/Amara"), ("twitter", "amara_o", "@Amara_O", "https://x.com/Amara_O"),
    ]  # fmt: skip
    assert await texts(world, amara) == ["chat 0", "chat 1", "chat 2", "chat 3"]
    found = await contacts.search_contacts(world.context, SearchContacts(user_id=USER, q="amara_o"))
    assert [item.id for item in found.items] == [amara]
    [row] = (await export.export_contacts(world.context, ExportContacts(user_id=USER, what="contacts"))).items
    assert [identity["shown"] for identity in row["identities"]] == ["@Amara", "@Amara_O"]
    assert await rows_of(world, OTHER) == others, "another user's same handle is another"


async def test_a_handle_is_one_contact_s_and_whose_is_answered_where_another_is_given_it(world: World) -> None:
    await report(world, TELEGRAM)
    stranger = await owner(world, "telegram", "amara")
    assert stranger is not None
    amara = await create(world, name="Amara", emails=(AMARA,))
    for attempt in (edit(world, amara, identities=(HANDLE,)), create(world, identities=(HANDLE,))):
        with pytest.raises(Refused) as refused:
            await attempt
        assert (refused.value.status, refused.value.code) == (409, "address_taken")
        assert refused.value.extra == {"contact_id": str(stranger), "contact_name": "Amara Okafor"}
        assert refused.value.detail.startswith("@Amara belongs to Amara Okafor.")
    assert (await get(world, amara)).identities == ()
    await exclusions.exclude_contact(world.context, ExcludeContact(user_id=USER, contact_id=stranger))
    with pytest.raises(Refused, match="not_recorded"):
        await edit(world, amara, identities=(HANDLE,))


async def test_a_handle_that_is_taken_off_stays_off_and_typed_again_has_all_its_history(world: World) -> None:
    await report(world, TELEGRAM)
    await report(world, Identity(kind="telegram", value="123456789", name="Amara Okafor"), ref="2")
    amara, number = await owner(world, "telegram", "amara"), await owner(world, "telegram", "123456789")
    assert amara is not None and number is not None  # noqa: PT018
    await merge(world, amara, number)
    typed = (HANDLE, TypedIdentity(kind="telegram", value="123456789"), TypedIdentity(kind="signal", value="amara.01"))
    shown = await edit(world, amara, identities=typed)
    assert [found.value for found in shown.identities] == ["amara.01", "amara", "123456789"], (
        "an id that was there stays"
    )
    await refresh_due_scores(world.context, NOW)
    due = "SELECT due_at = '-infinity' FROM contacts WHERE id = $1"
    assert not await world.pool.fetchval(due, amara)
    await edit(world, amara, identities=typed[1:])
    assert await world.pool.fetchval(due, amara), "other lines are on the timeline now"
    await report(world, TELEGRAM, ref="3")
    assert await texts(world, amara) == ["chat 2"]
    assert await world.names() == ["Amara Okafor"], "it comes back by no report"
    assert [found.value for found in (await edit(world, amara, identities=typed)).identities] == [
        "amara.01", "amara", "123456789",
    ]  # fmt: skip
    assert await texts(world, amara) == ["chat 1", "chat 2", "chat 3"]
    await edit(world, amara, name="Amara", emails=(AMARA,))
    await world.receive(card("1", name="Other", emails=[AMARA], urls=["https://t.me/other_one"]))
    assert len((await get(world, amara)).identities) == 3, "no import takes off what the user typed"
    assert len((await edit(world, amara, tags=("tea",))).identities) == 3


async def test_a_phone_brings_what_was_reported_under_it_and_takes_it_along(world: World) -> None:
    phone = Identity(kind="phone", value="+46701112233")
    await report(world, phone)
    stranger = await owner(world, "phone", "+46701112233")
    assert stranger is not None
    assert [(found.kind, found.shown) for found in (await get(world, stranger)).identities] == [
        ("phone", "+46701112233")
    ]
    amara = await create(world, name="Amara", phones=(PHONE,))
    [pair] = await suggested(world, amara)
    assert (pair.contact.id, pair.evidence) == (stranger, ("same phone +46701112233",))
    await contacts.delete_contact(world.context, DeleteContact(user_id=USER, contact_id=stranger))
    await edit(world, amara, phones=(PHONE, "08 1"))
    assert await texts(world, amara) == ["chat 1"]
    assert (await get(world, amara)).identities == (), "it is among the phones"
    await edit(world, amara, phones=("+46 (0)70-111 22 33", "08 1"))
    assert await texts(world, amara) == ["chat 1"], "typed otherwise it is the same"
    await edit(world, amara, phones=("08 1",))
    assert await texts(world, amara) == []
    assert (await get(world, amara)).identities == ()
    await report(world, phone, ref="2")
    assert await world.names() == ["Amara"], "it was taken off, and makes nobody"


EVIDENCE: dict[str, tuple[Identity, str, tuple[str, ...]]] = {
    "name": (TELEGRAM, "", ("same name",)),
    "email": (Identity(kind="telegram", value="@tea_lover", emails=(AMARA.upper(),)), "", (f"Telegram shows {AMARA}",)),
    "phone": (Identity(kind="telegram", value="@tea_lover", phones=(PHONE,)), "", ("Telegram shows +46701112233",)),
    "bio": (Identity(kind="telegram", value="@tea_lover"), f"Tea. {AMARA}", (f"the Telegram bio names {AMARA}",)),
    "profile": (Identity(kind="telegram", value="@tea_lover"), "https://x.com/Okafor_A", ("the Telegram bio names okafor_a",)),
    "nothing": (Identity(kind="telegram", value="@tea_lover", emails=("other@x.example",)), "Tea.", ()),
}  # fmt: skip


@pytest.mark.parametrize(
    ("what", "known_first"), [*((what, True) for what in EVIDENCE), ("email", False), ("phone", False)]
)
async def test_a_new_identity_is_suggested_by_what_it_shows_merged_and_parted_exactly(
    world: World, what: str, known_first: bool
) -> None:
    identity, text, evidence = EVIDENCE[what]

    async def know() -> ContactId:
        of_twitter = TypedIdentity(kind="twitter", value="okafor_a")
        return await create(world, name="Amara Okafor", emails=(AMARA,), phones=(PHONE,), identities=(of_twitter,))

    amara = await know() if known_first else None
    await refresh_due_duplicates(world.context)
    await report(world, identity)
    if text:
        await bio(world, identity, text)
    await refresh_due_duplicates(world.context)
    amara = amara or await know()
    stranger = await owner(world, "telegram", identity.value.removeprefix("@"))
    assert stranger is not None
    assert stranger != amara
    found = await suggested(world, amara)
    assert [(pair.contact.id, pair.evidence) for pair in found] == ([(stranger, evidence)] if evidence else [])
    before = [await get(world, contact_id) for contact_id in (amara, stranger)]
    merge_id = await merge(world, amara, stranger)
    assert [identity.value for identity in (await get(world, amara)).identities] == [
        identity.value.removeprefix("@"), "okafor_a",
    ]  # fmt: skip
    await report(world, identity, ref="2")
    assert await texts(world, amara) == ["chat 1", "chat 2"]
    [record] = (await merges.list_merges(world.context, ListMerges(user_id=USER, contact_id=amara))).items
    came = f"{identity.value} and everything that came under it goes back to {record.other_name}."
    assert record.consequences == (came,)
    await undo(world, merge_id)
    assert await texts(world, stranger) == ["chat 1", "chat 2"]
    after = [await get(world, contact_id) for contact_id in (amara, stranger)]
    assert [contact.identities for contact in after] == [contact.identities for contact in before]
    assert after[0] == before[0]


async def test_evidence_is_what_is_shown_now_and_repeating_it_compares_nobody_anew(world: World) -> None:
    amara = await create(world, name="Amara Okafor", emails=(AMARA,))
    shown = Identity(kind="telegram", value="@tea_lover", emails=(AMARA,))
    await report(world, shown)
    assert len(await suggested(world, amara)) == 1
    await report(world, shown, ref="2")
    assert await refresh_due_duplicates(world.context) == 0
    stranger = await owner(world, "telegram", "tea_lover")
    assert stranger is not None
    assert (await get(world, stranger)).identities[0].emails == (AMARA,)
    await report(world, Identity(kind="telegram", value="@tea_lover", emails=("other@x.example",)), ref="3")
    assert await suggested(world, amara) == []
    await bio(world, shown, f"Tea, {AMARA}")
    assert len(await suggested(world, amara)) == 1
    await bio(world, Identity(kind="telegram", value="@tea_lover"), "Tea")
    await bio(world, Identity(kind="telegram", value="@tea_lover"), f"Coffee, {AMARA}", days_ago=1)
    assert [pair.evidence for pair in await suggested(world, amara)] == [(f"Telegram shows {AMARA}",)]
    await contacts.delete_contact(world.context, DeleteContact(user_id=USER, contact_id=stranger))
    assert await world.pool.fetch("SELECT FROM identity_evidence") == []


@pytest.mark.parametrize("value", [AMARA, "acme.example"])
@pytest.mark.parametrize("before", [True, False])
async def test_of_whom_is_not_recorded_nothing_is_kept_as_evidence(world: World, value: str, before: bool) -> None:
    shown = Identity(
        kind="telegram",
        value="@tea_lover",
        emails=(AMARA, "amara+tea@acme.example", "other@x.example"),
        phones=(PHONE,),
    )
    rule = AddExclusion(user_id=USER, value=value)
    if before:
        await exclusions.add_exclusion(world.context, rule)
        await work_off_exclusions(world.context)
    await report(world, shown)
    await bio(world, shown, f"Tea. other@x.example, {AMARA}")
    if not before:
        await exclusions.add_exclusion(world.context, rule)
        await work_off_exclusions(world.context)
    kept = await world.pool.fetch("SELECT source, value FROM identity_evidence ORDER BY 1, 2")
    assert [tuple(row) for row in kept] == [
        ("bio", "other@x.example"), ("profile", "+46701112233"), ("profile", "other@x.example"),
    ]  # fmt: skip


async def test_an_identity_that_is_somebody_else_s_is_a_contact_of_its_own_and_merging_takes_that_back(
    world: World,
) -> None:
    amara = await create(world, name="Amara", emails=(AMARA,), notes="Tea", identities=(HANDLE,))
    await world.receive(mail("m", AMARA))
    await report(world, TELEGRAM)
    before = await get(world, amara)
    parted = await unlink(world, amara, "amara")
    assert (parted.name, [found.value for found in parted.identities]) == ("Amara Okafor", ["amara"])
    assert (await texts(world, parted.id), await texts(world, amara)) == (["chat 1"], ["hello"])
    assert (await get(world, amara)).identities == ()
    assert await suggested(world, amara) == [], "they are two: that was stated"
    await report(world, TELEGRAM, ref="2")
    assert await texts(world, parted.id) == ["chat 1", "chat 2"]
    merge_id = await merge(world, amara, parted.id)
    assert (await get(world, amara)).identities == before.identities
    assert await texts(world, amara) == ["chat 1", "chat 2", "hello"]
    await undo(world, merge_id)
    assert await texts(world, parted.id) == ["chat 1", "chat 2"]


async def test_parting_what_a_merge_alone_linked_undoes_the_merge(world: World) -> None:
    await report(world, TELEGRAM)
    stranger = await owner(world, "telegram", "amara")
    assert stranger is not None
    await edit(world, stranger, notes="Met at the fair")
    amara = await create(world, name="Amara", emails=(AMARA,), title="CTO")
    before = [await get(world, contact_id) for contact_id in (amara, stranger)]
    await merge(world, amara, stranger)
    assert (await unlink(world, amara, "https://t.me/Amara")).id == stranger
    assert [await get(world, contact_id) for contact_id in (amara, stranger)] == before
    assert (await merges.list_merges(world.context, ListMerges(user_id=USER, contact_id=amara))).items == ()
    assert await suggested(world, amara) == []


async def test_what_is_no_identity_of_the_contact_or_all_of_it_is_not_parted(world: World) -> None:
    await report(world, TELEGRAM)
    stranger = await owner(world, "telegram", "amara")
    assert stranger is not None
    rows = await rows_of(world)
    with pytest.raises(Refused, match="only_identity"):
        await unlink(world, stranger, "amara")
    for kind, value in (("telegram", "other"), ("twitter", "amara"), ("email", AMARA), ("bcc", "x"), ("", "")):
        with pytest.raises(Refused, match="not_found"):
            await unlink(world, stranger, value, kind)
    others = UnlinkIdentity(user_id=OTHER, contact_id=stranger, kind="telegram", value="amara")
    with pytest.raises(Refused, match="not_found"):
        await identities.unlink_identity(world.context, others)
    assert await rows_of(world) == rows


async def test_handles_of_an_earlier_version_are_the_same_from_now_on_whatever_they_were_stored_as(
    world: World,
) -> None:
    await report(world, Identity(kind="linkedin", value="amara-o", name="Amara"))
    await report(world, Identity(kind="linkedin", value="lin-k", name="Lin"), ref="2")
    amara, lin = await owner(world, "linkedin", "amara-o"), await owner(world, "linkedin", "lin-k")
    assert amara is not None and lin is not None  # noqa: PT018
    merged = await create(world, name="Bo")
    await merge(world, merged, lin)
    await world.pool.execute("UPDATE addresses SET value = 'linkedin.com/in/lin-k' WHERE value = 'lin-k'")
    await report(world, Identity(kind="linkedin", value="amara_written", name="Amara"), ref="3")
    await world.pool.execute(
        "UPDATE addresses SET value = 'de.linkedin.com/in/amara-o/x' WHERE value = 'amara_written'"
    )
    await report(world, Identity(kind="acme", value="jack", name="Jack"), ref="4")
    await world.pool.execute("UPDATE addresses SET kind = 'x' WHERE value = 'jack'")
    for value in ("linkedin.com/in/gone", "gone-1"):
        await world.pool.execute(
            """INSERT INTO exclusions (id, user_id, kind, value, shown, applied_at)
               VALUES (gen_random_uuid(), $1, 'linkedin', $2, $2, now())""",
            USER,
            value,
        )
    migration = (ROOT / "services/contacts/migrations/0018_identities.sql").read_text()
    await world.pool.execute(
        migration[migration.index("CREATE FUNCTION reread_kind") : migration.index("-- migrate:down")]
    )
    await refresh_due_derivations(world.context)
    handles = await world.pool.fetch(
        "SELECT kind, value FROM addresses WHERE kind NOT IN ('email', 'bcc') ORDER BY 1, 2"
    )
    assert [tuple(row) for row in handles] == [("linkedin", "amara-o"), ("linkedin", "lin-k"), ("twitter", "jack")]
    assert (await texts(world, amara), await texts(world, merged)) == (["chat 1", "chat 3"], ["chat 2"])
    assert await world.names() == ["Amara", "Bo", "Jack"], "who had the other writing alone is gone"
    rules = await world.pool.fetch("SELECT value FROM exclusions ORDER BY 1")
    assert [row["value"] for row in rules] == ["gone", "gone-1"]
    await report(world, Identity(kind="linkedin", value="https://www.linkedin.com/in/Gone"), ref="5")
    assert await world.names() == ["Amara", "Bo", "Jack"]
