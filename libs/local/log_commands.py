"""`pingcrm logs`: what the services wrote."""

import sys
from enum import StrEnum
from typing import Annotated

import typer

from libs.common.ids import SERVICES
from libs.common.log_schema import LEVELS
from libs.local.commands import DataDir, data_dir_of, failures_as_sentences
from libs.local.locate import NothingRuns
from libs.local.log_lines import Choice, as_json, as_logfmt, read_lines


class Format(StrEnum):
    """How a line is written."""

    JSON = "json"
    LOGFMT = "logfmt"


def logs(
    data_dir: DataDir = None,
    written_as: Annotated[Format, typer.Option("--format", help="How each line is written.")] = Format.LOGFMT,
    service: Annotated[list[str] | None, typer.Option(help=f"Of these alone: {', '.join(SERVICES)}.")] = None,
    event: Annotated[list[str] | None, typer.Option(help="These alone; docs/logs.md has them.")] = None,
    level: Annotated[str, typer.Option(help=f"From this on: {', '.join(LEVELS)}.")] = "debug",
    trace: Annotated[str, typer.Option(help="What one cause led to: the Trace-Id of a response.")] = "",
) -> None:
    """Print what the services of `pingcrm up` logged, in the order of time, and end."""
    if unknown := set(service or ()) - set(SERVICES):
        raise typer.BadParameter(f"there is no service {min(unknown)}", param_hint="--service")
    if level not in LEVELS:
        raise typer.BadParameter(f"there is no level {level}", param_hint="--level")
    with failures_as_sentences():
        folder = data_dir_of(data_dir)
        if not (folder / "logs").is_dir():
            raise NothingRuns(f"There are no logs in {folder}: --data-dir names another folder.")
        chosen = Choice(frozenset(service or ()), frozenset(event or ()), level, trace)
        write = as_json if written_as is Format.JSON else as_logfmt
        try:
            for line in read_lines(folder):
                if chosen.has(line):
                    sys.stdout.write(f"{write(line)}\n")
            sys.stdout.flush()
        except BrokenPipeError:  # `pingcrm logs | head` has seen enough
            sys.stderr.close()
