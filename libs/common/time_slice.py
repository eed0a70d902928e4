"""Work that awaits nothing, cut into slices: between two of them the event loop does what else there is to do."""

import asyncio
from time import perf_counter

SLICE_SECONDS = 0.025  # about: it ends with the item during which it is over


REST_SHARE, LONGEST_REST = 4, 5


def rest_after(worked_seconds: float, every_seconds: float) -> float:
    """How long a background loop rests, in seconds: `every_seconds`, and longer where it has much to do, so that it takes a fifth of the
    time at most; never more than five times that long.
    """
    return min(max(every_seconds, REST_SHARE * worked_seconds), LONGEST_REST * every_seconds)


class TimeSlice:
    """Parsing many items:  `parsing = TimeSlice()`, and after each item `await parsing.pause_if_over()`."""

    def __init__(self) -> None:
        self._began = perf_counter()

    async def pause_if_over(self) -> None:
        """Let the event loop go on once, where this slice has taken its time; then the next one begins."""
        if perf_counter() - self._began >= SLICE_SECONDS:
            await asyncio.sleep(0)
            self._began = perf_counter()
