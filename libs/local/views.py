"""A service's views and SQL functions: the files of its `views/` folder, put in force after the migrations, as its own role.

Unlike a migration, such a file is edited in place: it is the rule as it is now. Each holds one `CREATE OR REPLACE` and is named
for what it creates. A view whose columns change is dropped by a migration first, and so is one whose file goes.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from hashlib import sha256
from pathlib import Path

import asyncpg

from libs.common.db import Connection
from libs.common.ids import SERVICES, Service
from libs.local import ROOT
from libs.local.schemas import MigrationFailed
from libs.local.secrets import Secrets
from libs.local.urls import postgres_url

_COMMENT = re.compile(r"--[^\n]*")
_CREATE = re.compile(r"\s*CREATE OR REPLACE (FUNCTION|VIEW) (\w+)\b")
# What each view and function of the schema was made from: its comment, which goes with it.
_IN_FORCE = """
    SELECT relname AS name, obj_description(oid, 'pg_class') AS digest FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind = 'v'
    UNION ALL
    SELECT proname, obj_description(oid, 'pg_proc') FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
"""


@dataclass(frozen=True)
class Definition:
    """One view or function. `kind` is FUNCTION or VIEW, `words` is every word of its statement, comments left out."""

    name: str
    kind: str
    text: str
    words: frozenset[str]

    @property
    def digest(self) -> str:
        return sha256(self.text.encode()).hexdigest()


async def apply_views(admin_url: str, secrets: Secrets) -> None:
    """Put every service's views and functions in force as their files define them. Raises MigrationFailed."""
    folders = {service: ROOT / "services" / service / "views" for service in SERVICES}
    await asyncio.gather(
        *(
            _apply_folder(service, folder, postgres_url(admin_url, service, secrets))
            for service, folder in folders.items()
            if folder.is_dir()
        )
    )


def parsed(name: str, text: str) -> Definition:
    """The file `name`.sql. ValueError: it does not begin with the creation of what it is named for."""
    statement = _COMMENT.sub("", text)
    found = _CREATE.match(statement)
    if found is None or found[2] != name:
        raise ValueError(f"{name}.sql must begin with CREATE OR REPLACE VIEW {name}, or FUNCTION {name}.")
    return Definition(name, found[1], text, frozenset(re.findall(r"\w+", statement)))


def creation_order(definitions: Sequence[Definition]) -> list[Definition]:
    """Each after those that it uses. ValueError: some use each other."""
    by_name = {definition.name: definition for definition in definitions}
    uses = {name: definition.words & by_name.keys() - {name} for name, definition in by_name.items()}
    try:
        return [by_name[name] for name in TopologicalSorter(uses).static_order()]
    except CycleError as error:
        raise ValueError(f"These use each other: {', '.join(sorted(set(error.args[1])))}.") from error


async def _apply_folder(service: Service, folder: Path, url: str) -> None:
    """In one transaction, and one migration after another: nobody sees half of the rules."""
    connection = await asyncpg.connect(url)
    try:
        definitions = creation_order([parsed(path.stem, path.read_text()) for path in sorted(folder.glob("*.sql"))])
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(hashtext($1))", f"pingcrm.views.{service}")
            await _replace_changed(connection, definitions)
    except (ValueError, asyncpg.PostgresError) as error:
        raise MigrationFailed(f"The views of {service} failed: {error}") from error
    finally:
        await connection.close()


async def _replace_changed(connection: Connection, definitions: Sequence[Definition]) -> None:
    """What is in force already is left alone, for replacing a view shuts out whoever reads it at the moment."""
    in_force = {row["name"]: row["digest"] for row in await connection.fetch(_IN_FORCE)}
    for definition in definitions:
        if in_force.get(definition.name) != definition.digest:
            await connection.execute(definition.text)
            await connection.execute(f"COMMENT ON {definition.kind} {definition.name} IS '{definition.digest}'")
