"""The `pingcrm` command. Exit codes: 0 done, 1 not done (a sentence explains it), 2 wrong usage."""

import asyncio
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from nats.js.errors import NotFoundError

from libs.common import __version__
from libs.common.asyncapi import document as asyncapi_document
from libs.common.config import Settings
from libs.common.config.secret_files import adopt_secret_files
from libs.common.ids import SERVICES
from libs.common.tls import servers_in, without_tls_files
from libs.local import nats_config, valkey_acl
from libs.local import secrets as secrets_file
from libs.local.backup_commands import backup, restore
from libs.local.bus_admin import Unreachable, admin_stream
from libs.local.cluster_commands import cluster, promote
from libs.local.commands import AsJson, DataDir, become, console, data_dir_of, failures_as_sentences, print_rows
from libs.local.dead_commands import dead
from libs.local.demo_command import demo
from libs.local.doctor import Finding, examine
from libs.local.environment import secret_names
from libs.local.integration_commands import integration
from libs.local.integrations import Integration, key_of, list_integrations
from libs.local.locate import locate, secrets_for
from libs.local.log_commands import logs
from libs.local.migrate import migrate as run_migrations
from libs.local.tick import CLOCKS
from libs.local.tick import tick as publish_tick
from libs.local.token_commands import token
from libs.local.up import up as run_up
from libs.local.urls import without_login

AtPort = Annotated[
    int | None,
    typer.Option("--port", help="Where the web pages are served. Default: PINGCRM_PORT, else 8025.", min=0, max=65535),
]

app = typer.Typer(
    name="pingcrm",
    help="PingCRM: your mail, contacts and meetings on one timeline per person. Settings are PINGCRM_* variables.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", is_eager=True, help="Print the version, and end.")] = False,
) -> None:
    if version:
        sys.stdout.write(f"pingcrm {__version__}\n")
        raise typer.Exit
    with failures_as_sentences():
        adopt_secret_files(os.environ, secret_names())


app.add_typer(dead, name="dead")
app.add_typer(token, name="token")
app.command()(logs)
app.command()(demo)
app.command()(cluster)
app.command()(promote)
app.add_typer(integration, name="integration")
app.command()(backup)
app.command()(restore)


@app.command()
def up(
    data_dir: DataDir = None,
    port: AtPort = None,
    logs: Annotated[
        bool, typer.Option("--logs", help="Show the services' logs here, in place of writing files.")
    ] = False,
    new_secrets: Annotated[
        bool,
        typer.Option(
            "--new-secrets",
            help="Where secrets.json is lost, make it anew without asking: the Google accounts have to be connected again.",
        ),
    ] = False,
) -> None:
    """Start everything on this machine, and stop it with Ctrl-C."""
    with failures_as_sentences():
        folder = data_dir_of(data_dir)
        renewing = new_secrets or _wants_new_secrets(folder)
        asyncio.run(run_up(folder, port, console, log_files=not logs, new_secrets=renewing))


def _wants_new_secrets(data_dir: Path) -> bool:
    """Ask the person where the folder's secrets are lost. Raises LostSecrets where nobody can be asked, or the reply is no."""
    lost = secrets_file.why_lost(data_dir, os.environ)
    if lost is None:
        return False
    if sys.stdin.isatty():
        print(lost, file=sys.stderr)
        try:
            if typer.confirm("Make new passwords and keys, and connect the accounts again?"):
                return True
        except typer.Abort:  # Ctrl-C, which needs no answer
            raise typer.Exit(128 + signal.SIGINT) from None
        lost = "Nothing was changed."
    raise secrets_file.LostSecrets(lost)


@app.command()
def run(
    service: Annotated[str, typer.Argument(help=f"One of {', '.join(SERVICES)}.")],
    data_dir: DataDir = None,
) -> None:
    """Run one service in the foreground.

    With the URLs of its servers in the environment (its own logins); else on the servers of the `pingcrm up` that runs here.
    """
    if service not in SERVICES:
        raise typer.BadParameter(f"there is no service {service}; the services are {', '.join(SERVICES)}")
    become(f"services.{service}", service, data_dir)


@app.command()
def rotate(data_dir: DataDir = None) -> None:
    """Re-encrypt the refresh tokens under the first of PINGCRM_SECRET_KEYS. As often as you like."""
    become("services.auth.rotate", "auth", data_dir)


