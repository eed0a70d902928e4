"""Publishing a clock's event by hand: what the schedule does, now."""

from typing import Literal, get_args

from libs.common.events import TICKS
from libs.local.bus_admin import admin_stream
from libs.local.streams import EMPTY

Clock = Literal["mail", "contacts", "calendar", "prep", "watch", "audit"]
CLOCKS: tuple[Clock, ...] = get_args(Clock)


async def tick(nats_url: str, clock: Clock) -> None:
    """Publish `clock.<clock>` as the administrator. Returns when the bus has stored it."""
    subject = f"clock.{clock}"
    if subject not in {known.subject for known in TICKS}:
        raise ValueError(f"there is no clock {clock}")
    async with admin_stream(nats_url) as js:
        await js.publish(subject, EMPTY)
