"""`pingcrm demo`: what it can be called with."""

import os
from pathlib import Path
from typing import Annotated

import typer

from libs.common.addresses import canonical
from libs.common.config import Settings
from libs.local.commands import console, failures_as_sentences
from libs.local.doctor import check_names
from libs.local.readiness import StackFailed


def demo(
    once: Annotated[bool, typer.Option("--once", help="End by itself; exit code 0 only if all numbers agree.")] = False,
    mail: Annotated[
        Path | None,
        typer.Option(exists=True, help="An mbox, a maildir, a zip of these or a .jsonl(.gz) of Gmail messages."),
    ] = None,
    calendar: Annotated[Path | None, typer.Option(exists=True, help="An .ics or a .jsonl(.gz) of events.")] = None,
    contacts: Annotated[Path | None, typer.Option(exists=True, help="A .vcf or a .jsonl(.gz) of people.")] = None,
    takeout: Annotated[
        list[Path] | None, typer.Option(exists=True, help="A .zip of Google Takeout as it comes; may be repeated.")
    ] = None,
    owner: Annotated[str, typer.Option(help="Whose mail it is: an email address.")] = "",
    json: Annotated[Path | None, typer.Option(help="Write expected and actual numbers to this file.")] = None,
    port: Annotated[
        int, typer.Option(help="Where the web pages are served; 0 takes a free port.", min=0, max=65535)
    ] = 0,
) -> None:
    """Show all of PingCRM on a local Google: with a built-in mailbox, or with your own files of Google Takeout."""
    from libs.local.demo import Options, run  # it brings the local Google along, which no other command needs

    if bool(mail or calendar or contacts or takeout) != bool(owner):
        needed = "give --takeout, or --mail, --calendar or --contacts"
        missing = "--owner ADDRESS says whose files these are" if not owner else needed
        raise typer.BadParameter(missing, param_hint="--owner")
    if owner and canonical(owner) is None:
        raise typer.BadParameter(f"{owner} is no email address", param_hint="--owner")
    if json and not os.access(json.absolute().parent, os.W_OK):
        raise typer.BadParameter(
            f"there is no folder {json.absolute().parent} that can be written", param_hint="--json"
        )
    options = Options(
        once=once, mail=mail, calendar=calendar, contacts=contacts, takeout=tuple(takeout or ()), owner=owner, json_file=json, port=port
    )  # fmt: skip
    with failures_as_sentences():
        Settings()
        if slips := [finding.sentence for finding in check_names(os.environ) if finding.level == "wrong"]:
            raise StackFailed("\n".join(slips))
        raise typer.Exit(run(options, console))
