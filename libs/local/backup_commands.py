"""`pingcrm backup` and `pingcrm restore`."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import asyncpg
import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from libs.common import __version__
from libs.common.config import Settings
from libs.local.backup.archive import Archive
from libs.local.backup.backing_up import back_up, choose_file, source
from libs.local.backup.contents import Show
from libs.local.backup.failures import BackupFailed
from libs.local.backup.keys import ids_of, read_keys, write_keys
from libs.local.backup.manifest import Manifest
from libs.local.backup.restoring import check, give_up_unreadable_tokens, keys_of, restore_into, target
from libs.local.commands import DataDir, console, data_dir_of, failures_as_sentences
from libs.local.secrets import FILE, SECRET_KEYS
from libs.local.stop_signals import until_signalled


def backup(
    destination: Annotated[Path, typer.Argument(metavar="FOLDER_OR_FILE", help="Where the backup goes.")],
    keys: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Copy the keys, too: into this file, in another folder than the backup's."),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Write everything but the keys into one file; PingCRM may run meanwhile."""
    with failures_as_sentences():
        folder, now = data_dir_of(data_dir), datetime.now(UTC)
        file = choose_file(destination.expanduser().absolute(), now)
        if keys and (keys := keys.expanduser().absolute()).parent.resolve() == file.parent.resolve():
            raise typer.BadParameter(
                f"whoever copies {file.parent} would have both the tokens and what opens them: choose another folder",
                param_hint="--keys",
            )

        known = keys_of(folder, os.environ, {})
        if keys and SECRET_KEYS not in known:
            raise BackupFailed("The keys are not here: keep a copy of the .env, apart from the backups.")

        async def work(show: Show) -> None:
            async with source(folder, os.environ) as found:
                manifest = await back_up(found, file, now, show)
            _report(f"{file}: {file.stat().st_size:,} bytes, {_summary(manifest)}.")
            if found.unknown:
                _report(f"The logins of integrations are not in it: {found.unknown}")
            if keys:
                write_keys(keys, known)
            _report(_about_keys(folder, os.environ, keys))

        _run(work)


def restore(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A backup that `pingcrm backup` wrote.", exists=True, dir_okay=False)
    ],
    keys: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", exists=True, help="Where the keys are: a copy of them, of secrets.json, or of the .env."
        ),
    ] = None,
    without_keys: Annotated[
        bool,
        typer.Option("--without-keys", help="The keys are lost: each account has to be connected again afterwards."),
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Restore a backup into an installation that is new, and bring it up to date."""
    with failures_as_sentences():
        replicas, folder, path = Settings().stream_replicas, data_dir_of(data_dir), file.expanduser().absolute()
        known = keys_of(folder, os.environ, read_keys(keys) if keys else {})

        async def work(show: Show) -> None:
            with Archive(path, __version__) as archive:
                opened = await ids_of(known)
                check(archive, archive.manifest.sealed_with if without_keys else opened, show)
                async with target(folder, os.environ, known) as to:
                    await restore_into(to, archive, show, replicas=replicas)
                    lost = not set(archive.manifest.sealed_with) <= set(opened)
                    if lost and to.folder:
                        await give_up_unreadable_tokens(to, os.environ)
                _report(f"Restored {path.name}, {_summary(archive.manifest)}.")
                for sentence in _what_is_left(archive.manifest, lost=lost, own_folder=to.folder is not None):
                    _report(sentence)

        _run(work)


def _summary(manifest: Manifest) -> str:
    people, mail = manifest.rows["contacts.contacts"], manifest.rows["contacts.interactions"]
    users = manifest.rows["auth.users"]
    return (
        f"of {manifest.created_at:%Y-%m-%d %H:%M:%S} UTC, with {users:,} {'user' if users == 1 else 'users'},"
        f" {people:,} {'person' if people == 1 else 'people'} and {mail:,} {'interaction' if mail == 1 else 'interactions'}"
    )


def _about_keys(folder: Path, environment: Mapping[str, str], copied: Path | None) -> str:
    """Where the keys are, and why not in the backup."""
    why = "The keys are not in it: whoever finds the backup can't use the permissions of the Google accounts with it."
    if copied:
        return f"{why} They are in {copied} now: keep that apart from the backups."
    where = "in PINGCRM_SECRET_KEYS and PINGCRM_WEBHOOK_KEYS of auth and gateway (the .env)"
    if (folder / FILE).exists() and not environment.get(SECRET_KEYS):
        where = f"in {folder / FILE}"
    return f"{why} They are {where}: keep a copy of them elsewhere, for without them each account has to be connected again."


def _what_is_left(manifest: Manifest, *, lost: bool, own_folder: bool) -> Iterator[str]:
    if manifest.integrations:
        names = ", ".join(sorted(manifest.integrations))
        yield f"These integrations have new passwords (`pingcrm integration show NAME`): {names}."
    yield "Start `pingcrm up`." if own_folder else "Start the services, auth and gateway with the keys of before."
    if lost and own_folder:
        yield "The accounts whose permissions no key opens wait for their users to connect them again."
    elif lost:
        yield "If the keys are lost, run `python -m services.auth.lost_keys` beside auth: each user is asked to connect again."


def _report(sentence: str) -> None:
    console.print(sentence, highlight=False, markup=False, soft_wrap=True)


def _run(work: Callable[[Show], Awaitable[None]]) -> None:
    """With its progress shown where there is a terminal; a signal ends it, and what it has begun goes."""

    async def until_done() -> int:
        async with until_signalled(lambda: _report("Stopping …")) as stop:
            try:
                with _progress() as show:
                    await work(show)
            except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                raise BackupFailed(f"PostgreSQL refused: {error}") from error
        return stop.exit_code

    if code := asyncio.run(until_done()):
        raise typer.Exit(code)


@contextmanager
def _progress() -> Iterator[Show]:
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("Connecting", total=None)

        def show(what: str, done: int, total: int) -> None:
            size = f" ({done / 1_000_000:,.1f} MB)" if done and not total else ""
            progress.update(task, description=f"{what}{size}", completed=done, total=total or None)

        yield show
