"""What the forms of a person's page do without any script: edits, handles, actions, duplicates and merges."""

import re
from datetime import UTC, datetime
from typing import Any

import aiohttp
from multidict import MultiDict

from libs.common import requests as q
from libs.common.ids import new_id
from services.gateway.pages.contact_fields import FIELDS
from tests.support.gateway import RunningGateway
from tests.support.gateway.pages import browser, gateway, page, requested, submit
from tests.support.gateway.values import contact

__all__ = ["browser", "gateway"]  # fixtures


async def test_editing_sends_what_was_changed_and_nothing_else(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    world = gateway.world
    person = world.add(world.alice, contact("Carol", "carol@example.com").model_copy(update={"company": "Acme"}))
    other = world.add(world.alice, contact("Dan", "dan@example.com"))
    path = f"/contacts/{person.id}/edit"
    unchanged = {"name": "Carol", "company": "Acme", "emails": "carol@example.com", "tags": ""}
    assert await submit(browser, path, unchanged) == (303, f"/contacts/{person.id}")
    assert not requested(gateway, q.UpdateContact)
    emails = "carol@example.com\r\n\r\n carol@new.example \r\n"
    await submit(browser, path, {**unchanged, "emails": emails, "name": " Caroline "})
    fields = requested(gateway, q.UpdateContact)[-1].fields
    assert fields.model_dump(exclude_none=True) == {
        "name": "Caroline", "emails": ("carol@example.com", "carol@new.example"),
    }  # fmt: skip
    status, html = await submit(browser, path, {**unchanged, "emails": "dan@example.com", "notes": "typed"})
    assert status == 409
    assert f'href="/contacts/{other.id}"' in html, "the other person is one click away"
    assert ">typed</textarea>" in html, "nothing that was typed is lost"
    status, html = await submit(browser, path, {**unchanged, "birthday": "much too long a birthday"})
    assert (status, "Birthday:" in html) == (422, True)


async def test_each_field_is_edited_where_it_stands(gateway: RunningGateway, browser: aiohttp.ClientSession) -> None:
    world = gateway.world
    known = {"company": "<Acme>", "imported": True, "bios": {"linkedin": "CTO"}, "phones": (q.Phone(shown="0177 1"),)}
    person = world.add(world.alice, contact("Carol", "carol@example.com").model_copy(update=known))
    other = world.add(world.alice, contact("Dan <b>", "dan@example.com"))
    here = f"/contacts/{person.id}"
    typed = {
        "company": "Beta",
        "emails": "carol@new.example",
        "bio_linkedin": "CEO",
        "notes": "n",
        "birthday": "--03-21",
    }
    for name, field in FIELDS.items():
        html = await page(browser, f"{here}?edit={name}")
        assert html.count('class="in-place"') == 1, name
        form = html[html.index('class="in-place"') : html.index("data-cancel")]
        assert f'name="edit" value="{name}"' in form
        assert f'name="{name}"' in form
        assert ("Google Contacts fills this too" in form) is field.imported, name
        assert f'id="{field.part}"' in html
        if name in typed:
            assert await submit(browser, f"{here}/edit", {"edit": name, name: typed[name]}) == (
                303,
                f"{here}#{field.part}",
            )
            sent = requested(gateway, q.UpdateContact)[-1].fields.model_dump(exclude_none=True)
            value = (typed[name],) if field.kind == "list" else typed[name]
            assert sent == ({"bios": {"linkedin": "CEO"}} if name == "bio_linkedin" else {name: value})
    assert 'class="in-place"' not in await page(browser, f"{here}?edit=nothing")
    status, html = await submit(browser, f"{here}/edit", {"edit": "emails", "emails": "dan@example.com"})
    assert (status, 'value="dan@example.com"' in html) == (409, True), "what was typed is kept"
    assert f'<a href="/contacts/{other.id}">Open <bdi>Dan &lt;b&gt;</bdi></a>' in html
    status, html = await submit(browser, f"{here}/edit", {"edit": "birthday", "birthday": "much too long a birthday"})
    assert (status, 'value="much too long a birthday"' in html) == (422, True)


async def test_handles_are_shown_typed_and_parted_by_plain_forms(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    world = gateway.world
    shown = (
        q.ContactIdentity(kind="telegram", value="carol", shown="@Carol", url="https://t.me/Carol"),
        q.ContactIdentity(kind="acme <b>", value="x", shown="<i>x</i>"),
    )
    person = world.add(world.alice, contact("Carol").model_copy(update={"identities": shown}))
    other = world.add(world.alice, contact("Dan", "dan@example.com"))
    here = f"/contacts/{person.id}"
    html = await page(browser, here)
    assert (
        '<bdi>Telegram</bdi>&nbsp;<a href="https://t.me/Carol" rel="noopener noreferrer"><bdi>@Carol</bdi></a>' in html
    )
    assert "<bdi>Acme &lt;b&gt;</bdi>&nbsp;<bdi>&lt;i&gt;x&lt;/i&gt;</bdi>" in html
    assert "<bdi>@Carol</bdi>, <bdi>&lt;i&gt;x&lt;/i&gt;</bdi>)" in html, "by them the person is not to be recorded"
    lines = ("Telegram @Carol", "x.com/carol", "signal: c.1", "")
    typed = MultiDict([("edit", "identities"), *(("identities", line) for line in lines)])
    assert await submit(browser, f"{here}/edit", typed) == (303, f"{here}#person")
    sent = requested(gateway, q.UpdateContact)[-1].fields.model_dump(exclude_none=True)
    assert sent == {
        "identities": (
            {"kind": "telegram", "value": "@Carol"}, {"kind": "", "value": "x.com/carol"}, {"kind": "signal", "value": "c.1"},
        )
    }  # fmt: skip
    unlink = f"{here}/identities/unlink"
    html = await page(browser, f"{here}?edit=identities")
    assert html.count(f'action="{unlink}"') == 2
    assert 'name="kind" value="acme &lt;b&gt;"' in html
    status, parted = await submit(browser, unlink, {"kind": "telegram", "value": "carol"})
    assert (status, parted) == (303, f"/contacts/{other.id}?parted_from={person.id}")
    assert requested(gateway, q.UnlinkIdentity)[-1].value == "carol"
    html = await page(browser, parted)
    assert f'action="/contacts/{person.id}/merge"><input type="hidden" name="other_id" value="{other.id}">' in html
    status, html = await submit(browser, f"{here}/edit", {"edit": "emails", "emails": "dan@example.com"})
    assert (status, f'action="{here}/merge"><input type="hidden" name="other_id" value="{other.id}">' in html) == (
        409,
        True,
    )
    alone = world.add(world.alice, contact("Eve").model_copy(update={"identities": shown[:1]}))
    html = await page(browser, f"/contacts/{alone.id}?edit=identities")
    assert ("Telegram @Carol" in html, "/identities/unlink" in html) == (True, False), (
        "it is a person of its own already"
    )


async def test_every_action_of_a_person_is_a_plain_form(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    world = gateway.world
    person = world.add(world.alice, contact("Carol", "carol@example.com"))
    other = world.add(world.alice, contact("Carol B."))
    here = f"/contacts/{person.id}"
    assert await submit(browser, f"{here}/notes", {"text": " Likes tea "}) == (303, f"{here}#timeline")
    assert requested(gateway, q.AddInteraction)[-1].text == "Likes tea"
    assert await submit(browser, f"{here}/notes", {"text": " "}) == (303, f"{here}#timeline")
    assert len(requested(gateway, q.AddInteraction)) == 1, "an empty note is none"
    assert await submit(browser, f"{here}/bcc") == (303, f"{here}#bcc")
    for archived in ("yes", "no"):
        assert await submit(browser, f"{here}/archive", {"archived": archived}) == (303, here)
        assert requested(gateway, q.UpdateContact)[-1].fields.archived is (archived == "yes")
    html = await page(browser, here)
    assert f'name="other_id" value="{other.id}"' in html
    status, merged = await submit(browser, f"{here}/merge", {"other_id": str(other.id)})
    assert status == 303
    html = await page(browser, merged)
    (undo,) = re.findall(r'action="(/merges/[^"]+/undo)"', html)
    assert await submit(browser, undo) == (303, here)
    assert str(requested(gateway, q.UndoMerge)[-1].merge_id) in undo
    assert (await submit(browser, f"{here}/merge", {"other_id": "nobody"}))[0] == 422
    assert await submit(browser, f"{here}/delete") == (303, "/contacts")
    assert requested(gateway, q.DeleteContact)[-1].contact_id == person.id
    assert (await submit(browser, "/contacts", {"name": "Eve", "email": "eve@example.com"}))[0] == 303
    created = requested(gateway, q.CreateContact)[-1].fields
    assert created.model_dump(exclude_none=True) == {"name": "Eve", "emails": ("eve@example.com",)}


async def test_possible_duplicates_are_counted_listed_and_decided_by_plain_forms(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    world = gateway.world
    carol = world.add(world.alice, contact("Carol", "carol@example.com"))
    other = world.add(world.alice, contact("Carol <B.>"))
    for path in ("/", "/contacts"):
        html = await page(browser, path)
        assert "1 possible duplicate" in html, path
        assert 'href="/contacts/duplicates"' in html, path
    assert "possible duplicate" not in await page(browser, "/contacts?q=carol"), "nobody counts while somebody types"
    html = await page(browser, "/contacts/duplicates")
    assert "Likely the same person: <bdi>The same phone: +1 &lt;b&gt;555&lt;/b&gt;</bdi>." in html
    assert "<bdi>Carol &lt;B.&gt;</bdi>" in html
    dismiss = f"/contacts/{carol.id}/duplicates/{other.id}/dismiss"
    assert f'action="{dismiss}"' in html
    assert "Almost certainly the same person as" in await page(browser, f"/contacts/{carol.id}")
    assert await submit(browser, dismiss) == (303, f"/contacts/{carol.id}")
    assert await submit(browser, dismiss, {"from": "duplicates"}) == (303, "/contacts/duplicates")
    assert requested(gateway, q.DismissDuplicate)[-1].other_id == other.id
    status, merged = await submit(
        browser, f"/contacts/{carol.id}/merge", {"other_id": str(other.id), "from": "duplicates"}
    )
    assert (status, merged.partition("?")[0]) == (303, "/contacts/duplicates")
    assert "Merged: the two are one person now." in await page(browser, merged)


async def test_a_person_shows_who_was_merged_into_it_and_what_undoing_that_does(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    world = gateway.world
    carol = world.add(world.alice, contact("Carol"))
    stays = "3 notes written since stay with <Carol>."
    made: dict[str, Any] = {
        "merged_at": datetime.now(UTC),
        "other_id": new_id(),
        "other_name": "Caro",
        "other_emails": ("c@x.example",),
    }
    last = q.MergeRecord(id=new_id(), consequences=(stays,), **made)
    first = q.MergeRecord(id=new_id(), consequences=(), blocked_by=last.id, **made)
    world.merged = [(carol.id, last), (carol.id, first)]
    html = await page(browser, f"/contacts/{carol.id}")
    assert "<bdi>3 notes written since stay with &lt;Carol&gt;.</bdi>" in html
    assert f'action="/merges/{last.id}/undo"' in html
    assert f'action="/merges/{first.id}/undo"' not in html
    assert "undo that one first" in html
