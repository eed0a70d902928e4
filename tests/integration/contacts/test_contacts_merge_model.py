"""Whatever is imported, edited, merged and undone, in whatever order: contacts and timelines equal the reference model.

PINGCRM_PROOF_EXAMPLES: how many stories. A story that fails is printed as the list of its steps, which can be pasted into STORIES.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from libs.common.ids import ContactId
from libs.common.requests import (
    AddInteraction,
    Contact,
    ContactFields,
    DismissDuplicate,
    GetContact,
    GetTimeline,
    MergeContacts,
    UndoMerge,
    UpdateContact,
)
from services.contacts.duplicates import refresh_due_duplicates
from services.contacts.handlers import contacts, duplicates, merges, timelines
from tests.support.contacts_world import NOW, USER, World, card, connected, contacts_database, mail, world
from tests.support.merge_model import MergeLine, MergeModel, ModelContact, Shown

__all__ = ["contacts_database", "world"]

CI_EXAMPLES = 8
EXAMPLES = int(os.environ.get("PINGCRM_PROOF_EXAMPLES", CI_EXAMPLES))
SHRINKING = [Phase.shrink] if "PINGCRM_PROOF_SHRINK" in os.environ else []
NAME = "Jane Doe"
"""Everybody's, so that every two may be one person."""


class Step(NamedTuple):
    """What happens, to the nth of those to whom it can."""

    what: str
    nth: int = 0
    other: int = 0


