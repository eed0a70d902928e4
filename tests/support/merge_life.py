"""A user's contacts through a story: each step happens to the service and to the reference model (merge_model.py)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from libs.common.errors import Refused
from libs.common.ids import ContactId
from libs.common.requests import (
    AddExclusion,
    AddInteraction,
    Contact,
    ContactFields,
    DismissDuplicate,
    ExcludeContact,
    Exclusion,
    GetContact,
    MergeContacts,
    RemoveExclusion,
    UndoMerge,
    UpdateContact,
)
from services.contacts.duplicates import refresh_due_duplicates
from services.contacts.exclusion_work import work_off_exclusions
from services.contacts.handlers import contacts, duplicates, exclusions, merges, timelines
from tests.support.contacts_world import NOW, USER, World, card, mail
from tests.support.merge_model import MergeLine, MergeModel, ModelContact, Rules, domain_of

NAME = "Jane Doe"
"""Everybody's, so that every two may be one person."""


class Step(NamedTuple):
    """What happens, to the nth of those to whom it can."""

    what: str
    nth: int = 0
    other: int = 0


@dataclass
class Life:
    """A user's contacts, in the service and in the model. `ids` are the service's ids of the model's contacts.

    `mails` and `cards` are what Google has: the author of each mail by its title, the emails of each card by its name.
    """

    world: World
    model: MergeModel = field(default_factory=MergeModel)
    ids: list[ContactId] = field(default_factory=list)
    rules: Rules = field(default_factory=Rules)
    mails: dict[str, str] = field(default_factory=dict)
    merge_ids: list[UUID] = field(default_factory=list)
    cards: dict[str, list[str]] = field(default_factory=dict)
    companies: dict[str, str] = field(default_factory=dict)
    number: int = 0

    @property
    def emails(self) -> list[str]:
        return sorted(email for contact in self.model.contacts for email in contact.emails)

    async def take(self, step: Step) -> None:
        self.number += 1
        await getattr(self, step.what)(step.nth, step.other)

    @property
    def new_email(self) -> str:
        return f"p{self.number}@d{self.number % 3}.example"

    async def mail_from_a_stranger(self, nth: int, _: int) -> None:
        await self._mail(self.new_email)

    async def mail_from_the_excluded(self, nth: int, _: int) -> None:
        if excluded := sorted(email for email in self.mails.values() if self.rules.cover(email)):
            await self._mail(excluded[nth % len(excluded)])

    async def mail_from_a_friend(self, nth: int, _: int) -> None:
        if self.emails:
            await self._mail(self.emails[nth % len(self.emails)])

    async def _mail(self, email: str) -> None:
        self.mails[f"about {self.number}"] = email
        await self._deliver(f"about {self.number}")

    async def _deliver(self, title: str) -> None:
        email = self.mails[title]
        await self.world.receive(mail(title.removeprefix("about "), email, name=NAME))
        if not self.rules.cover(email):
            await self._met(email)
            self.model.contacts[self._owner(email)].lines.add(title)

    async def card_of_a_stranger(self, nth: int, _: int) -> None:
        await self._card(f"{self.number:03}", [self.new_email])

    async def card_of_a_friend(self, nth: int, _: int) -> None:
        if self.emails:
            await self._card(f"{self.number:03}", [self.emails[nth % len(self.emails)]])

    async def card_with_one_more_email(self, nth: int, _: int) -> None:
        """Not one of somebody who is not recorded: their card brings nobody, whatever else is on it."""
        recorded = sorted(name for name, emails in self.cards.items() if not any(map(self.rules.cover, emails)))
        if recorded:
            name = recorded[nth % len(recorded)]
            await self._card(name, [*self.cards[name], self.new_email])

    async def _card(self, name: str, emails: list[str]) -> None:
        self.cards[name], self.companies[name] = emails, f"company {self.number}"
        await self._import(name)

    async def _import(self, name: str) -> None:
        company = self.companies[name]
        revision = int(company.removeprefix("company "))
        imported = card(name, name=NAME, emails=self.cards[name], organization=company, revision=revision)
        await self.world.receive(imported)
        kept = [email for email in self.cards[name] if not self.rules.cover(email)]
        if kept:
            await self._met(kept[0])
            contact = self.model.contacts[self._owner(kept[0])]
            contact.emails |= set(kept)
            contact.companies[name] = company

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
            shown = await self.get(root)
            await self._update(root, tags=tuple(found for found in shown.tags if found != tag))
            self.model.remove_tag(root, tag)

    async def add_paragraph(self, nth: int, _: int) -> None:
        await self._edit(nth, paragraph=f"paragraph {self.number}")

    async def type_email(self, nth: int, _: int) -> None:
        if not self.rules.cover(self.new_email):
            await self._edit(nth, email=self.new_email)
        elif roots := self.model.roots():
            root = roots[nth % len(roots)]
            with pytest.raises(Refused, match="not_recorded"):
                await self._update(root, emails=(*(await self.get(root)).emails, self.new_email))

    async def _edit(self, nth: int, *, title: str = "", tag: str = "", paragraph: str = "", email: str = "") -> None:
        roots = self.model.roots()
        if not roots:
            return
        root = roots[nth % len(roots)]
        shown, contact = await self.get(root), self.model.contacts[root]
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
        known = self.model.known_by(other)
        has_card = any(self.model.contacts[part].companies for part in self.model.parts(other))
        handle = next(iter(known)) if len(known) == 1 and not has_card and "@" not in "".join(known) else ""
        self.model.merges.append(MergeLine(survivor, other, handle))

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

    async def exclude_person(self, nth: int, _: int) -> None:
        if roots := [root for root in self.model.roots() if self.model.known_by(root)]:
            root = roots[nth % len(roots)]
            command = ExcludeContact(user_id=USER, contact_id=self.ids[root])
            rules = (await exclusions.exclude_contact(self.world.context, command)).items
            assert {rule.value for rule in rules} == self.model.known_by(root)
            await self._exclude(rules)

    async def exclude_address(self, nth: int, _: int) -> None:
        if self.emails:
            await self._add_rule(self.emails[nth % len(self.emails)])

    async def exclude_domain(self, nth: int, _: int) -> None:
        if self.emails:
            await self._add_rule(domain_of(self.emails[nth % len(self.emails)]))

    async def _add_rule(self, value: str) -> None:
        """Not where somebody would lose a part of their addresses of whom others are a part: test_contacts_do_not_record.py has those."""
        halved = [
            root for root in self.model.roots() if 0 < len(self._under(root, value)) < len(self.model.known_by(root))
        ]
        if any(len(self.model.parts(root)) > 1 for root in halved):
            return
        for root in halved:  # who is the user's stays one person, whichever address held it together
            await self._update(root, name=NAME)
        await self._exclude(
            [await exclusions.add_exclusion(self.world.context, AddExclusion(user_id=USER, value=value))]
        )

    def _under(self, root: int, value: str) -> set[str]:
        return {email for email in self.model.emails(root) if value in (email, domain_of(email))}

    async def _exclude(self, rules: Iterable[Exclusion]) -> None:
        await work_off_exclusions(self.world.context)
        self.rules.values |= {rule.value: rule.id for rule in rules}
        for root in self.model.roots():
            lost = {known for known in self.model.known_by(root) if self.rules.cover(known)}
            if lost and lost == self.model.known_by(root):
                self.model.remove(root)
            elif lost:
                self._take_away(self.model.contacts[root], lost)
        for name, emails in list(self.cards.items()):
            kept = [email for email in emails if not self.rules.cover(email)]
            if kept and kept != emails:  # whoever keeps the card at Google takes the address off it, too
                await self._card(name, kept)

    def _take_away(self, contact: ModelContact, lost: set[str]) -> None:
        contact.emails -= lost
        contact.lines -= {title for title, email in self.mails.items() if email in lost}
        for name in list(contact.companies):
            if lost.issuperset(self.cards[name]):
                del contact.companies[name]

    async def let_in(self, nth: int, _: int) -> None:
        """The rule is taken back, and the audits publish again what it left out."""
        if not self.rules.values:
            return
        before = Rules(dict(self.rules.values))
        value = sorted(before.values)[nth % len(before.values)]
        command = RemoveExclusion(user_id=USER, exclusion_id=self.rules.values.pop(value))
        await exclusions.remove_exclusion(self.world.context, command)
        await work_off_exclusions(self.world.context)
        for name, emails in self.cards.items():
            if any(before.cover(email) and not self.rules.cover(email) for email in emails):
                await self._import(name)
        for title, email in self.mails.items():
            if before.cover(email) and not self.rules.cover(email):
                await self._deliver(title)

    async def rest(self, _: int, __: int) -> None:
        await refresh_due_duplicates(self.world.context)

    async def _update(self, root: int, **fields: Any) -> None:
        command = UpdateContact(user_id=USER, contact_id=self.ids[root], fields=ContactFields(**fields))
        await contacts.update_contact(self.world.context, command)

    async def get(self, number: int) -> Contact:
        return await contacts.get_contact(self.world.context, GetContact(user_id=USER, contact_id=self.ids[number]))

    async def merge_and_undo_at_once(self) -> None:
        """Nothing has changed by it: not what anybody shows, and not their order."""
        roots = self.model.roots()
        if len(roots) > 1:
            there = [number for number, contact in enumerate(self.model.contacts) if not contact.gone]
            before = [await self.get(number) for number in there]
            await self._merge(roots[0], roots[-1])
            await self._undo(len(self.merge_ids) - 1)
            assert [await self.get(number) for number in there] == before
