"""Work that awaits nothing, cut into slices: between two of them the event loop does what else there is to do."""

import asyncio
from time import perf_counter

SLICE_SECONDS = 0.025  # about: it ends with the item during which it is over


class TimeSlice:
    """Parsing many items:  `parsing = TimeSlice()`, and after each item `await parsing.pause_if_over()`."""

    def __init__(self) -> None:
        self._began = perf_counter()

    async def pause_if_over(self) -> None:
        """Let the event loop go on once, where this slice has taken its time; then the next one begins."""
        if perf_counter() - self._began >= SLICE_SECONDS:
            await asyncio.sleep(0)
            self._began = perf_counter()
