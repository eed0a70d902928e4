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
        briefs = await operations.count_briefs_of_day(connection)
        uses = await operations.list_model_use(connection)
    samples = [sample("pingcrm_briefs_of_day", briefs.get(state, 0), state=state) for state in get_args(PrepState)]
    for use in uses:
        days = str(use.days)
        samples += [
            sample("pingcrm_model_tokens_of_days", use.input_tokens, days=days, direction="input"),
            sample("pingcrm_model_tokens_of_days", use.output_tokens, days=days, direction="output"),
            sample("pingcrm_model_cost_usd_of_days", use.cost_usd, days=days),
        ]
    return samples


async def get_measurements(measuring: Measuring, _: MeasurePrep) -> Measurements:
    return Measurements(items=await measuring.take())


async def handle_again(bus: Bus, command: HandleAgainInPrep) -> Done:
    await bus.handle_again(command.event_subject, command.payload)
    return Done()
