"""Auth as its operators see it, in numbers."""

from libs.common.measuring import Measuring, sample
from libs.common.requests import MeasureAuth, Measurements, Sample
from services.auth.context import Context
from services.auth.store import operations

STATES = ("active", "reauth_required")


async def measure(context: Context) -> list[Sample]:
    async with context.db.acquire() as connection:
        users = await operations.count_users(connection)
        accounts = await operations.count_accounts(connection)
    return [
        sample("pingcrm_users", users),
        *(sample("pingcrm_accounts", accounts.get(state, 0), state=state) for state in STATES),
    ]


async def get_measurements(measuring: Measuring, _: MeasureAuth) -> Measurements:
    return Measurements(items=await measuring.take())
