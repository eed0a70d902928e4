"""A mutation finds its place by name, changes that and nothing else, and refuses where it does not fit."""

from pathlib import Path

import pytest

from tests.sabotage.applying import NotApplicable, mutated
from tests.sabotage.kept import all_mutations
from tests.sabotage.mutation import Change, InText, Mutation, Replace, Swap

ROOT = Path(__file__).resolve().parents[3]
CODE = '''
SQL = """SELECT id
    FROM meetings
    WHERE user_id = $1"""


async def apply(changes, cursor):
    """Wörter, die mehr Bytes als Zeichen haben: the columns of the tree count bytes."""
    await store.save("ä", changes)
    await move(
        cursor, by=len(changes)
    )
    if changes and cursor:
        return f"SELECT {changes} FROM people WHERE user_id = $1"


class Outbox:
    async def relay(self):
        await self.publish()
        await self.delete(limit=5)
'''


def change(place: str, kind: Change) -> str:
    return mutated(Mutation("harm", "lost", f"file.py::{place}", kind, ()), CODE)


def test_two_statements_change_places_and_nothing_else_moves() -> None:
    text = change("apply", Swap("await store.save(...)", "await move(...)"))
    assert text.index("await move(") < text.index('await store.save("ä", changes)')
    assert sorted(text) == sorted(CODE)
    assert "(\n        cursor, by=len(changes)\n    )" in text


@pytest.mark.parametrize(
    ("place", "kind", "gone", "there"),
    [
        ("apply", Replace("await move(...)", ""), "move", "    pass\n"),
        ("apply", Replace("await move(cursor, by=...)", "await move(cursor)"), "by=", "await move(cursor)\n"),
        ("apply", Replace("changes and cursor", "changes or cursor"), "changes and", "if changes or cursor:"),
        ("Outbox.relay", Replace("await self.delete(limit=5)", ""), "limit=5", "pass"),
        ("Outbox.relay", Replace("self.delete(limit=5)", "self.delete(limit=50)"), "=5)", "=50)"),
        ("apply", InText("WHERE user_id = $1", "WHERE true"), "FROM people WHERE user_id", "FROM people WHERE true"),
        ("SQL", InText("FROM meetings WHERE user_id = $1", "FROM meetings"), "meetings\n    WHERE", "FROM meetings"),
    ],
)
def test_one_change_at_its_place(place: str, kind: Change, gone: str, there: str) -> None:
    text = change(place, kind)
    assert gone not in text
    assert there in text


@pytest.mark.parametrize(
    ("place", "kind", "problem"),
    [
        ("applied", Replace("await move(...)", ""), "applied is there 0 times"),
        ("apply", Replace("await gone(...)", ""), "is there 0 times"),
        ("Outbox", Replace("await ...", ""), "is there 2 times"),
        ("apply", Replace("cursor", ""), "is there 2 times"),
        ("apply", Replace("changes and cursor", ""), "only a statement"),
        ("SQL", InText("user_id = $2", ""), "in 0 texts"),
        ("Outbox.relay", Replace("await self.delete(5)", ""), "is there 0 times"),
    ],
)
def test_what_does_not_fit_is_refused(place: str, kind: Change, problem: str) -> None:
    with pytest.raises(NotApplicable, match=problem):
        change(place, kind)


def test_a_file_of_sql_is_changed_in_its_text() -> None:
    mutation = Mutation("harm", "others", "views/a.sql", InText("AND user_id = owner", ""), ())
    assert mutated(mutation, "SELECT 1 WHERE true\n  AND user_id\n  = owner;") == "SELECT 1 WHERE true\n  ;"


@pytest.mark.parametrize("mutation", all_mutations(), ids=lambda mutation: mutation.name)
def test_every_kept_mutation_applies(mutation: Mutation) -> None:
    text = (ROOT / mutation.path).read_text()
    assert mutated(mutation, text) != text
    for argument in mutation.noticed_by:
        assert (ROOT / argument.split("::")[0]).exists(), argument
    assert mutation.noticed_by


def test_each_harm_is_kept_once() -> None:
    names = [mutation.name for mutation in all_mutations()]
    assert len(names) == len(set(names))
