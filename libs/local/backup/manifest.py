"""What a backup is of: its manifest, and whether it can be restored here. Pure."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from libs.local.backup.failures import Unrestorable

FORMAT = 1

Version = Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+")]


class _Origin(BaseModel):
    """What every format of a manifest has."""

    model_config = ConfigDict(frozen=True)

    format: int
    version: Version


class Manifest(_Origin):
    """`server` and `dumped_by` are major versions of PostgreSQL and of its pg_dump. `migrations` are those of each service that the
    data has been through, `rows` counts each table's. `sealed_with`: the ids of the keys that open the tokens. `integrations`: what
    each may do, as its consumer's metadata.
    """

    created_at: AwareDatetime
    server: int
    dumped_by: int
    migrations: Mapping[str, tuple[str, ...]]
    rows: Mapping[str, int]
    sealed_with: tuple[str, ...]
    integrations: Mapping[str, Mapping[str, str]] = {}
    dump_bytes: int
    dump_sha256: str


@dataclass(frozen=True)
class Installation:
    """Where a backup is to be restored: this version, the migrations that it knows, and the ids of its keys."""

    version: str
    migrations: Mapping[str, Collection[str]]
    key_ids: Collection[str]


def file_name(created_at: datetime) -> str:
    """Sorted by name, files are sorted by age."""
    return f"pingcrm-{created_at.astimezone(UTC):%Y-%m-%dT%H-%M-%SZ}.zip"


def read_manifest(text: bytes, version: str) -> Manifest:
    """The manifest, as this `version` reads it. Raises Unrestorable where it has another form."""
    try:
        origin = _Origin.model_validate_json(text)
        if origin.format == FORMAT:
            return Manifest.model_validate_json(text)
    except ValidationError as error:
        raise Unrestorable("It has no manifest that can be read: take another backup.") from error
    raise Unrestorable(_newer(origin.version, version))


def reasons_against(manifest: Manifest, here: Installation) -> Iterator[str]:
    """Why it can't be restored here, each with what to do; none where it can."""
    if _order(manifest.version) > _order(here.version) or _unknown(manifest.migrations, here.migrations):
        yield _newer(manifest.version, here.version)
    if not set(manifest.sealed_with) <= set(here.key_ids):
        yield (
            "The permissions of its Google accounts are sealed with a key that is not here: name the file that has it with --keys"
            " (a copy that `pingcrm backup --keys` made, a secrets.json or a .env). If it is lost, --without-keys restores everything"
            " else, and each account has to be connected again."
        )


def _newer(version: str, here: str) -> str:
    return f"It is of PingCRM {version}, which knows more than this one ({here}): upgrade this one, then restore."


def _unknown(migrations: Mapping[str, Collection[str]], known: Mapping[str, Collection[str]]) -> bool:
    return any(set(applied) - set(known.get(service, ())) for service, applied in migrations.items())


def _order(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:3]))
