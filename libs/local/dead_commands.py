"""`pingcrm dead`: list, show, replay."""

import asyncio
import os
import sys
from typing import Annotated

import typer

from libs.common.ids import SERVICES
from libs.local import dead as dead_letters
from libs.local.bus_admin import admin_stream
from libs.local.commands import AsJson, DataDir, console, data_dir_of, failures_as_sentences, print_rows
from libs.local.locate import locate

dead = typer.Typer(help="Messages that a service gave up on: look at them, and replay them.", no_args_is_help=True)

COLUMNS = ("number", "at", "consumer", "subject", "attempts", "reason")

OfService = Annotated[str, typer.Option("--service", help=f"Only those of one of {', '.join(SERVICES)}.")]


def _service(name: str) -> str:
    if name and name not in SERVICES:
        raise typer.BadParameter(f"there is no service {name}; the services are {', '.join(SERVICES)}")
    return name or "*"


@dead.command("list")
def list_letters(
    data_dir: DataDir = None,
    service: OfService = "",
    limit: Annotated[int, typer.Option(help="At most so many, oldest first.", min=1)] = 100,
    as_json: AsJson = False,
) -> None:
    """List them: when, who gave up, on what, why. Payloads are private and not shown."""
    wanted = _service(service)

    async def letters() -> list[dict[str, object]]:
        """One more than are shown, where there are more."""
        rows: list[dict[str, object]] = []
        async with admin_stream(locate(data_dir_of(data_dir), os.environ).nats()) as js:
            async for letter in dead_letters.iterate_dead_letters(js, wanted):
                rows.append({column: getattr(letter, column) for column in COLUMNS})
                if len(rows) > limit:
                    break
        return rows

    with failures_as_sentences():
        rows = asyncio.run(letters())
        caption = f"The first {limit}; --limit shows more." if len(rows) > limit else ""
        print_rows(rows[:limit], "There are no dead letters.", as_json=as_json, caption=caption)


@dead.command()
def show(number: Annotated[int, typer.Argument(help="As listed.")], data_dir: DataDir = None) -> None:
    """Show one in full, with its payload, which may be private."""

    async def get() -> dead_letters.DeadLetter:
        async with admin_stream(locate(data_dir_of(data_dir), os.environ).nats()) as js:
            return await dead_letters.get_dead_letter(js, number)

    with failures_as_sentences():
        letter = asyncio.run(get())
        for name in ("number", "at", "consumer", "subject", "attempts", "reason", "trace"):
            console.print(f"{name}: {getattr(letter, name)}", markup=False, highlight=False, soft_wrap=True)
        sys.stdout.write(f"\n{letter.payload.decode(errors='replace')}\n")


@dead.command()
def replay(
    numbers: Annotated[list[int] | None, typer.Argument(help="As listed.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    service: OfService = "",
    data_dir: DataDir = None,
) -> None:
    """Publish them again on their subjects, and remove them here. What fails again comes back as a new dead letter.

    One whose service neither consumes nor publishes its subject is not published, and stays; the others go on, and the exit code is 1.
    """
    if bool(numbers) == everything:
        raise typer.BadParameter("give numbers, or --all")
    wanted = _service(service)

    async def again() -> tuple[int, list[str]]:
        """How many were, and why the others were not."""
        refused: list[str] = []
        async with admin_stream(locate(data_dir_of(data_dir), os.environ).nats()) as js:
            # The list first: what fails again at once must not be replayed for ever.
            chosen = numbers or [letter.number async for letter in dead_letters.iterate_dead_letters(js, wanted)]
            for number in chosen:
                try:
                    letter = await dead_letters.replay(js, number)
                except dead_letters.NotReplayable as error:
                    refused.append(str(error))
                else:
                    console.print(f"{letter.number}: {letter.subject}", highlight=False, markup=False)
            return len(chosen) - len(refused), refused

    with failures_as_sentences():
        replayed, refused = asyncio.run(again())
        console.print(f"Replayed {replayed}.")
        for sentence in refused:
            print(sentence, file=sys.stderr)
        if refused:
            raise typer.Exit(1)
