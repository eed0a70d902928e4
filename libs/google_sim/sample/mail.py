"""The sample's two mailboxes: a year of Maya's correspondence, with what else lands in an inbox."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import cycle
from random import Random
from zoneinfo import ZoneInfo

from libs.google_sim.account import Resource
from libs.google_sim.sample.compose import Address, Letter, in_order, message_id_for, resource
from libs.google_sim.sample.conversations import (
    AUTOMATED_SENDERS,
    CLOSINGS,
    CONVERSATIONS,
    GREETINGS,
    SLOTS,
    AutomatedSender,
    Conversation,
)
from libs.google_sim.sample.edge_cases import edge_cases
from libs.google_sim.sample.people import MAYA, PEOPLE, PERSONAL, WORK, WORK_ALIAS, ZONE, Home, Person

_YEAR = 350  # days: well inside the default look-back, so that the count does not change while a sync runs
_LONG_AGO = 430


class MailSample:
    """Writes letters into both accounts' mailboxes; `personal` and `work` hold the result."""

    def __init__(self, now: datetime, random: Random) -> None:
        self.now = now.astimezone(ZoneInfo(ZONE)).replace(microsecond=0)
        self.random = random
        self.messages: dict[str, list[Resource]] = {PERSONAL: [], WORK: []}
        self._threads: dict[tuple[str, str], str] = {}
        self._written = 0

    def write(self) -> dict[str, list[Resource]]:
        """All messages by account, oldest first."""
        for person in PEOPLE:
            conversations = self._conversations_for(person)
            for number, conversation in zip(range(person.closeness), conversations, strict=False):
                first = self._moment(_YEAR * number // person.closeness + 3, _YEAR * (number + 1) // person.closeness)
                self._converse(person, conversation, first)
        for person in PEOPLE[:8]:
            self._converse(person, next(self._conversations_for(person)), self._moment(_LONG_AGO, 2 * _LONG_AGO))
        for automated_sender in AUTOMATED_SENDERS:
            self._automate(automated_sender)
        for letter, account, labels in edge_cases(self):
            self.deliver(letter, {account: labels})
        return {account: in_order(messages) for account, messages in self.messages.items()}

    def message_id(self, domain: str) -> str:
        """The next Message-ID."""
        self._written += 1
        return message_id_for(f"{self._written} {self.random.random()}", domain)

    def deliver(self, letter: Letter, copies: dict[str, Sequence[str]]) -> None:
        """Put the letter into each account of `copies` with its labels, into the thread that it answers there."""
        for account, labels in copies.items():
            root = letter.references[0] if letter.references else letter.message_id
            message = resource(letter, account, labels, self._threads.get((account, root), ""))
            self._threads.setdefault((account, root), message["threadId"])
            self.messages[account].append(message)

    def _moment(self, least_days: int, most_days: int) -> datetime:
        """A working hour between so many days ago."""
        day = self.now - timedelta(days=self.random.randint(least_days, max(least_days, most_days)))
        return day.replace(hour=self.random.randint(8, 17), minute=self.random.randint(0, 59), second=17)

    def _conversations_for(self, person: Person) -> Iterator[Conversation]:
        def of(language: str) -> list[Conversation]:
            return [known for known in CONVERSATIONS if (known.home, known.language) == (person.home, language)]

        fitting, english = of(person.language), of("en")
        self.random.shuffle(english)
        return cycle(fitting + english if person.language != "en" else english)

    def _converse(self, person: Person, conversation: Conversation, sent: datetime) -> None:
        """One conversation, begun by either side; the person may write from their second address."""
        slots = {slot: self.random.choice(choices) for slot, choices in SLOTS.items()}
        subject = conversation.subject.format(**slots)
        turns = conversation.turns[: self.random.randint(2, len(conversation.turns))]
        mine = self.random.random() < 0.4
        account = PERSONAL if person.home == "personal" else WORK
        from_alias = account == WORK and self.random.random() < 0.2
        both = self.random.random() < 0.12  # somebody who writes to both of Maya's addresses
        references: list[str] = []
        for number, turn in enumerate(turns):
            sender = (MAYA, WORK_ALIAS if from_alias else account) if mine else self._address(person, number)
            to = [self._address(person, number) if mine else (MAYA, account)]
            letter = Letter(
                sent=sent,
                sender=sender,
                to=to,
                cc=[(MAYA, PERSONAL if account == WORK else WORK)] if both else (),
                subject=subject if number == 0 else f"Re: {subject}",
                text=self._text(conversation, turn.format(**slots), person, mine, number == 0),
                message_id=self.message_id(sender[1].rpartition("@")[2]),
                references=tuple(references),
            )
            other = WORK if account == PERSONAL else PERSONAL
            copies: dict[str, Sequence[str]] = {account: ["SENT"] if mine else ["INBOX", "CATEGORY_PERSONAL"]}
            self.deliver(letter, {**copies, other: ["INBOX"]} if both else copies)
            references.append(letter.message_id)
            mine = not mine
            sent += timedelta(minutes=self.random.choice((17, 48, 130, 410, 1_260)), seconds=self.random.randint(0, 59))
            if sent >= self.now - timedelta(minutes=10):
                return

    def _address(self, person: Person, number: int) -> Address:
        return (person.name, person.second if person.second and number % 3 == 2 else person.address)

    def _text(self, conversation: Conversation, turn: str, person: Person, mine: bool, first: bool) -> str:
        greeting = (
            GREETINGS[conversation.language].format(name=person.given if mine else "Maya") + "\n\n" if first else ""
        )
        signed = "Maya" if mine else person.given
        return f"{greeting}{turn}\n\n{CLOSINGS[conversation.language]}\n{signed}\n"

    def _automate(self, automated_sender: AutomatedSender) -> None:
        account = account_of(automated_sender.home)
        for number in range(2 * len(automated_sender.subjects)):
            letter = Letter(
                sent=self._moment(5 + 25 * number, 25 + 25 * number),
                sender=(automated_sender.name, automated_sender.address),
                to=[(MAYA, account)],
                subject=automated_sender.subjects[number % len(automated_sender.subjects)],
                text=automated_sender.text,
                message_id=self.message_id(automated_sender.address.rpartition("@")[2]),
                headers=automated_sender.headers,
            )
            self.deliver(letter, {account: ["INBOX", "CATEGORY_UPDATES"]})


def account_of(home: Home) -> str:
    """The account of one side of Maya's life."""
    return PERSONAL if home == "personal" else WORK
