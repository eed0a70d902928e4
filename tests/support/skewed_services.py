"""A service on a machine whose clock is wrong: python -m tests.support.skewed_services SERVICE SECONDS

`datetime.now` and `time.time` are ahead by so many seconds in all modules of ours; the servers' clocks are right.
"""

import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, tzinfo
from importlib import import_module
from typing import Any

import pytest

from libs.common.service import run
from libs.local import supervisor
from libs.local.process import Process
from tests.support.driven_clock import InAllElse

OURS = ("libs.", "services.")


def shift_clock(seconds: float) -> None:
    """From now on, in all of our modules that are imported already."""
    right_time = time.time

    class Shifted(metaclass=InAllElse):
        @staticmethod
        def now(tz: tzinfo | None = None) -> datetime:
            return datetime.now(tz) + timedelta(seconds=seconds)

    time.time = lambda: right_time() + seconds
    for name, module in list(sys.modules.items()):
        if name.startswith(OURS) and vars(module).get("datetime") is datetime:
            vars(module)["datetime"] = Shifted


def skew_services(monkeypatch: pytest.MonkeyPatch, seconds: Mapping[str, float]) -> None:
    """Stacks that are started from now on have services with such clocks, by name: `sync`, its further replicas `sync-1`…"""
    spawn: Callable[..., Process] = supervisor.spawn

    def spawn_skewed(command: list[str], **options: Any) -> Process:
        name = options["log"].stem
        service = command[-1].removeprefix("services.")
        return spawn([*command[:-1], "tests.support.skewed_services", service, str(seconds[name])], **options)

    monkeypatch.setattr(supervisor, "spawn", spawn_skewed)


if __name__ == "__main__":
    main = import_module(f"services.{sys.argv[1]}.__main__")
    shift_clock(float(sys.argv[2]))
    run(sys.argv[1], main.wire)  # type: ignore[arg-type]
