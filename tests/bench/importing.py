"""A first import of one mailbox, as a person sees it."""

from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from libs.google_sim.account import AccountData
from libs.local.demo.person import Person
from tests.bench.people import mail_read, recorded
from tests.bench.processes import cpu_between
from tests.bench.stage import GOOGLE, Stage


@dataclass(frozen=True)
class FirstImport:
    """Seconds from sign-in to the last message on its timeline; CPU seconds by process until the bus is quiet; the run of the mail."""

    messages: int
    seconds: float
    cpu_seconds: Mapping[str, float]
    run: Mapping[str, Any]

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds

    @property
    def cpu_milliseconds(self) -> float:
        """CPU per message of all services and servers."""
        return milliseconds_per_message(self.cpu_seconds, self.messages)


def milliseconds_per_message(cpu_seconds: Mapping[str, float], messages: int) -> float:
    """Of all services and servers, without the local Google."""
    return sum(spent for name, spent in cpu_seconds.items() if name != GOOGLE) / messages * 1000


async def import_first(stage: Stage, person: Person, mailbox: AccountData) -> FirstImport:
    """Sign in, and wait until the last message is on its timeline."""
    messages = len(mailbox.messages)
    before = stage.usage()
    begun = perf_counter()
    await person.sign_in(mailbox.address)
    run = await mail_read(person)  # asking how much there is costs the product more than asking how far it is
    await recorded(person, messages)
    seconds = perf_counter() - begun
    await stage.settled(person)
    return FirstImport(messages, seconds, cpu_between(before, stage.usage()), run)
