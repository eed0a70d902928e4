"""What all commands share: the terminal, the option --data-dir, failures reported in a sentence, and going on as a service."""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import nats.errors
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from libs.common.config import Settings
from libs.common.config.definitions import sentences
from libs.common.config.secret_files import UnusableSecretFile, without_adopted
from libs.common.ids import Service
from libs.local import ROOT
from libs.local.backup.failures import BackupFailed, NoInstallation, Unrestorable
from libs.local.bus_admin import Unreachable
from libs.local.cluster.promotion import NotPromoted
from libs.local.data_dir import InUse, Unusable, default_data_dir
from libs.local.dead import NoSuchDeadLetter
from libs.local.environment import secret_names, service_environment, settings_of
from libs.local.integrations import IntegrationExists, NoPassword, NoSuchIntegration
from libs.local.locate import NothingRuns, locate, secrets_for
from libs.local.readiness import StackFailed
from libs.local.schemas import MigrationFailed
from libs.local.secrets import LostSecrets, MissingSecret
from libs.local.servers import ServerFailed
from libs.local.servers.unprivileged import NoUnprivilegedUser
from libs.local.users import NoSuchUser

DataDir = Annotated[
    Path | None, typer.Option(help="The folder with all data. Default: PINGCRM_DATA_DIR, else in your data home.")
]

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]

console = Console()

REPORTED = (
    BackupFailed, NoInstallation, Unrestorable,
    InUse, IntegrationExists, LostSecrets, MigrationFailed, MissingSecret, NoPassword, NoSuchDeadLetter, NoSuchIntegration,
    NoSuchUser, NothingRuns, NotPromoted, NoUnprivilegedUser, ServerFailed, StackFailed, Unreachable, Unusable,
    UnusableSecretFile, nats.errors.Error, OSError,
)  # fmt: skip


def become(module: str, service: Service, data_dir: Path | None, *arguments: str) -> None:
    """Go on as another module of ours, with the environment of a service."""
    with failures_as_sentences():
        Settings()
        environment = without_adopted(os.environ, secret_names())
        if not all(os.environ.get(name) for name in ("PINGCRM_POSTGRES_URL", "PINGCRM_NATS_URL", "PINGCRM_REDIS_URL")):
            folder = data_dir_of(data_dir)
            servers = locate(folder, {}).servers
            if not servers.postgres:
                raise NothingRuns(
                    f"{service} needs PINGCRM_POSTGRES_URL, PINGCRM_NATS_URL and PINGCRM_REDIS_URL, or a `pingcrm up` on {folder}."
                )
            secrets = secrets_for(folder, os.environ)
            environment = service_environment(service, os.environ, settings_of(os.environ), servers, secrets)
        os.chdir(ROOT)
        sys.stdout.flush()
        command = [sys.executable, "-m", "libs.local.foreground", module, *arguments]
        os.execve(sys.executable, command, environment)  # noqa: S606 -- no shell wanted


def print_rows(rows: Sequence[Mapping[str, object]], none: str, *, as_json: bool, caption: str = "") -> None:
    """A table of rows with the same columns, or one sentence where there are none; or all of it as JSON."""
    if as_json:
        sys.stdout.write(json.dumps(rows, indent=2, default=str, ensure_ascii=False) + "\n")
    elif not rows:
        console.print(none)
    else:
        columns = (Column(name, overflow="fold") for name in rows[0])  # on a narrow terminal, too, all of it is there
        table = Table(*columns, caption=caption or None)
        for row in rows:
            table.add_row(
                *(escape("\n".join(map(str, cell)) if isinstance(cell, list) else str(cell)) for cell in row.values())
            )
        console.print(table)


def data_dir_of(chosen: Path | None) -> Path:
    return chosen.expanduser().absolute() if chosen else default_data_dir(os.environ)


@contextmanager
def failures_as_sentences() -> Iterator[None]:
    """Failures that are no fault of ours end the command with their message and exit code 1."""
    try:
        yield
    except ValidationError as error:
        raise _failed(*sentences(error)) from error
    except REPORTED as error:
        raise _failed(_sentence(error)) from error
    except ExceptionGroup as group:
        leaves = list(_leaves(group))
        if not all(isinstance(leaf, REPORTED) for leaf in leaves):
            raise
        raise _failed(*map(_sentence, leaves)) from group


def _leaves(group: ExceptionGroup[Exception]) -> Iterator[Exception]:
    for error in group.exceptions:
        if isinstance(error, ExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _sentence(error: Exception) -> str:
    return str(error) or type(error).__name__


def _failed(*messages: str) -> typer.Exit:
    for message in messages:
        print(message, file=sys.stderr)
    return typer.Exit(1)
