"""The signals that end a command. They are caught from its beginning, so that it puts its things away whatever ends it."""

import asyncio
import os
import signal
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


@dataclass
class Stop:
    """Which signal ended the block; None while none has."""

    received: signal.Signals | None = None

    @property
    def exit_code(self) -> int:
        """As a shell reports a process that the signal ended."""
        return 128 + self.received if self.received else 0


@asynccontextmanager
async def until_signalled(on_stop: Callable[[], None]) -> AsyncIterator[Stop]:
    """The first signal calls `on_stop` and cancels the block, which ends here then; further ones change nothing."""
    running = asyncio.current_task()
    assert running is not None
    stop = Stop()

    def end(number: signal.Signals) -> None:
        if stop.received is None:
            stop.received = number
            if number == signal.SIGHUP:
                _leave_terminal()
            on_stop()
            running.cancel()

    for number in SIGNALS:
        if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
            continue  # under nohup it outlives its terminal
        asyncio.get_running_loop().add_signal_handler(number, end, number)
    try:
        yield stop
    except asyncio.CancelledError:
        if stop.received is None:
            raise


def _leave_terminal() -> None:
    """The terminal is gone: what is printed from now on goes nowhere; it would be an error in the middle of the cleanup."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        if stat.S_ISCHR(os.fstat(stream).st_mode):  # a terminal that has hung up is no tty any more
            os.dup2(nowhere, stream)
    os.close(nowhere)
