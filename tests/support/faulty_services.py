"""All five services as processes that fail or die at a fault point when a test wants it, and are started again when they died.

python -m tests.support.faulty_services FOLDER

FOLDER/config.json has the environment of each service. A test arms a point by writing a file: FOLDER/armed/<point>[@<of>] with the
words "fails" or "dies" in it. The process that reaches the point moves the file to FOLDER/reached and does so, once. This process has
imported everything before it starts a service as a copy of itself: to be started again takes a service no longer than to connect.
"""

import ctypes
import json
import os
import signal
import sys
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, NoReturn

from libs.common.bus import Bus
from libs.common.errors import Outage
from libs.common.fault_points import FaultPoint, act_at_fault_points
from libs.common.ids import SERVICES, Service
from libs.common.outbox import keep_relaying
from libs.common.service import run
from libs.local.process import PR_SET_PDEATHSIG
from tests.support.driven_clock import follow_clock

DIED = 70
ACK_WAIT_SECONDS = 1.0
_SHORT, _MOMENT = timedelta(seconds=1), timedelta(milliseconds=20)


async def _no_comparison(*_: Any) -> None:
    """In the place of a loop that makes good what was lost."""


# The pauses of the product made short, and its portions small: what it does is the same, only sooner, and in several steps.
# Copies of accounts are not compared with `auth` at the start: an event that is lost is to be noticed.
CHANGES: dict[str, Any] = {
    "libs.common.topology:ACK_WAIT_SECONDS": ACK_WAIT_SECONDS,
    "libs.common.bus.delivery:ACK_WAIT_SECONDS": ACK_WAIT_SECONDS,
    "libs.common.bus.delivery:RETRY_DELAYS": (0.05, 0.1, 0.2, 0.5, 1.0),
    "libs.common.bus.delivery:OUTAGE_DELAY_SECONDS": 0.05,
    "libs.common.idempotency:IN_PROGRESS": _SHORT,
    "libs.common.google.gmail:PAGE_SIZE": 5,
    "libs.common.google.people:PAGE_SIZE": 2,
    "libs.common.google.calendar:PAGE_SIZE": 2,
    "services.auth.store.access_tokens:LEASE": _SHORT,
    "services.auth.token_refresh:OUTAGE_PAUSE": _MOMENT,
    "services.sync.domain.runs:FIRST_PAUSE": _MOMENT,
    "services.sync.domain.runs:LONGEST_PAUSE": timedelta(milliseconds=200),
    "services.sync.handlers.account_states:keep_comparing": _no_comparison,
    "services.contacts.handlers.account_states:keep_comparing": _no_comparison,
    "services.sync.store.audits:REQUEST_AGAIN_AFTER": _SHORT,
    "services.sync.handlers.audits:LOOK_EVERY_SECONDS": 0.1,
    "services.sync.handlers.audits:SPREAD_SECONDS": 0,
    "services.sync.handlers.meetings:SCAN_CHECK_SECONDS": 0.1,
    "services.sync.handlers.requests:FIRST_PAUSE_SECONDS": 0.05,
    "services.sync.handlers.requests:LONGEST_IDLE_SECONDS": 0.2,
    "services.sync.handlers.requests:FIRST_IDLE_SECONDS": 0.1,
    "services.sync.handlers.schedules:LONGEST_LOOK_SECONDS": 0.2,
    "services.sync.handlers.schedules:SPREAD_SECONDS": 0,
    "services.sync.item_audit:QUIET_PAUSES_SECONDS": (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0),
    "services.sync.item_audit:COMPARED_AT_ONCE": 2,
    "services.sync.mail.audit:QUIET_PAUSES_SECONDS": (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0),
    "services.sync.mail.audit:COMPARED_AT_ONCE": 4,
    "services.sync.mail.listing:AHEAD": 3,
    "services.sync.runs.leases:LEASE": _SHORT,
    "services.sync.runs.leases:RENEW_EVERY_SECONDS": 0.25,
    "services.sync.runs.worker:LOOK_EVERY_SECONDS": 0.05,
    "services.sync.store.leases:LEASE": _SHORT,
    "services.contacts.account_purge:OBSERVATIONS_AT_ONCE": 5,
    "services.contacts.account_purge:CARDS_AT_ONCE": 2,
    "services.contacts.bcc_offers:SETTLING_TIME": _MOMENT,
    "services.contacts.context:PAUSE_BETWEEN_CHUNKS_SECONDS": 0.001,
    "services.contacts.handlers.bcc_offers:EVERY_SECONDS": 0.1,
    "services.contacts.handlers.duplicates:EVERY_SECONDS": 0.1,
    "services.contacts.handlers.scores:EVERY_SECONDS": 0.1,
    "services.contacts.duplicates:CONTACTS_AT_ONCE": 3,
    "services.contacts.rechecks:ADDRESSES_AT_ONCE": 3,
    "services.contacts.rechecks:INTERACTIONS_AT_ONCE": 3,
    "services.contacts.scoring:CONTACTS_AT_ONCE": 3,
    "services.contacts.user_deletion:ROWS_AT_ONCE": 3,
    "services.prep.briefing:RETRY_PAUSES": (_MOMENT,),
    "services.prep.handlers.abandoned:EVERY_SECONDS": 0.2,
    "services.prep.briefing:UNCONFIRMED_PAUSE": _MOMENT,
    "services.prep.leasing:RETRY_PAUSES": (_MOMENT,),
    "services.prep.store.preps:LEASE": _SHORT,
    "services.gateway.api.accounts:DISCONNECT_SECONDS": 1.5,
    "services.gateway.api.endpoint:COMMAND_SECONDS": 1.5,
    "services.gateway.api.endpoint:REQUEST_TIMEOUT_SECONDS": 1.5,
    "services.gateway.api.me:DELETE_SECONDS": 1.5,
    "services.gateway.api.meetings:SEND_SECONDS": 1.5,
    "services.gateway.export:PAGE": 3,
    "services.gateway.export:REQUEST_SECONDS": 3.0,
    "services.gateway.limits.exports:LEASE": _SHORT,
    "services.gateway.pages.sign_in:FINISH_SECONDS": 1.5,
    "services.gateway.webhook_delivery.sender:LEASE": _SHORT,
    "services.gateway.webhook_delivery.sender:POLL_SECONDS": 0.1,
    "services.gateway.webhook_delivery.sender:SETTINGS_RETRY_DELAY": _MOMENT,
}


