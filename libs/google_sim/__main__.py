"""`python -m libs.google_sim`: a local Google as a process of its own.

Prints one JSON line `{"url": …, "control_url": …}` when it listens, and runs until SIGINT or SIGTERM.
"""

import asyncio
import gc
import hashlib
import json
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop

from libs.google_sim.account import AccountData
from libs.google_sim.loaders import LoadError, load_calendar, load_mail, load_people, load_takeout, shift_to_now
from libs.google_sim.sample import sample as sample_accounts
from libs.google_sim.server import run_google

_OF = "or ADDRESS=VALUE where several accounts are given."
_UNITS = "Gmail quota units per minute; 0 is no limit."


def main(
    account: Annotated[list[str] | None, typer.Option(help="Address of an account; may be repeated.")] = None,
    name: Annotated[list[str] | None, typer.Option(help=f"Name of its person, {_OF}")] = None,
    mail: Annotated[
        list[str] | None, typer.Option(help=f"mbox, .eml, maildir, a folder or zip of these, or .jsonl(.gz), {_OF}")
    ] = None,
    calendar: Annotated[list[str] | None, typer.Option(help=f".ics or .jsonl(.gz), {_OF}")] = None,
    contacts: Annotated[list[str] | None, typer.Option(help=f".vcf or .jsonl(.gz), {_OF}")] = None,
    takeout: Annotated[
        list[str] | None, typer.Option(help=f"A .zip of Google Takeout, or a folder of them, {_OF}")
    ] = None,
    alias: Annotated[list[str] | None, typer.Option(help=f"Further address of the person, {_OF}")] = None,
    sample: Annotated[bool, typer.Option("--sample", help="Serve the built-in sample.")] = False,
    shift: Annotated[bool, typer.Option("--shift", help="Move times so that the newest mail is now.")] = False,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0: a free one.", min=0, max=65535)] = 0,
    control_port: Annotated[int, typer.Option(help="Of the control API; 0: a free one.", min=0, max=65535)] = 0,
    port_file: Annotated[Path | None, typer.Option(help="Also write the JSON line to this file.")] = None,
    client_id: Annotated[str, typer.Option(help="The only OAuth client there is; empty: any.")] = "",
    client_secret: Annotated[str, typer.Option(help="Its secret; empty: any.")] = "",
    token_seconds: Annotated[int, typer.Option(help="Life of access tokens.", min=1)] = 3600,
    user_units_per_minute: Annotated[int, typer.Option(help=f"Per user: {_UNITS}", min=0)] = 0,
    project_units_per_minute: Annotated[int, typer.Option(help=f"Of all users: {_UNITS}", min=0)] = 0,
    quota_status: Annotated[int, typer.Option(help="403, or 429 with Retry-After, beyond the quota.")] = 403,
    user_concurrency: Annotated[int, typer.Option(help="Gmail calls of a user at once; 0: any number.", min=0)] = 0,
    scope_on_refresh: Annotated[bool, typer.Option(help="Name the scopes when a token is refreshed.")] = True,
    keep_message_id: Annotated[bool, typer.Option(help="Sent mail keeps its Message-ID.")] = False,
    people_expired_status: Annotated[int, typer.Option(help="400 or 410 for an expired sync token.")] = 400,
    seed: Annotated[int | None, typer.Option(help="Of ids, chance and the sample; another one each time.")] = None,
) -> None:
    """Serve OAuth, Gmail, Calendar and People for accounts out of files, or for the sample."""
    now = datetime.now(UTC)
    if quota_status not in (403, 429):
        raise typer.BadParameter("403 or 429", param_hint="--quota-status")
    if people_expired_status not in (400, 410):
        raise typer.BadParameter("400 or 410", param_hint="--people-expired-status")
    try:
        accounts = _accounts(account or [], name, mail, calendar, contacts, takeout, alias)
    except (LoadError, ValueError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    if shift:
        for loaded in accounts:
            shift_to_now(loaded, now)
    if sample:
        accounts += sample_accounts(now) if seed is None else sample_accounts(now, seed)
    if not accounts:
        raise typer.BadParameter(
            "Nothing to serve: give --sample, or --account with --mail, --calendar, --contacts, --takeout."
        )
    gc.collect()
    gc.freeze()  # the mailboxes live as long as the process; looking through them again and again costs a quarter
    options = {
        "client_id": client_id,
        "client_secret": client_secret,
        "token_seconds": token_seconds,
        "user_units_per_minute": user_units_per_minute,
        "project_units_per_minute": project_units_per_minute,
        "quota_status": quota_status,
        "user_concurrency": user_concurrency,
        "scope_on_refresh": scope_on_refresh,
        "keep_message_id": keep_message_id,
        "people_expired_status": people_expired_status,
        "seed": seed,
    }
    try:
        uvloop.run(_serve(accounts, {"host": host, "port": port, "control_port": control_port}, options, port_file))
    except OSError as error:  # the address or port is not to be had, or the port file can't be written
        typer.echo(f"The local Google can't start: {error}", err=True)
        raise typer.Exit(1) from error


async def _serve(
    accounts: list[AccountData], places: dict[str, Any], options: dict[str, Any], port_file: Path | None
) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with run_google(accounts, **places, **options) as server:
        line = json.dumps({"url": server.url, "control_url": server.control_url})
        if port_file is not None:
            unfinished = port_file.with_name(f"{port_file.name}.new")
            unfinished.write_text(line)
            unfinished.rename(port_file)  # whoever waits for the file finds it whole
        typer.echo(line)
        await stopped.wait()


def _accounts(
    addresses: list[str],
    names: list[str] | None,
    mail: list[str] | None,
    calendars: list[str] | None,
    contacts: list[str] | None,
    takeouts: list[str] | None,
    aliases: list[str] | None,
) -> list[AccountData]:
    """The accounts that the options describe. Raises LoadError or ValueError with a sentence."""
    for address in addresses:
        if not all(address.partition("@")):
            raise ValueError(f"--account {address}: this is no email address.")
    name_of = _by_account(addresses, names, "--name")
    mail_of = _by_account(addresses, mail, "--mail")
    calendars_of = _by_account(addresses, calendars, "--calendar")
    contacts_of = _by_account(addresses, contacts, "--contacts")
    takeouts_of = _by_account(addresses, takeouts, "--takeout")
    aliases_of = _by_account(addresses, aliases, "--alias")
    accounts = [
        AccountData(
            address=address,
            name=(name_of[address] or [address.partition("@")[0].title()])[-1],
            sub=subject_of(address),
            aliases=aliases_of[address],
            messages=[
                message for path in mail_of[address] for message in load_mail(path, address, aliases_of[address])
            ],
            calendars=[entry for path in calendars_of[address] for entry in load_calendar(path, address)],
            people=[person for path in contacts_of[address] for person in load_people(path)],
        )
        for address in addresses
    ]
    for account in accounts:
        for path in takeouts_of[account.address]:
            taken = load_takeout(path, account.address, account.aliases)
            account.messages += taken.messages
            account.calendars += taken.calendars
            account.people += taken.people
    return accounts


def _by_account(addresses: list[str], values: list[str] | None, option: str) -> dict[str, list[str]]:
    """`VALUE` for the only account, `ADDRESS=VALUE` for one of several."""
    found: dict[str, list[str]] = {address: [] for address in addresses}
    for value in values or []:
        address, _, rest = value.partition("=")
        if address in found and rest:
            found[address].append(rest)
        elif len(addresses) == 1:
            found[addresses[0]].append(value)
        else:
            raise ValueError(f"{option} {value}: say whose it is, {option} ADDRESS={value}, and give that --account.")
    return found


def subject_of(address: str) -> str:
    """A stable `sub`: 21 digits made from the address."""
    digest = hashlib.sha256(address.strip().lower().encode()).digest()
    return f"1{int.from_bytes(digest[:12], 'big') % 10**20:020d}"


if __name__ == "__main__":
    typer.run(main)
