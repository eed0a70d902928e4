"""`pingcrm cluster` and `pingcrm promote`: what they can be called with."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from libs.common.config import Settings
from libs.local.cluster import Cluster
from libs.local.cluster.promotion import Outcome, promotions_served, request_promotion
from libs.local.cluster.running import servers_of
from libs.local.commands import console, failures_as_sentences
from libs.local.data_dir import create, default_data_dir
from libs.local.doctor import check_names
from libs.local.readiness import StackFailed
from libs.local.stop_signals import until_signalled

ClusterDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="The folder with all its data. Default: PingCRM's own, with -cluster at its end."),
]


def cluster(
    data_dir: ClusterDir = None,
    port: Annotated[
        int, typer.Option(help="Of the first gateway; 0 takes a free one, as the second always does.", min=0, max=65535)
    ] = 0,
) -> None:
    """Run a cluster on this machine, without containers, until Ctrl-C: to see what happens when a part of it dies.

    Three NATS servers with three copies of each stream, PostgreSQL with a standby that has every commit, one Valkey, and two replicas of
    every service. All on the loopback interface. What dies is started again; `pingcrm promote` makes the standby the primary.
    """
    with failures_as_sentences():
        Settings()
        if slips := [finding.sentence for finding in check_names(os.environ) if finding.level == "wrong"]:
            raise StackFailed("\n".join(slips))
        asyncio.run(_run(_folder(data_dir), port))


def promote(data_dir: ClusterDir = None) -> None:
    """Make the standby of a running `pingcrm cluster` its primary, and the primary its standby. The services find it by reconnecting."""
    with failures_as_sentences():
        _report(asyncio.run(request_promotion(servers_of(_folder(data_dir)))))


def _folder(chosen: Path | None) -> Path:
    if chosen:
        return chosen.expanduser().absolute()
    own = default_data_dir(os.environ)
    return own.with_name(f"{own.name}-cluster")


def _report(sentence: str) -> None:
    console.print(sentence, highlight=False, markup=False, soft_wrap=True)


async def _run(data_dir: Path, port: int) -> None:
    running: asyncio.Future[Cluster] = asyncio.get_running_loop().create_future()
    async with until_signalled(lambda: _report("Stopping …")):
        create(data_dir)
        create(servers_of(data_dir))
        async with (
            promotions_served(servers_of(data_dir), lambda: _promote(running)) as serving,
            Cluster.start(data_dir, {"PINGCRM_PORT": str(port)}, report=_report) as started,
        ):
            running.set_result(started)
            _print_addresses(started)
            try:
                await asyncio.Event().wait()
            finally:  # one that is under way would start a server again that is being stopped
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)


async def _promote(running: "asyncio.Future[Cluster]") -> Outcome:
    return await (await running).promote()


def _print_addresses(started: Cluster) -> None:
    first, second = started.stack.urls
    _report(f"PingCRM is at {first} and {second}, two gateways of one cluster.")
    primary, standby = started.postgres.nodes
    _report(
        f"PostgreSQL: the primary is {primary.title} at port {primary.port}, its standby {standby.title} at {standby.port}."
    )
    ports = ", ".join(str(server.port) for server in started.nats)
    _report(f"NATS: ports {ports}. Valkey: port {started.valkey.port}.")
    if not os.environ.get("PINGCRM_GOOGLE_CLIENT_ID"):
        _report("No Google client is set up: `pingcrm doctor` says how.")
    folder = started.stack.data_dir
    _report(
        f"Processes: {', '.join(f'{name} {pid}' for name, pid in started.processes.items())}. Kill any: it is started again."
    )
    _report(
        f"Logs: {folder / 'logs'} and {started.folder}. `pingcrm promote --data-dir {folder}` promotes the standby."
    )
    _report("Ctrl-C stops everything.")
