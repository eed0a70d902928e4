"""Handles of other platforms in the story of a user's contacts (merge_life.py): reported, typed, taken off, parted."""

from dataclasses import dataclass, field

from libs.common.events import Identity, InteractionReported
from libs.common.requests import TypedIdentity, UnlinkIdentity
from services.contacts.handlers import connectors, identities
from tests.support.contacts_world import NOW, USER
from tests.support.merge_life import NAME, Life
from tests.support.merge_model import ModelContact


@dataclass
class LifeWithHandles(Life):
    """`off`: handles that the user took off, with what was written under them."""

    off: dict[str, set[str]] = field(default_factory=dict)

    async def chat_from_a_stranger(self, nth: int, _: int) -> None:
        await self._chat(f"handle{self.number}")

    async def chat_from_a_friend(self, nth: int, _: int) -> None:
        """Or from somebody whose handle was taken off: they come back to nobody."""
        handles = [handle for contact in self.model.contacts for handle in contact.handles]
        if known := sorted({*handles, *self.off}):
            await self._chat(known[nth % len(known)])

    async def _chat(self, handle: str) -> None:
        text = f"chat {self.number}"
        report = InteractionReported(
            user_id=USER, platform="telegram", ref=text, occurred_at=NOW, direction="inbound", kind="message", text=text,
            identities=(Identity(kind="telegram", value=f"@{handle.title()}", name=NAME),),
        )  # fmt: skip
        await connectors.record_report(self.world.context, report)
        owner = self.model.owner_of_handle(handle)
        if owner is not None:
            self.model.contacts[owner].chats[handle].add(text)
        elif handle in self.off:
            self.off[handle].add(text)
        else:
            self.model.contacts.append(ModelContact())
            self.model.give_handle(len(self.model.contacts) - 1, handle, {text})
            sql = "SELECT contact_id FROM addresses WHERE kind = 'telegram' AND value = $1"
            self.ids.append(await self.world.pool.fetchval(sql, handle))

    async def type_handle(self, nth: int, _: int) -> None:
        if roots := self.model.roots():
            root, handle = roots[nth % len(roots)], f"handle{self.number}"
            await self._type_handles(root, {*self._handles(root), handle})
            self.model.give_handle(root, handle, set())

    async def type_handle_again(self, nth: int, other: int) -> None:
        roots = self.model.roots()
        if roots and self.off:
            root, handle = roots[nth % len(roots)], sorted(self.off)[other % len(self.off)]
            await self._type_handles(root, {*self._handles(root), handle})
            self.model.give_handle(root, handle, self.off.pop(handle))

    async def take_handle_off(self, nth: int, _: int) -> None:
        """One of the contact's own: whose name goes with those of others is another story."""
        if own := [
            (root, handle) for root in self.model.roots() for handle in sorted(self.model.contacts[root].handles)
        ]:
            root, handle = own[nth % len(own)]
            await self._update(root, name=NAME)
            await self._type_handles(root, self._handles(root) - {handle})
            self.off[handle] = self.model.take_handle(root, handle)

    def _handles(self, root: int) -> set[str]:
        return {handle for part in self.model.parts(root) for handle in self.model.contacts[part].handles}

    async def _type_handles(self, root: int, handles: set[str]) -> None:
        typed = tuple(TypedIdentity(value=f"https://t.me/{handle}") for handle in sorted(handles))
        await self._update(root, identities=typed)

    async def unlink(self, nth: int, _: int) -> None:
        """A handle that came by a merge of nothing else, or one of the contact's own under which somebody wrote."""
        alone = {
            merge.handle: merge for root in self.model.roots() for merge in self.model.merged_into(root) if merge.handle
        }
        own = {
            handle: root
            for root in self.model.roots()
            for handle, chats in self.model.contacts[root].chats.items()
            if chats and len(self.model.known_by(root)) > 1
        }
        if handles := sorted({*alone, *own}):
            handle = handles[nth % len(handles)]
            root = alone[handle].survivor if handle in alone else own[handle]
            await self._update(root, name=NAME)
            command = UnlinkIdentity(user_id=USER, contact_id=self.ids[root], kind="telegram", value=handle)
            parted = (await identities.unlink_identity(self.world.context, command)).id
            if handle in alone:
                alone[handle].stands = False
            else:
                self.model.contacts.append(ModelContact())
                self.ids.append(parted)
                self.model.give_handle(len(self.model.contacts) - 1, handle, self.model.take_handle(root, handle))
            self.model.dismiss(root, self.ids.index(parted))
