"""`pingcrm integration`: create, list, show, rotate, revoke."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from nats.js import JetStreamContext

from libs.common.events import OFFERED, Event
from libs.common.integrations import INTEGRATION_STREAM, PUBLISHABLE, Grants, published_subjects
from libs.common.topology import inbox_prefix
from libs.local import integrations as registry
from libs.local.bus_admin import admin_stream
from libs.local.commands import AsJson, DataDir, console, data_dir_of, failures_as_sentences, print_rows
from libs.local.integration_logins import let_in, own_server, until_in_force
from libs.local.integration_program import program
from libs.local.integrations import Integration, Waiting
from libs.local.locate import Located, locate, secrets_for
from libs.local.servers import Nats
from libs.local.urls import postgres_url, without_login
from libs.local.users import User, find_user, list_users

integration = typer.Typer(
    help="Programs of others on the bus, each with a login that may do just what it was given.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(help="Lower-case letters, digits and hyphens, a letter first.")]
NOBODY = "USER_ID"
LOAD = (
    "This NATS server is not run by `pingcrm up`: write its configuration anew (`pingcrm nats-config`, with containers"
    " `docker compose run --rm -T migrate nats-config --env`) and have it read that (`nats-server --signal reload`,"
    " `docker compose kill -s HUP nats`)."
)


@dataclass(frozen=True)
class _Session:
    """The bus as its administrator, and the server where it is ours."""

    located: Located
    js: JetStreamContext
    server: Nats | None

    @property
    def admin_url(self) -> str:
        return self.located.nats()

    async def users(self) -> list[User]:
        secrets = secrets_for(self.located.data_dir, os.environ)
        return await list_users(postgres_url(self.located.postgres(), "auth", secrets))

    async def put_in_force(self, url: str, *, accepted: bool) -> None:
        """The server's logins follow the integrations; or a sentence for whoever has to see to that."""
        if self.server is None:
            console.print(LOAD, markup=False, highlight=False, soft_wrap=True)
            return
        await let_in(self.server, self.js)
        await until_in_force(url, accepted=accepted)


@asynccontextmanager
async def _session(data_dir: Path | None) -> AsyncIterator[_Session]:
    folder = data_dir_of(data_dir)
    located = locate(folder, os.environ)
    registry.key_of(located.nats())
    async with admin_stream(located.nats()) as js:
        yield _Session(located, js, own_server(folder, os.environ))