@dataclass
class Life:
    """A user's contacts, in the service and in the model. `ids` are the service's ids of the model's contacts."""

    world: World
    model: MergeModel = field(default_factory=MergeModel)
    ids: list[ContactId] = field(default_factory=list)
    merge_ids: list[UUID] = field(default_factory=list)
    cards: dict[str, list[str]] = field(default_factory=dict)
    number: int = 0

    @property
    def emails(self) -> list[str]:
        return sorted(email for contact in self.model.contacts for email in contact.emails)

    async def take(self, step: Step) -> None:
        self.number += 1
        await getattr(self, step.what)(step.nth, step.other)

    async def mail_from_a_stranger(self, nth: int, _: int) -> None:
        await self._mail(f"p{self.number}@x.example")

    async def mail_from_a_friend(self, nth: int, _: int) -> None:
        if self.emails:
            await self._mail(self.emails[nth % len(self.emails)])

    async def _mail(self, email: str) -> None:
        title = f"about {self.number}"
        await self.world.receive(mail(str(self.number), email, name=NAME))
        await self._met(email)
        self.model.contacts[self._owner(email)].lines.add(title)

    async def card_of_a_stranger(self, nth: int, _: int) -> None:
        await self._card(f"{self.number:03}", [f"p{self.number}@x.example"])

    async def card_of_a_friend(self, nth: int, _: int) -> None:
        if self.emails:
            await self._card(f"{self.number:03}", [self.emails[nth % len(self.emails)]])

    async def card_with_one_more_email(self, nth: int, _: int) -> None:
        if self.cards:
            name = sorted(self.cards)[nth % len(self.cards)]
            await self._card(name, [*self.cards[name], f"p{self.number}@x.example"])

    async def _card(self, name: str, emails: list[str]) -> None:
        company = f"company {self.number}"
        await self.world.receive(card(name, name=NAME, emails=emails, organization=company, revision=self.number))
        await self._met(emails[0])
        contact = self.model.contacts[self._owner(emails[0])]
        contact.emails |= set(emails)
        contact.companies[name] = company
        self.cards[name] = emails

    async def _met(self, email: str) -> None:
        """Where nobody has this address, somebody new has it now."""
        if self.model.owner(email) is None:
            self.model.contacts.append(ModelContact(emails={email}))
            self.ids.append((await self.world.contact(email)).id)

    def _owner(self, email: str) -> int:
        owner = self.model.owner(email)
        assert owner is not None
        return owner

    async def write_note(self, nth: int, _: int) -> None:
        if roots := self.model.roots():
            root = roots[nth % len(roots)]
            note = AddInteraction(user_id=USER, contact_id=self.ids[root], text=f"note {self.number}", occurred_at=NOW)
            await timelines.add_interaction(self.world.context, note)
            self.model.contacts[root].lines.add(f"note {self.number}")

    async def type_title(self, nth: int, _: int) -> None:
        await self._edit(nth, title=f"title {self.number}")

    async def add_tag(self, nth: int, _: int) -> None:
        await self._edit(nth, tag=f"tag {self.number}")

    async def take_tag_off(self, nth: int, other: int) -> None:
        roots = [root for root in self.model.roots() if self.model.tags(root)]
        if roots:
            root = roots[nth % len(roots)]
            tags = sorted(self.model.tags(root))
            tag = tags[other % len(tags)]
            shown = await self._get(root)
            await self._update(root, tags=tuple(found for found in shown.tags if found != tag))
            self.model.remove_tag(root, tag)

    async def add_paragraph(self, nth: int, _: int) -> None:
        await self._edit(nth, paragraph=f"paragraph {self.number}")

    async def type_email(self, nth: int, _: int) -> None:
        await self._edit(nth, email=f"p{self.number}@x.example")

    async def _edit(self, nth: int, *, title: str = "", tag: str = "", paragraph: str = "", email: str = "") -> None:
        roots = self.model.roots()
        if not roots:
            return
        root = roots[nth % len(roots)]
        shown, contact = await self._get(root), self.model.contacts[root]
        if title:
            await self._update(root, title=title)
            contact.title = title
        elif tag:
            await self._update(root, tags=(*shown.tags, tag))
            contact.tags.add(tag)
        elif paragraph:
            await self._update(root, notes="\n\n".join(filter(None, (shown.notes, paragraph))))
            contact.notes.add(paragraph)
        else:
            await self._update(root, emails=(*shown.emails, email))
            contact.emails.add(email)

    async def merge(self, nth: int, other: int) -> None:
        roots = self.model.roots()
        if len(roots) > 1:
            survivor = roots.pop(nth % len(roots))
            await self._merge(survivor, roots[other % len(roots)])

    async def _merge(self, survivor: int, other: int) -> None:
        command = MergeContacts(user_id=USER, contact_id=self.ids[survivor], other_id=self.ids[other])
        self.merge_ids.append((await merges.merge_contacts(self.world.context, command)).merge_id)
        self.model.merges.append(MergeLine(survivor, other))

    async def undo(self, nth: int, _: int) -> None:
        if undoable := self.model.undoable():
            await self._undo(undoable[nth % len(undoable)])

    async def _undo(self, number: int) -> None:
        await merges.undo_merge(self.world.context, UndoMerge(user_id=USER, merge_id=self.merge_ids[number]))
        self.model.merges[number].stands = False

    async def dismiss(self, nth: int, other: int) -> None:
        roots = self.model.roots()
        if len(roots) > 1:
            first = roots.pop(nth % len(roots))
            second = roots[other % len(roots)]
            command = DismissDuplicate(user_id=USER, contact_id=self.ids[first], other_id=self.ids[second])
            await duplicates.dismiss_duplicate(self.world.context, command)
            self.model.dismiss(first, second)

    async def rest(self, _: int, __: int) -> None:
        await refresh_due_duplicates(self.world.context)

    async def _update(self, root: int, **fields: Any) -> None:
        command = UpdateContact(user_id=USER, contact_id=self.ids[root], fields=ContactFields(**fields))
        await contacts.update_contact(self.world.context, command)

    async def _get(self, number: int) -> Contact:
        return await contacts.get_contact(self.world.context, GetContact(user_id=USER, contact_id=self.ids[number]))

    async def shown(self, number: int) -> Shown:
        contact = await self._get(number)
        query = GetTimeline(user_id=USER, contact_id=contact.id, limit=200)
        found = (await timelines.get_timeline(self.world.context, query)).items
        return Shown(
            frozenset(contact.emails), contact.title, contact.company, frozenset(contact.tags),
            frozenset(filter(None, contact.notes.split("\n\n"))), frozenset(line.title or line.text for line in found),
        )  # fmt: skip

    async def compare(self) -> None:
        for number in range(len(self.model.contacts)):
            root = self.model.root(number)
            assert (await self._get(number)).id == self.ids[root], number
            assert await self.shown(number) == self.model.shown(root), number
        await self.rest(0, 0)
        rows = await self.world.pool.fetch("SELECT first_id, second_id FROM possible_duplicates")
        pairs = {frozenset({self.ids.index(row["first_id"]), self.ids.index(row["second_id"])}) for row in rows}
        assert pairs == self.model.pairs()

    async def merge_and_undo_at_once(self) -> None:
        """Nothing has changed by it: not what anybody shows, and not their order."""
        roots = self.model.roots()
        if len(roots) > 1:
            before = [await self._get(number) for number in range(len(self.ids))]
            await self._merge(roots[0], roots[-1])
            await self._undo(len(self.merge_ids) - 1)
            assert [await self._get(number) for number in range(len(self.ids))] == before


