"""Prep as its operators see it, in numbers; and what it gave up, once more."""

from typing import get_args

from libs.common.bus import Bus
from libs.common.measuring import Measuring, sample
from libs.common.requests import Done, HandleAgainInPrep, Measurements, MeasurePrep, PrepState, Sample
from services.prep.context import Context
from services.prep.store import operations


async def measure(context: Context) -> list[Sample]:
    """The briefs of a day, and what the model has cost in a day and in thirty."""
    async with context.db.acquire() as connection:
        month = await operations.list_briefs_of_month(connection)
    day = [found for found in month if found.recent]
    samples = [
        sample("pingcrm_briefs_of_day", sum(found.briefs for found in day if found.state == state), state=state)
        for state in get_args(PrepState)
    ]
    for days, briefs in (("1", day), ("30", month)):
        tokens = {"input": sum(b.input_tokens for b in briefs), "output": sum(b.output_tokens for b in briefs)}
        samples += [
            sample("pingcrm_model_tokens_of_days", number, days=days, direction=direction)
            for direction, number in tokens.items()
        ]
        samples.append(sample("pingcrm_model_cost_usd_of_days", sum(b.cost_usd for b in briefs), days=days))
    return samples


async def get_measurements(measuring: Measuring, _: MeasurePrep) -> Measurements:
    return Measurements(items=await measuring.take())


async def handle_again(bus: Bus, command: HandleAgainInPrep) -> Done:
    await bus.handle_again(command.event_subject, command.payload)
    return Done()
