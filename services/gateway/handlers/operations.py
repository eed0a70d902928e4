"""The gateway as its operators see it, in numbers; and what it gave up, once more."""

from libs.common.bus import Bus
from libs.common.measuring import sample
from libs.common.requests import Done, HandleAgainInGateway, Sample
from services.gateway.context import Context
from services.gateway.store import operations


async def measure(context: Context) -> list[Sample]:
    calls, age = await operations.get_waiting_webhook_calls(context.db)
    return [
        sample("pingcrm_live_streams", context.hub.all_streams),
        sample("pingcrm_webhook_calls_waiting", calls),
        sample("pingcrm_webhook_calls_age_seconds", age),
    ]


async def handle_again(bus: Bus, command: HandleAgainInGateway) -> Done:
    await bus.handle_again(command.event_subject, command.payload)
    return Done()
