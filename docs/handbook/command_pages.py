"""The `pingcrm` command as a page, out of its own help."""

from collections.abc import Iterator
from typing import Any

import typer.main

from docs.handbook.json_schema import cell


def commands_page(app: typer.Typer) -> str:
    """Every command with its arguments and options."""
    opening = [
        *("# The `pingcrm` command", ""),
        "Made of the command's own help at each build: `pingcrm --help`, and `pingcrm COMMAND --help`. After `make setup` it is",
        "`.venv/bin/pingcrm`; in containers it is the image's entry point.",
    ]
    return "\n".join([*opening, *_sections(typer.main.get_command(app), ""), ""])


def _sections(command: Any, path: str) -> Iterator[str]:
    """Of one command; of a group, those of its commands. `command` is one of Typer's, whose classes have no public names."""
    commands: dict[str, Any] | None = getattr(command, "commands", None)
    if commands is not None:
        for name, child in commands.items():
            yield from _sections(child, f"{path} {name}".strip())
        return
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    options = [parameter for parameter in command.params if parameter.param_type_name == "option"]
    usage = " ".join(["pingcrm", path, *(str(argument.name).upper() for argument in arguments)])
    yield from ("", f"## {path}", "", f"`{usage}`", "", str(command.help or "").replace("\f", "").strip())
    rows = [(f"`{str(argument.name).upper()}`", str(getattr(argument, "help", "") or "")) for argument in arguments]
    rows += [(", ".join(f"`{name}`" for name in option.opts), str(option.help or "")) for option in options]
    if rows:
        yield from ("", "| argument or option | |", "| --- | --- |")
        yield from (f"| {name} | {cell(text)} |" for name, text in rows)
