"""What was sent to the model: shown to its user, and forgotten in time."""

import asyncio

from libs.common.requests import ListModelCalls, ModelCalls
from services.prep.context import Context
from services.prep.store import model_calls

EVERY_SECONDS = 3_600.0


async def list_calls(context: Context, query: ListModelCalls) -> ModelCalls:
    """What left for the model's server, and what is left of today's budget."""
    async with context.db.acquire() as connection:
        items = await model_calls.list_calls(connection, query.user_id)
        spent = await model_calls.get_spent_today(connection, query.user_id)
    return ModelCalls(
        items=items,
        host=context.claude.host,
        model=context.claude.model,
        spent_usd=spent,
        budget_usd=context.settings.anthropic_daily_budget_usd,
    )


async def keep_forgetting(context: Context) -> None:
    """Every hour: old calls and the answers to them are forgotten. Runs until cancelled."""
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        await context.bus.run_guarded(lambda: forget_old(context))


async def forget_old(context: Context) -> None:
    async with context.db.acquire() as connection:
        await model_calls.forget_old(connection)
