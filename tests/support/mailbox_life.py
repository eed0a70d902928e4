"""A person with two mailboxes on the stage: how each step of mailbox_steps.py is carried out."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from libs.common.ids import UserId, new_id
from libs.common.requests import ContactFields, CreateContact
from libs.google_sim.account import AccountData, Resource
from libs.google_sim.faults import Rule
from libs.google_sim.gmail.delivery import deliver
from libs.google_sim.gmail.mailbox import Stored
from tests.support.mail_stage import MailStage
from tests.support.mailbox_model import Timelines, timelines
from tests.support.mailbox_steps import (
    Audit,
    Change,
    ConnectSecond,
    Deliver,
    Draft,
    Expire,
    Kill,
    Letter,
    Repeat,
    Step,
    Sync,
    Trouble,
)  # fmt: skip

FRIENDS = tuple(f"{name}@friends.example" for name in ("ann", "bo", "cy", "di"))
_LABELS: dict[str, tuple[list[str], list[str]]] = {
    "trash": (["TRASH"], ["INBOX"]),
    "restore": ([], ["TRASH"]),
    "spam": (["SPAM"], ["INBOX"]),
    "unspam": (["INBOX"], ["SPAM"]),
    "star": (["STARRED"], []),
    "archive": ([], ["INBOX"]),
    "unread": (["UNREAD"], []),
}


@dataclass
class Life:
    """One person on the stage, with two mailboxes; the second one is connected by a step, or at the end."""

    stage: MailStage
    number: int
    user_id: UserId = field(default_factory=lambda: UserId(new_id()))
    hashes: dict[str, str] = field(default_factory=dict)
    written: int = 0
    connected: int = 0

    def __post_init__(self) -> None:
        self.work = f"maya{self.number}@work.example"
        self.alias = f"sales{self.number}@work.example"
        self.home = f"ma.ya{self.number}@gmail.com"
        data = [AccountData(self.work, "Maya", f"1{self.number}", aliases=[self.alias])]
        data.append(AccountData(self.home, "Maya", f"2{self.number}"))
        self.mailboxes = [self.stage.open_mailbox(self.user_id, account) for account in data]

    # --- the beginning and the end

    async def begin(self) -> None:
        """The first account is connected, and one contact made by hand: its BCC address is known."""
        self.stage.published.clear()
        await self.connect()
        made = await self.stage.gateway.request(
            CreateContact(user_id=self.user_id, fields=ContactFields(name="Ann", emails=(FRIENDS[0],)))
        )
        self.hashes[made.bcc_hash] = FRIENDS[0]

    async def connect(self) -> None:
        if self.connected < len(self.mailboxes):
            await self.stage.connect(self.mailboxes[self.connected])
            self.connected += 1

    async def rest(self) -> None:
        """The quiet minute: everything is connected, nothing is in trouble, and a last sync has ended."""
        self.stage.google.world.faults.set([], 0)
        while self.connected < len(self.mailboxes):
            await self.connect()
        await self.stage.quiet()
        await self.stage.request_sync(*self.mailboxes)
        await self.stage.quiet()

    def expected(self) -> Timelines:
        return timelines(
            [mailbox.account.snapshot() for mailbox in self.mailboxes], datetime.now(UTC), hashes=self.hashes
        )

    # --- the steps

    async def take(self, step: Step) -> None:
        match step:
            case Deliver():
                _LETTERS[step.letter](self, step)
            case Change():
                self._change(step)
            case Draft():
                self._draft(step)
            case Sync(requests):
                await self.stage.request_sync(*self.mailboxes[: self.connected])
                await (self.stage.quiet() if requests is None else self.stage.until_requests(requests))
            case Kill("restart"):
                await self.stage.restart_sync()
            case Kill():
                await self.stage.seize_runs()
            case Repeat("event", nth):
                if self.stage.published:
                    await self.stage.repeat(self.stage.published[nth % len(self.stage.published)])
            case Repeat():
                for _ in range(3):
                    await self.stage.request_sync(*self.mailboxes[: self.connected])
            case Expire(account):
                self.mailboxes[account].account.mailbox.expire_history()
            case Trouble(account, kind, calls):
                rule = Rule("gmail", kind, first=calls, account=self.mailboxes[account].account.address)
                self.stage.google.world.faults.set([rule], 0)
            case Audit(account):
                await self.stage.quiet()
                if account < self.connected:
                    await self.stage.audit(self.mailboxes[account])
            case ConnectSecond():
                await self.connect()
        await asyncio.sleep(0)

    def _change(self, step: Change) -> None:
        mailbox = self.mailboxes[step.account].account.mailbox
        if (stored := self._nth(step.account, step.nth)) is None:
            return
        if step.what == "delete":
            mailbox.delete(stored.id)
        else:
            mailbox.relabel(stored.id, *_LABELS[step.what])

    def _draft(self, step: Draft) -> None:
        mailbox = self.mailboxes[step.account].account.mailbox
        for edits_left in range(step.edits, -1, -1):
            stored = self._put(step.account, [("From", self._me(step.account)), ("To", _friend(step.friend))], "DRAFT")
            if edits_left:
                mailbox.delete(stored.id)
        match step.end:
            case "sent_as_it_is":
                mailbox.relabel(stored.id, ["SENT"], ["DRAFT"])
            case "sent_as_new":
                mailbox.delete(stored.id)
                mailbox.add({**stored.resource, "id": mailbox.new_id(), "labelIds": ["SENT"]})
            case "thrown_away":
                mailbox.delete(stored.id)

    def _nth(self, account: int, nth: int) -> Stored | None:
        messages = list(self.mailboxes[account].account.mailbox.messages.values())
        return messages[nth % len(messages)] if messages else None

    def _me(self, account: int) -> str:
        return (self.work, self.home)[account]

    def _put(
        self, account: int, headers: list[tuple[str, str]], *labels: str, days: float = 0, message_id: str | None = None,
        number: int | None = None,
    ) -> Stored:  # fmt: skip
        """One message in one mailbox. Each is a second younger than the one before, all are some weeks old."""
        if number is None:
            self.written += 1
            number = self.written
        sent = (
            datetime.now(UTC).replace(microsecond=0, second=0, minute=0)
            - timedelta(days=30 + days)
            + timedelta(seconds=number)
        )
        own_id = f"<{number}.{self.number}@mail.example>" if message_id is None else message_id
        shown = [*headers, ("Subject", f"Mail {number}"), *([("Message-ID", own_id)] if own_id else [])]
        resource: Resource = {
            "labelIds": list(labels),
            "internalDate": str(int(sent.timestamp() * 1000)),
            "snippet": f"Text {number}",
            "payload": {"mimeType": "text/plain", "headers": [{"name": name, "value": value} for name, value in shown]},
        }
        return deliver(self.mailboxes[account].account.mailbox, resource, "")

    # --- letters

    def received(self, step: Deliver) -> None:
        self._put(step.account, [("From", f"Friend <{_friend(step.friend)}>"), ("To", self._me(step.account))], "INBOX")

    def copied(self, step: Deliver) -> None:
        """Two friends are on it: one wrote it, the other is only copied."""
        headers = [
            ("From", _friend(step.friend)),
            ("To", self._me(step.account)),
            ("Cc", _friend(step.friend + 1).upper()),
        ]
        self._put(step.account, headers, "INBOX")

    def sent(self, step: Deliver) -> None:
        headers = [("From", self._me(step.account)), ("To", _friend(step.friend)), ("Cc", _friend(step.friend + 1))]
        self._put(step.account, headers, "SENT")

    def sent_by_alias(self, step: Deliver) -> None:
        self._put(0, [("From", f"Sales <{self.alias}>"), ("To", _friend(step.friend))], "SENT")

    def reply(self, step: Deliver) -> None:
        self._put(
            step.account, [("From", _friend(step.friend)), ("To", self._me(step.account)), *self._references(step)]
        )

    def my_reply(self, step: Deliver) -> None:
        """To a list too: from then on its mail in that thread counts."""
        headers = [("From", self._me(step.account)), ("To", _friend(step.friend)), *self._references(step)]
        self._put(step.account, headers, "SENT")

    def _references(self, step: Deliver) -> list[tuple[str, str]]:
        stored = self._nth(step.account, step.nth)
        known = (
            [header["value"] for header in stored.resource["payload"]["headers"] if header["name"] == "Message-ID"]
            if stored
            else []
        )
        return [("References", known[0])] if known else []

    def list(self, step: Deliver) -> None:
        headers = [("From", _friend(step.friend)), ("To", "dev@lists.example"), ("List-Id", "<dev.lists.example>")]
        self._put(step.account, [*headers, *self._references(step)], "INBOX")

    def robot(self, step: Deliver) -> None:
        sender, *rest = (
            ("no-reply@shop.example",),
            (_friend(step.friend), ("Auto-Submitted", "auto-replied")),
            (_friend(step.friend), ("Precedence", "bulk")),
            (_friend(step.friend), ("Return-Path", "<>")),
        )[step.nth % 4]
        self._put(step.account, [("From", sender), ("To", self._me(step.account)), *rest], "INBOX")  # type: ignore[list-item]

    def via(self, step: Deliver) -> None:
        self._put(
            step.account, [("From", f"Friend via Team <{_friend(step.friend)}>"), ("To", "team@work.example")], "INBOX"
        )

    def many_people(self, step: Deliver) -> None:
        everybody = ", ".join(f"guest{n}@crowd.example" for n in range(24 + step.nth % 3))
        self._put(step.account, [("From", _friend(step.friend)), ("To", everybody)], "INBOX")

    def invitation(self, step: Deliver) -> None:
        headers = [("From", _friend(step.friend)), ("Sender", "Google Calendar <calendar-notification@google.com>")]
        self._put(step.account, [*headers, ("To", self._me(step.account))], "INBOX")

    def between_own(self, step: Deliver) -> None:
        """From one of my accounts to the other, and to a friend."""
        other = 1 - step.account
        headers = [("From", self._me(step.account)), ("To", self._me(other)), ("Cc", _friend(step.friend))]
        first = self._put(step.account, [*headers, ("Bcc", _friend(step.friend + 1))], "SENT")
        self._put(other, headers, "INBOX", number=self.written, message_id=_message_id(first))

    def to_both(self, step: Deliver) -> None:
        headers = [("From", _friend(step.friend)), ("To", f"{self.work}, {self.home}")]
        first = self._put(0, headers, "INBOX")
        self._put(1, headers, "INBOX", number=self.written, message_id=_message_id(first))

    def list_copy(self, step: Deliver) -> None:
        """To me and to a list that I am on with my other account: two copies that differ."""
        headers = [("From", _friend(step.friend)), ("To", f"{self.work}, dev@lists.example")]
        first = self._put(0, headers, "INBOX")
        listed = [("From", f"Friend via Dev <{_friend(step.friend)}>"), headers[1], ("List-Id", "<dev.lists.example>")]
        self._put(1, listed, "INBOX", number=self.written, message_id=_message_id(first))

    def logged(self, step: Deliver) -> None:
        """Sent with the BCC address of a contact: to somebody else, who is not turned into a contact by it."""
        tagged = self.work.replace("@", f"+{next(iter(self.hashes))}@")
        self._put(
            step.account, [("From", self._me(step.account)), ("To", _friend(step.friend)), ("Bcc", tagged)], "SENT"
        )

    def logged_elsewhere(self, step: Deliver) -> None:
        """The BCC copy of a mail that was sent by another program, and what a stranger may try with the address."""
        tagged = self.work.replace("@", f"+{next(iter(self.hashes))}@")
        sender = self.alias if step.nth % 2 else "stranger@spam.example"
        self._put(0, [("From", sender), ("To", _friend(step.friend)), ("Delivered-To", tagged)], "INBOX")

    def no_message_id(self, step: Deliver) -> None:
        headers = [("From", _friend(step.friend)), ("To", self._me(step.account))]
        self._put(step.account, headers, "INBOX", message_id="")

    def reused_message_id(self, step: Deliver) -> None:
        """A sender that gives the same Message-ID to everything."""
        headers = [("From", _friend(step.friend)), ("To", self._me(step.account))]
        self._put(step.account, headers, "INBOX", message_id=f"<always.{self.number}@broken.example>")

    def spam(self, step: Deliver) -> None:
        self._put(step.account, [("From", _friend(step.friend)), ("To", self._me(step.account))], "SPAM")

    def old(self, step: Deliver) -> None:
        headers = [("From", "long@ago.example"), ("To", self._me(step.account)), *self._references(step)]
        self._put(step.account, headers, "INBOX", days=400)

    def hostile(self, step: Deliver) -> None:
        sender = ('"Bo, the \\"Friend\\" <x@y>" <bo@FRIENDS.example>', "undisclosed-recipients:;", "=?utf-8?q?=22?=")[
            step.nth % 3
        ]
        self._put(
            step.account, [("From", sender), ("To", f"Team: {self._me(step.account)}, di@friends.EXAMPLE.;")], "INBOX"
        )


def _friend(number: int) -> str:
    return FRIENDS[number % len(FRIENDS)]


def _message_id(stored: Stored) -> str:
    return next(header["value"] for header in stored.resource["payload"]["headers"] if header["name"] == "Message-ID")


_LETTERS: dict[Letter, Callable[[Life, Deliver], None]] = {
    "received": Life.received, "copied": Life.copied, "sent": Life.sent, "sent_by_alias": Life.sent_by_alias,
    "reply": Life.reply, "my_reply": Life.my_reply, "list": Life.list, "robot": Life.robot, "via": Life.via,
    "many_people": Life.many_people, "invitation": Life.invitation, "between_own": Life.between_own, "to_both": Life.to_both,
    "list_copy": Life.list_copy, "logged": Life.logged, "logged_elsewhere": Life.logged_elsewhere,
    "no_message_id": Life.no_message_id, "reused_message_id": Life.reused_message_id, "spam": Life.spam, "old": Life.old,
    "hostile": Life.hostile,
}  # fmt: skip