async def live_through(world: World, story: Sequence[Step]) -> None:
    await world.clear()
    await world.receive(connected())
    life = Life(world)
    for step in story:
        await life.take(step)
    await life.compare()
    await life.merge_and_undo_at_once()
    await life.compare()


OFTEN = (
    "mail_from_a_stranger", "mail_from_a_friend", "card_of_a_stranger", "card_of_a_friend", "card_with_one_more_email", "write_note",
    "type_title", "add_tag", "take_tag_off", "add_paragraph", "type_email", "merge", "merge", "merge", "merge", "undo", "undo", "undo",
    "dismiss", "rest",
)  # fmt: skip
steps = st.builds(Step, st.sampled_from(OFTEN), st.integers(0, 9), st.integers(0, 9))
BEGINNING = [Step("mail_from_a_stranger"), Step("card_of_a_stranger"), Step("mail_from_a_stranger")]


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=EXAMPLES == CI_EXAMPLES,
    phases=[Phase.generate, *SHRINKING],
    print_blob=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(story=st.lists(steps, min_size=8, max_size=30))
@pytest.mark.timeout(120 + 3 * EXAMPLES)
async def test_after_any_story_contacts_and_timelines_equal_the_model(world: World, story: list[Step]) -> None:
    await live_through(world, [*BEGINNING, *story])


STORIES: dict[str, list[Step]] = {
    "what came for the other since": [
        *BEGINNING, Step("merge", 0, 0), Step("mail_from_a_friend", 1), Step("card_of_a_friend", 1), Step("card_with_one_more_email", 1),
        Step("mail_from_a_friend", 2), Step("type_email", 0), Step("write_note", 0), Step("undo"), Step("mail_from_a_friend", 1),
        Step("mail_from_a_friend", 3),
    ],
    "merges on top, and the lowest is undone first": [
        *BEGINNING, Step("type_title", 1), Step("type_title", 2), Step("add_tag", 1), Step("add_paragraph", 1), Step("add_paragraph", 2),
        Step("merge", 0, 0), Step("add_paragraph", 0), Step("take_tag_off", 0), Step("merge", 0, 0), Step("add_tag", 0), Step("undo", 0),
        Step("undo", 0),
    ],
    "a merge into another, and back, and again": [
        *BEGINNING, Step("merge", 1, 1), Step("card_of_a_friend", 2), Step("card_with_one_more_email", 1), Step("merge", 0, 0),
        Step("write_note", 0), Step("undo", 0), Step("undo", 0), Step("merge", 0, 1), Step("dismiss", 0, 0),
    ],
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
async def test_this_story_ends_as_the_model_states(world: World, story: list[Step]) -> None:
    await live_through(world, story)
