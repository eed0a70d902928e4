"""Contacts as its operators see it, in numbers; and the dead letters of all services, which it alone may read and delete."""

from libs.common.bus import Bus
from libs.common.bus.letters import DeadLetter
from libs.common.dead_letters import read_attempts, read_time
from libs.common.measuring import Measuring
from libs.common.requests import (
    Done,
    Letters,
    LetterSummary,
    ListDeadLetters,
    MeasureContacts,
    Measurements,
    ReplayDeadLetter,
    Sample,
)


async def measure(bus: Bus) -> list[Sample]:
    return await bus.dead_letters.measure()


async def get_measurements(measuring: Measuring, _: MeasureContacts) -> Measurements:
    return Measurements(items=await measuring.take())


async def list_dead_letters(bus: Bus, query: ListDeadLetters) -> Letters:
    """Neither their payloads nor whom they are about leave this service."""
    return Letters(items=tuple(map(_summary, await bus.dead_letters.list_oldest(query.limit))))


async def replay_dead_letter(bus: Bus, command: ReplayDeadLetter) -> Done:
    await bus.dead_letters.replay(command.number)
    return Done()


def _summary(letter: DeadLetter) -> LetterSummary:
    return LetterSummary(
        number=letter.number,
        at=read_time(letter.at),
        consumer=letter.consumer,
        subject=letter.event_subject,
        attempts=read_attempts(letter.attempts),
        reason=letter.reason,
        trace=letter.trace,
        is_replayable=letter.given_up_by is not None,
    )
