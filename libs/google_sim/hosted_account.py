"""One account as the server holds it: mailbox, calendars, contacts, and who watches the mailbox."""

from dataclasses import dataclass

from libs.google_sim.account import AccountData, Resource
from libs.google_sim.calendar.store import Calendar
from libs.google_sim.gmail.mailbox import Mailbox
from libs.google_sim.people.store import People


@dataclass
class Account:
    """`calendars`: by id. `watch`: topicName, labelIds and expiration of the last `users.watch`, None without one."""

    address: str
    name: str
    sub: str
    aliases: list[str]
    mailbox: Mailbox
    calendars: dict[str, Calendar]
    people: People
    watch: Resource | None = None

    def snapshot(self) -> AccountData:
        """Return what the account holds now, as the oracle reads it."""
        return AccountData(
            address=self.address,
            name=self.name,
            sub=self.sub,
            aliases=list(self.aliases),
            messages=[stored.resource for stored in self.mailbox.messages.values()],
            calendars=[calendar.snapshot() for calendar in self.calendars.values()],
            people=self.people.present(),
        )