@integration.command()
def create(
    name: Name,
    publish: Annotated[
        list[str] | None, typer.Option(help=f"Of {', '.join(event.subject for event in PUBLISHABLE)}; commas between.")
    ] = None,
    subscribe: Annotated[
        list[str] | None, typer.Option(help=f"Of {', '.join(event.subject for event in OFFERED)}; commas between.")
    ] = None,
    user: Annotated[
        list[str] | None,
        typer.Option(
            help="An address of a user: only about this user (repeatable). Default: every user, also those to come."
        ),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Make a login, and keep from now on what it subscribes to. Prints what `show` does."""
    if not registry.NAME.fullmatch(name):
        raise typer.BadParameter(
            "lower-case letters, digits and hyphens, a letter first, at most 31", param_hint="NAME"
        )
    published = _events(publish, PUBLISHABLE, "--publish")
    subscribed = _events(subscribe, OFFERED, "--subscribe")
    if not published and not subscribed:
        raise typer.BadParameter("what may it do? Give --publish, --subscribe or both")

    async def make() -> None:
        async with _session(data_dir) as session:
            known = await session.users()
            chosen = tuple(dict.fromkeys(find_user(known, address) for address in user or ()))
            made = await registry.create_integration(session.js, name, Grants(published, subscribed, chosen))
            await session.put_in_force(made.url(session.admin_url), accepted=True)
            _print(await registry.get_integration(session.js, name), session.admin_url, known)

    with failures_as_sentences():
        asyncio.run(make())


@integration.command("list")
def list_all(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List them: of whom, what they may do, what waits for them, when they last pulled."""

    async def get() -> list[dict[str, object]]:
        async with _session(data_dir) as session:
            known = await session.users()
            return [_row(waiting, known) for waiting in await registry.list_integrations(session.js)]

    with failures_as_sentences():
        print_rows(asyncio.run(get()), "There are no integrations.", as_json=as_json)


def _row(waiting: Waiting, known: Sequence[User]) -> dict[str, object]:
    grants = waiting.integration.grants
    return {
        "name": waiting.integration.name,
        "users": _shown_users(grants, known) or ["every user"],
        "publishes": [event.subject for event in grants.publish],
        "subscribes to": [event.subject for event in grants.subscribe],
        "waiting": waiting.messages,
        "last pulled": _shown_time(waiting.pulled_at),
    }


@integration.command()
def show(name: Name, data_dir: DataDir = None) -> None:
    """Show how it connects, with its password, and a program that works as it is."""

    async def get() -> None:
        async with _session(data_dir) as session:
            waiting = await registry.get_integration(session.js, name)
            _print(waiting, session.admin_url, await session.users())

    with failures_as_sentences():
        asyncio.run(get())


@integration.command()
def rotate(name: Name, data_dir: DataDir = None) -> None:
    """Give it another password. Whoever uses the old one is disconnected, nobody else is; what waits for it goes on waiting."""

    async def turn() -> None:
        async with _session(data_dir) as session:
            rotated = await registry.rotate_integration(session.js, name)
            await session.put_in_force(rotated.url(session.admin_url), accepted=True)
            _print(await registry.get_integration(session.js, name), session.admin_url, await session.users())

    with failures_as_sentences():
        asyncio.run(turn())


@integration.command()
def revoke(name: Name, data_dir: DataDir = None) -> None:
    """Take its login away, and forget what waits for it. It gets nothing more from this moment on."""

    async def take() -> None:
        async with _session(data_dir) as session:
            gone = (await registry.get_integration(session.js, name)).integration
            await registry.delete_integration(session.js, name)
            await session.put_in_force(gone.url(session.admin_url), accepted=False)
            console.print(f"Revoked {name}.", highlight=False)

    with failures_as_sentences():
        asyncio.run(take())


def _events(chosen: Sequence[str] | None, among: Sequence[type[Event]], option: str) -> tuple[type[Event], ...]:
    """Those of the subjects, which may stand with commas between. Raises BadParameter for one that is not offered."""
    subjects = [subject for part in chosen or () for subject in part.replace(",", " ").split()]
    known = {event.subject: event for event in among}
    for subject in subjects:
        if subject not in known:
            raise typer.BadParameter(f"{subject} is none of {', '.join(known)}", param_hint=option)
    return tuple(dict.fromkeys(known[subject] for subject in subjects))


def _shown_users(grants: Grants, known: Sequence[User]) -> list[str]:
    addresses = {user.id: " ".join(user.addresses) for user in known}
    return [addresses.get(user, "") or f"{user} (not connected)" for user in grants.users]


def _shown_time(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC") if at else "never"


def _print(waiting: Waiting, admin_url: str, known: Sequence[User]) -> None:
    """Everything that its author needs; the program comes last, so that it can be copied to the end."""
    of = waiting.integration
    url = of.url(admin_url)
    about = [user for user in known if not of.grants.users or user.id in of.grants.users]
    lines = {
        "integration": of.name,
        "made": _shown_time(of.created_at),
        "users": "; ".join(_shown_users(of.grants, known)) or "every user of this installation, also those to come",
        "publishes": ", ".join(published_subjects(of.name, of.grants)) or "nothing",
        "subscribes to": ", ".join(event.subject for event in of.grants.subscribe) or "nothing but what was rejected of its own",
        "server": without_login(url),
        "login": of.user,
        "password": of.password(registry.key_of(admin_url)),
        "inbox prefix": inbox_prefix(of.user),
        "stream, consumer": f"{INTEGRATION_STREAM}, {of.name}",
        "waiting": f"{waiting.messages}; last pulled: {_shown_time(waiting.pulled_at)}",
    }  # fmt: skip
    for name, value in lines.items():
        console.print(f"{name}: {value}", markup=False, highlight=False, soft_wrap=True)
    for user in about[:20]:
        shown = f"user_id {user.id}: {' '.join(user.addresses)}"
        console.print(shown, markup=False, highlight=False, soft_wrap=True)
    sys.stdout.flush()
    sys.stdout.write(f"\n{program(of, url, _first_id(of, about))}")


def _first_id(of: Integration, about: Sequence[User]) -> str:
    """Whom the sample in the program is about."""
    return str(next((user.id for user in about), of.grants.users[0] if of.grants.users else NOBODY))