def armed_name(point: str, of: str = "") -> str:
    """How the file is called that arms a point."""
    return f"{point}@{of}" if of else point


def _prepare() -> dict[Service, Any]:
    """Import and change everything; the `wire` of each service."""
    wires = {service: import_module(f"services.{service}.__main__").wire for service in SERVICES}
    for place, value in CHANGES.items():
        module, _, name = place.partition(":")
        resolve_name(place)  # a name that is gone is an error, and no new attribute
        setattr(import_module(module), name, value)
    Bus.request.__kwdefaults__["seconds"] = 1.5
    keep_relaying.__defaults__ = (0.1, None)
    return wires


def _act_in(folder: Path) -> None:
    async def act(point: FaultPoint, of: str) -> None:
        name = armed_name(point, of)
        try:
            (folder / "armed" / name).rename(folder / "reached" / name)
        except FileNotFoundError:
            return
        if (folder / "reached" / name).read_text() == "dies":
            os._exit(DIED)
        raise Outage(f"A test lets {name} fail.")

    act_at_fault_points(act)


def _serve(service: Service, wire: Any, folder: Path, environment: dict[str, str]) -> NoReturn:
    """The rest of this process is the service's."""
    _end_with_parent()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    log = os.open(folder / f"{service}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.update(environment)
    _act_in(folder)
    follow_clock(folder)
    try:
        run(service, wire)
    finally:  # not through the frames of the process that this one is a copy of
        os._exit(1)


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def main(folder: Path) -> None:
    """Start every service, and start again whichever ends, until SIGTERM."""
    _end_with_parent()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    wires = _prepare()
    config: dict[Service, dict[str, str]] = json.loads((folder / "config.json").read_text())
    processes: dict[int, Service] = {}
    waiting = list(SERVICES)
    try:
        while True:
            for service in waiting:
                if (pid := os.fork()) == 0:
                    _serve(service, wires[service], folder, config[service])
                processes[pid] = service
            ended, _ = os.wait()
            waiting = [processes.pop(ended)]
    finally:
        for pid in processes:
            os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
