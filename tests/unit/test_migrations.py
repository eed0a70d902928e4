"""Migrations only add: services of the version before work on while, and after, a newer one has migrated (docs/operating/upgrades.md).

What the version before may read or write stays as it is. Taking something away is done by the version after the one that has stopped
using it, and named here with its reason.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from libs.common.ids import SERVICES
from libs.local.schemas import migrations_of

FILES = [file for service in SERVICES for file in sorted(migrations_of(service).glob("*.sql"))]

UNRELEASED = "before the first release: no version that could still run knew it otherwise"

# File and finding: why it is no harm. The version that no longer uses it, and since when, where something is taken away.
ALLOWED: dict[tuple[str, str], str] = {
    ("auth/0002", "unique users_owner"): "of a column that is new: the version before leaves it false",
    ("auth/0004", "required scopes"): UNRELEASED,
    ("auth/0004", "constraint on api_tokens"): "the column is new",
    ("contacts/0004", "renamed lines"): UNRELEASED,
    ("contacts/0004", "renamed wanted"): UNRELEASED,
    (
        "contacts/0021",
        "unique interactions_by_digest",
    ): "of what was unique before: that constraint is the one it replaces",
    ("prep/0003", "unique preps_one_per_copy"): "of a column that is new: the version before leaves it empty",
}

_COMMENT, _BODY, _TEXT = re.compile(r"--[^\n]*"), re.compile(r"\$\$.*?\$\$", re.DOTALL), re.compile(r"'(?:[^']|'')*'")
_MADE = re.compile(r"CREATE (?:UNIQUE )?(?:TABLE|VIEW|FUNCTION|TRIGGER) (\w+)", re.IGNORECASE)


def harms(migration: str) -> list[str]:
    """What the version before would miss, or not be able to write any more, after this migration."""
    up = _TEXT.sub("''", _BODY.sub("''", _COMMENT.sub("", migration.partition("-- migrate:down")[0])))
    made = {name.lower() for name in _MADE.findall(up)}
    return [found for statement in up.split(";") for found in _harms_of(" ".join(statement.split()), made)]


def _harms_of(statement: str, made: set[str]) -> Iterator[str]:
    if (
        gone := re.match(r"DROP (TABLE|VIEW|FUNCTION|SCHEMA|SEQUENCE) (?:IF EXISTS )?(.*)", statement, re.IGNORECASE)
    ) is not None:
        names = [name.split()[0].lower() for name in gone[2].split(",")]
        yield from (f"dropped {name}" for name in names if name not in made)
    index = re.match(r"CREATE UNIQUE INDEX (\w+) ON (\w+)", statement, re.IGNORECASE)
    if index is not None and index[2].lower() not in made:
        yield f"unique {index[1]}"
    altered = re.match(r"ALTER (?:TABLE|VIEW|FUNCTION) (\w+) (.*)", statement, re.IGNORECASE)
    if altered is not None and altered[1].lower() not in made:
        for clause in re.split(r",(?![^()]*\))", altered[2]):
            yield from _harms_of_clause(altered[1], clause.strip())


def _harms_of_clause(table: str, clause: str) -> Iterator[str]:
    words = clause.upper()
    if words.startswith("RENAME"):
        yield f"renamed {clause.split()[2] if words.startswith('RENAME COLUMN') else table}"
    if words.startswith("DROP COLUMN"):
        yield f"dropped {clause.split()[-1]}"
    if words.startswith("ADD COLUMN") and "NOT NULL" in words and not re.search("DEFAULT|GENERATED", words):
        yield f"required {clause.split()[2]}"
    if (
        changed := re.match(r"ALTER COLUMN (\w+) (SET NOT NULL|DROP DEFAULT|(?:SET DATA )?TYPE)", clause, re.IGNORECASE)
    ) is not None:
        yield f"{'another type of' if changed[2].upper().endswith('TYPE') else 'required'} {changed[1]}"
    if re.match(r"ADD (CHECK|CONSTRAINT|UNIQUE|FOREIGN|PRIMARY|EXCLUDE)", words):
        yield f"constraint on {table}"


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("ALTER TABLE t ADD COLUMN a int", []),
        ("ALTER TABLE t ADD COLUMN a int NOT NULL DEFAULT 0, ADD COLUMN b text", []),
        ("ALTER TABLE t ADD COLUMN a numeric(3, 2) NOT NULL", ["required a"]),
        ("ALTER TABLE t ADD COLUMN a int, ADD COLUMN b int NOT NULL", ["required b"]),
        ("ALTER TABLE t ADD COLUMN a text NOT NULL DEFAULT 'NOT NULL; DROP TABLE t' CHECK (a IN ('x', 'y'))", []),
        ("ALTER TABLE t ADD COLUMN a int;\nALTER TABLE t ALTER COLUMN a SET NOT NULL", ["required a"]),
        ("ALTER TABLE t ALTER COLUMN a DROP DEFAULT", ["required a"]),
        ("ALTER TABLE t ALTER COLUMN a SET DEFAULT 1, ALTER COLUMN b TYPE bigint", ["another type of b"]),
        ("ALTER TABLE t DROP COLUMN a, DROP COLUMN IF EXISTS b", ["dropped a", "dropped b"]),
        ("alter table t\n    drop column a", ["dropped a"]),
        ("ALTER TABLE t DROP CONSTRAINT c", []),
        ("ALTER TABLE t RENAME COLUMN a TO b", ["renamed a"]),
        ("ALTER TABLE t RENAME TO u", ["renamed t"]),
        ("ALTER VIEW v RENAME TO w", ["renamed v"]),
        ("DROP TABLE t, u", ["dropped t", "dropped u"]),
        ("DROP VIEW IF EXISTS v CASCADE", ["dropped v"]),
        ("DROP INDEX i", []),
        ("CREATE TABLE t (a int NOT NULL); CREATE UNIQUE INDEX i ON t (a); ALTER TABLE t ADD CHECK (a > 0); DROP TABLE t", []),
        ("CREATE UNIQUE INDEX i ON t (a)", ["unique i"]),
        ("ALTER TABLE t ADD CHECK (a > 0), ADD CONSTRAINT c UNIQUE (a)", ["constraint on t", "constraint on t"]),
        ("-- DROP TABLE t;\nSELECT 1", []),
        ("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DROP TABLE t; END $$", []),
        ("SELECT 1\n-- migrate:down\n;DROP TABLE t", []),
    ],
)  # fmt: skip
def test_what_the_version_before_would_miss_is_found(statement: str, found: list[str]) -> None:
    assert harms(statement) == found


def name_of(file: Path) -> str:
    return f"{file.parents[1].name}/{file.name.partition('_')[0]}"


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_no_migration_takes_from_the_version_before_what_it_uses(file: Path) -> None:
    left = [found for found in harms(file.read_text()) if (name_of(file), found) not in ALLOWED]
    assert left == [], (
        "the version before still uses it: take it away one release later, and name it in ALLOWED with the reason"
    )


def test_what_is_allowed_is_still_there() -> None:
    assert set(ALLOWED) <= {(name_of(file), found) for file in FILES for found in harms(file.read_text())}
