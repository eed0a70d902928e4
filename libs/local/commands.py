"""What all commands share: the terminal, the option --data-dir, failures reported in a sentence, and going on as a service."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import nats.errors
import typer
from pydantic import ValidationError
from rich.console import Console

from libs.common.config import Settings
from libs.common.ids import Service
from libs.local import ROOT
from libs.local.backup.failures import BackupFailed, NoInstallation, Unrestorable
from libs.local.bus_admin import Unreachable
from libs.local.data_dir import InUse, Unusable, default_data_dir
from libs.local.dead import NoSuchDeadLetter
from libs.local.environment import service_environment, settings_of
from libs.local.integrations import IntegrationExists, NoPassword, NoSuchIntegration
from libs.local.locate import NothingRuns, locate, secrets_for
from libs.local.schemas import MigrationFailed
from libs.local.secrets import LostSecrets, MissingSecret
from libs.local.servers import ServerFailed
from libs.local.servers.unprivileged import NoUnprivilegedUser
from libs.local.supervisor import StackFailed
from libs.local.users import NoSuchUser

DataDir = Annotated[
    Path | None, typer.Option(help="The folder with all data. Default: PINGCRM_DATA_DIR, else in your data home.")
]

console = Console()

REPORTED = (
    BackupFailed, NoInstallation, Unrestorable,
    InUse, IntegrationExists, LostSecrets, MigrationFailed, MissingSecret, NoPassword, NoSuchDeadLetter, NoSuchIntegration,
    NoSuchUser, NothingRuns, NoUnprivilegedUser, ServerFailed, StackFailed, Unreachable, Unusable, nats.errors.Error, OSError,
)  # fmt: skip


def become(module: str, service: Service, data_dir: Path | None, *arguments: str) -> None:
    """Go on as another module of ours, with the environment of a service."""
    with failures_as_sentences():
        Settings()
        environment = dict(os.environ)
        if not all(environment.get(name) for name in ("PINGCRM_POSTGRES_URL", "PINGCRM_NATS_URL", "PINGCRM_REDIS_URL")):
            folder = data_dir_of(data_dir)
            servers = locate(folder, {}).servers
            if not servers.postgres:
                raise NothingRuns(
                    f"{service} needs PINGCRM_POSTGRES_URL, PINGCRM_NATS_URL and PINGCRM_REDIS_URL, or a `pingcrm up` on {folder}."
                )
            secrets = secrets_for(folder, environment)
            environment = service_environment(service, os.environ, settings_of(os.environ), servers, secrets)
        os.chdir(ROOT)
        sys.stdout.flush()
        os.execve(sys.executable, [sys.executable, "-m", module, *arguments], environment)  # noqa: S606 -- no shell wanted


def data_dir_of(chosen: Path | None) -> Path:
    return chosen.expanduser().absolute() if chosen else default_data_dir(os.environ)


@contextmanager
def failures_as_sentences() -> Iterator[None]:
    """Failures that are no fault of ours end the command with their message and exit code 1."""
    try:
        yield
    except ValidationError as error:
        raise _failed("Settings are not valid; `pingcrm doctor` says which.") from error
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
