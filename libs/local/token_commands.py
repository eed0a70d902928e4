"""`pingcrm token`: create, list, revoke."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

import typer

from libs.common.requests import MAX_TOKEN_DAYS, TOKEN_DAYS
from libs.local.commands import AsJson, DataDir, become

COMMAND = "services.auth.token_command"


class Scope(StrEnum):
    """What a token may do, as the command line offers it."""

    READ = "read"
    WRITE = "write"
    ACCOUNT = "account"


token = typer.Typer(help="API tokens of a user of this installation, for programs.", no_args_is_help=True)

OfUser = Annotated[
    str | None, typer.Option("--user", help="An address of the user's. Left out: the only user there is.")
]


@token.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for, such as `telegram connector`.")],
    user: OfUser = None,
    scope: Annotated[
        list[Scope] | None,
        typer.Option(
            help="What it may do, once for each: `read` what the user sees; `write` people, notes, notifications, and send briefs;"
            " `account`: sync, settings, exports, disconnecting. Left out: read."
        ),
    ] = None,
    days: Annotated[int, typer.Option(help="It ends after so many.", min=1, max=MAX_TOKEN_DAYS)] = TOKEN_DAYS,
    data_dir: DataDir = None,
) -> None:
    """Print a new token. It is shown this once: only its fingerprint is stored."""
    scopes = [f"--scope={chosen.value}" for chosen in scope or ()]
    become(COMMAND, "auth", data_dir, "create", *_of(user), f"--days={days}", *scopes, "--", name)


@token.command("list")
def list_tokens(user: OfUser = None, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List a user's tokens: id, scopes, end, last use, name. Not the tokens themselves."""
    become(COMMAND, "auth", data_dir, "list", *_of(user), *(("--json",) if as_json else ()))


@token.command()
def revoke(
    token_id: Annotated[UUID, typer.Argument(metavar="ID", help="As listed.")],
    user: OfUser = None,
    data_dir: DataDir = None,
) -> None:
    """Revoke a token: programs that use it are refused from now on."""
    become(COMMAND, "auth", data_dir, "revoke", *_of(user), str(token_id))


def _of(user: str | None) -> tuple[str, ...]:
    return () if user is None else (f"--user={user}",)