@app.command()
def migrate(
    data_dir: DataDir = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for each server.")] = 60.0,
) -> None:
    """Bring roles, schemas, streams, consumers and schedules up to date. As often as you like."""
    with failures_as_sentences():
        settings = Settings()
        folder = data_dir_of(data_dir)
        located = locate(folder, os.environ)
        secrets = secrets_for(folder, os.environ)
        declared = asyncio.run(
            run_migrations(
                located.postgres(),
                located.nats(),
                secrets,
                replicas=settings.stream_replicas,
                timeout=timeout,
                report=lambda sentence: console.print(sentence, markup=False, highlight=False, soft_wrap=True),
            )
        )
        for name in declared.deleted_consumers:
            console.print(f"Deleted the consumer {name}: no event in libs/common/events names it any more.")
        for subject in declared.published_schedules:
            console.print(f"Scheduled {subject}.")
        console.print("Everything is up to date.")


@app.command()
def doctor(data_dir: DataDir = None, port: AtPort = None, as_json: AsJson = False) -> None:
    """Report what is wrong with the configuration. Exit code 1 where something is."""
    marks = {"ok": "[green]ok   [/]", "note": "[yellow]note [/]", "todo": "[red]todo [/]", "wrong": "[red]wrong[/]"}

    async def check() -> list[Finding]:
        found = []
        async for finding in examine(os.environ, data_dir_of(data_dir), port):
            found.append(finding)
            if not as_json:
                console.print(f"{marks[finding.level]} ", end="")
                console.print(finding.sentence, markup=False, highlight=False, soft_wrap=True)
        return found

    with failures_as_sentences():
        found = asyncio.run(check())
        if as_json:
            print_rows([asdict(finding) for finding in found], "", as_json=True)
        if any(finding.level in ("todo", "wrong") for finding in found):
            raise typer.Exit(1)


@app.command()
def secrets(
    missing_from: Annotated[
        Path | None,
        typer.Option(help="Print only what this file does not set yet, to be added to it after an upgrade."),
    ] = None,
) -> None:
    """Print a complete set of fresh passwords and keys, as a file for `docker compose --env-file`. Nothing is stored."""
    with failures_as_sentences():
        kept = missing_from.read_text() if missing_from and missing_from.exists() else ""
        sys.stdout.write(secrets_file.as_env_file(secrets_file.generate(), without=secrets_file.names_in(kept)))


@app.command("nats-config")
def nats_config_command(
    data_dir: DataDir = None,
    env: Annotated[
        bool, typer.Option("--env", help="Refer to the environment for passwords: this is deploy/nats.conf.")
    ] = False,
) -> None:
    """Print the configuration of a NATS server: users, and what each may publish and subscribe to.

    Where a server is reached, with the logins of its integrations.
    """
    with failures_as_sentences():
        folder = data_dir_of(data_dir)
        url = locate(folder, os.environ).servers.nats
        integrations = asyncio.run(_integrations_of(url)) if url else []
        secrets = None if env else secrets_for(folder, os.environ)
        sys.stdout.write(nats_config.deployed(secrets, integrations, key_of(url) if integrations else ""))


async def _integrations_of(url: str) -> list[Integration]:
    """Those that the server has; none, and a sentence beside the configuration, where it can't be asked: it may not run yet."""
    try:
        async with admin_stream(url) as js:
            return [waiting.integration for waiting in await list_integrations(js)]
    except (Unreachable, NotFoundError) as error:
        print(f"Without the logins of integrations: {error}", file=sys.stderr)
        return []


@app.command()
def asyncapi(data_dir: DataDir = None) -> None:
    """Print the AsyncAPI document of the bus, with the address of the NATS server that runs here."""
    with failures_as_sentences():
        urls = servers_in(locate(data_dir_of(data_dir), os.environ).nats())
        bare = [without_login(without_tls_files(url)[0]) for url in urls]
        sys.stdout.write(asyncapi_document([url.partition("//")[2] for url in bare]))


@app.command("redis-acl")
def redis_acl_command(
    data_dir: DataDir = None,
    env: Annotated[
        bool,
        typer.Option("--env", help="A script that takes passwords out of its environment: this is deploy/valkey.sh."),
    ] = False,
) -> None:
    """Print the users of a Redis or Valkey server of your own, for its ACL file: each service's login opens its own keys only."""
    with failures_as_sentences():
        users = valkey_acl.deployed() if env else valkey_acl.acl(secrets_for(data_dir_of(data_dir), os.environ))
        sys.stdout.write(users)


@app.command()
def tick(
    clock: Annotated[str, typer.Argument(help=f"One of {', '.join(CLOCKS)}.")],
    data_dir: DataDir = None,
) -> None:
    """Do now what a schedule would do later."""
    if clock not in CLOCKS:
        raise typer.BadParameter(f"there is no clock {clock}; the clocks are {', '.join(CLOCKS)}")
    with failures_as_sentences():
        asyncio.run(publish_tick(locate(data_dir_of(data_dir), os.environ).nats(), clock))
        console.print(f"Said clock.{clock}.")


def main() -> None:
    """The entry point of the `pingcrm` command."""
    app(prog_name="pingcrm")
