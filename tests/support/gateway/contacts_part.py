"""The plain service that stands in for `contacts`: people of either user, their timelines, duplicates and merges."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

from libs.common import requests as q
from libs.common.errors import Refused, not_found
from libs.common.ids import ContactId, InteractionId, UserId, new_id
from tests.support.gateway.two_users import Responders, TwoUsers
from tests.support.gateway.values import NOW, contact, exclusion


@dataclass
class ContactsPart(TwoUsers):
    """`contacts`: people of either user, their timelines, duplicates and merges."""

    contacts: dict[UUID, tuple[UserId, q.Contact]] = field(default_factory=dict)
    export_page: Callable[[q.ExportContacts], Awaitable[q.ExportPage]] | None = None
    interactions: tuple[q.TimelineItem, ...] = ()
    older: str | None = None
    merged: list[tuple[ContactId, q.MergeRecord]] = field(default_factory=list)
    upcoming: tuple[q.TimelineItem, ...] = ()
    waiting: tuple[q.WaitingMail, ...] = ()
    mails: tuple[q.FoundMail, ...] = ()
    slow_export: Callable[[q.ExportContacts], Awaitable[q.ExportPage]] | None = None

    def contacts_responders(self) -> Responders:
        return {
            q.SearchContacts: self.search,
            q.ListTags: self.tags,
            q.GetContact: self.get_contact,
            q.GetPhoto: self.get_photo,
            q.CreateContact: self.create_contact,
            q.UpdateContact: self.update_contact,
            q.GetTimeline: self.timeline,
            q.FindMail: self.find_mail,
            q.ListWaiting: self.list_waiting,
            q.DismissWaiting: self.dismiss_waiting,
            q.RestoreWaiting: self.restore_waiting,
            q.AddInteraction: self.add_interaction,
            q.FindDuplicates: self.find_duplicates,
            q.ListDuplicates: self.list_duplicates,
            q.DismissDuplicate: self.dismiss_duplicate,
            q.ListMerges: self.merges,
            q.MergeContacts: self.merge,
            q.UndoMerge: self.undo_merge,
            q.UnlinkIdentity: self.unlink_identity,
            q.RotateBcc: self.rotate_bcc,
            q.DeleteContact: self.done,
            q.CountContacts: self.counts,
            q.ExportContacts: self.requested_export,
            q.ListExclusions: self.list_exclusions,
            q.AddExclusion: self.add_exclusion,
            q.ExcludeContact: self.exclude_contact,
            q.RemoveExclusion: self.done,
        }

    def add(self, owner: q.User, added: q.Contact) -> q.Contact:
        self.contacts[added.id] = (owner.id, added)
        return added

    async def find_mail(self, query: q.FindMail) -> q.FoundMails:
        self.requests.append(query)
        return q.FoundMails(items=self.mails if query.user_id == self.alice.id else ())

    async def list_waiting(self, query: q.ListWaiting) -> q.Waiting:
        return q.Waiting(items=self.waiting if query.user_id == self.alice.id else ())

    async def dismiss_waiting(self, command: q.DismissWaiting) -> q.Done:
        self.requests.append(command)
        if command.interaction_id not in {mail.interaction_id for mail in self.waiting}:
            raise not_found("message")
        return q.Done()

    async def restore_waiting(self, command: q.RestoreWaiting) -> q.Done:
        self.requests.append(command)
        return q.Done()

    def _own_contacts(self, user_id: UserId) -> list[q.Contact]:
        return [found for owner, found in self.contacts.values() if owner == user_id]

    def _own_contact(self, user_id: UserId, contact_id: ContactId) -> q.Contact:
        owner, found = self.contacts.get(contact_id, (None, None))
        if found is None or owner != user_id:
            raise not_found("contact")
        return found

    async def search(self, query: q.SearchContacts) -> q.ContactPage:
        self.requests.append(query)
        own = self._own_contacts(query.user_id)
        return q.ContactPage(items=tuple(own[: query.limit]), next_cursor="more" if len(own) > query.limit else None)

    async def tags(self, query: q.ListTags) -> q.Tags:
        found = Counter(tag for contact in self._own_contacts(query.user_id) for tag in contact.tags)
        return q.Tags(items=tuple(q.Tag(name=name, contacts=number) for name, number in found.most_common()))

    async def get_contact(self, query: q.GetContact) -> q.Contact:
        return self._own_contact(query.user_id, query.contact_id)

    async def get_photo(self, query: q.GetPhoto) -> q.PhotoSource:
        return q.PhotoSource(url=self._own_contact(query.user_id, query.contact_id).photo_url)

    async def update_contact(self, command: q.UpdateContact) -> q.Contact:
        found = self._own_contact(command.user_id, command.contact_id)
        self.requests.append(command)
        for owner, other in self.contacts.values():
            if (
                owner == command.user_id
                and other.id != found.id
                and set(other.emails) & set(command.fields.emails or ())
            ):
                detail = f"{other.name} has this address already."
                raise Refused(409, "address_taken", detail, contact_id=str(other.id), contact_name=other.name)
        return found.model_copy(update=command.fields.model_dump(exclude_none=True, exclude={"identities"}))

    async def create_contact(self, command: q.CreateContact) -> q.Contact:
        self.requests.append(command)
        owner = next(owner for owner in (self.alice, self.bob) if owner.id == command.user_id)
        return self.add(owner, contact(command.fields.name or "", *(command.fields.emails or ())))

    async def timeline(self, query: q.GetTimeline) -> q.Timeline:
        self._own_contact(query.user_id, query.contact_id)
        self.requests.append(query)
        if query.when == "ahead":
            return q.Timeline(items=self.upcoming)
        found = tuple(line for line in self.interactions if query.thread in (None, line.thread))
        if query.group:
            newest = {line.thread or line.id: line for line in reversed(found)}
            found = tuple(line for line in found if newest[line.thread or line.id] is line)
        return q.Timeline(items=found, next_cursor=None if query.cursor else self.older)

    async def add_interaction(self, command: q.AddInteraction) -> q.Interaction:
        self._own_contact(command.user_id, command.contact_id)
        self.requests.append(command)
        return q.Interaction(
            id=InteractionId(new_id()),
            platform="note",
            kind="note",
            direction="mutual",
            occurred_at=NOW,
            title="",
            text=command.text,
        )

    async def find_duplicates(self, query: q.FindDuplicates) -> q.Duplicates:
        own = [other for other in self._own_contacts(query.user_id) if other.id != query.contact_id]
        evidence = ("The same phone: +1 <b>555</b>",)
        return q.Duplicates(items=tuple(q.Duplicate(contact=other, evidence=evidence, confidence=0.9) for other in own))

    async def list_duplicates(self, query: q.ListDuplicates) -> q.DuplicatePairs:
        self.requests.append(query)
        own = self._own_contacts(query.user_id)
        pairs = tuple(
            q.DuplicatePair(contact=own[0], other=other, evidence=("The same phone: +1 <b>555</b>",), confidence=0.75)
            for other in own[1:]
        )
        return q.DuplicatePairs(items=pairs[: query.limit], total=len(pairs))

    async def dismiss_duplicate(self, command: q.DismissDuplicate) -> q.Done:
        self._own_contact(command.user_id, command.contact_id)
        self.requests.append(command)
        return q.Done()

    async def merges(self, query: q.ListMerges) -> q.MergeRecords:
        contact_id = self._own_contact(query.user_id, query.contact_id).id
        return q.MergeRecords(items=tuple(record for id_, record in self.merged if id_ == contact_id))

    async def merge(self, command: q.MergeContacts) -> q.Merged:
        self.requests.append(command)
        return q.Merged(merge_id=new_id(), contact=self._own_contact(command.user_id, command.contact_id))

    async def undo_merge(self, command: q.UndoMerge) -> q.Contact:
        self.requests.append(command)
        return self._own_contacts(command.user_id)[0]

    async def unlink_identity(self, command: q.UnlinkIdentity) -> q.Contact:
        self._own_contact(command.user_id, command.contact_id)
        self.requests.append(command)
        return self._own_contacts(command.user_id)[-1]

    async def rotate_bcc(self, command: q.RotateBcc) -> q.Contact:
        self.requests.append(command)
        return self._own_contact(command.user_id, command.contact_id)

    async def list_exclusions(self, query: q.ListExclusions) -> q.Exclusions:
        return q.Exclusions(items=(exclusion("x.example"),) if query.user_id == self.alice.id else ())

    async def add_exclusion(self, command: q.AddExclusion) -> q.Exclusion:
        self.requests.append(command)
        if "." not in command.value:
            raise Refused(422, "invalid_address", "Give an email address or a domain.")
        return exclusion(command.value)

    async def exclude_contact(self, command: q.ExcludeContact) -> q.Exclusions:
        self.requests.append(command)
        return q.Exclusions(items=tuple(map(exclusion, self._own_contact(command.user_id, command.contact_id).emails)))

    async def counts(self, query: q.CountContacts) -> q.Counts:
        return q.Counts(contacts=len(self._own_contacts(query.user_id)), messages=1204, meetings=7, imported=3, other=0)

    async def export(self, query: q.ExportContacts) -> q.ExportPage:
        """Two pages of what is requested, or what a test gives."""
        if self.export_page:
            return await self.export_page(query)
        first = query.cursor is None
        return q.ExportPage(
            items=({"what": query.what, "page": 1 if first else 2},), next_cursor="2" if first else None
        )

    async def requested_export(self, query: q.ExportContacts) -> q.ExportPage:
        """As `slow_export` has it, where a test set it."""
        return await (self.slow_export or self.export)(query)
