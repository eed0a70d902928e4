"""The files of `views/`: each creates what it is named for, and what it uses comes first."""

import pytest

from libs.common.ids import SERVICES
from libs.local import ROOT
from libs.local.views import creation_order, parsed

RULE = "CREATE OR REPLACE FUNCTION rule() RETURNS int LANGUAGE sql IMMUTABLE RETURN 1;"
LINES = "-- Read by nobody but board.\nCREATE OR REPLACE VIEW lines AS SELECT rule() AS n;"
BOARD = "CREATE OR REPLACE VIEW board AS SELECT n FROM lines;"


def test_what_a_view_uses_is_created_before_it() -> None:
    files = [parsed("board", BOARD), parsed("lines", LINES), parsed("rule", RULE)]
    assert [definition.name for definition in creation_order(files)] == ["rule", "lines", "board"]


def test_views_that_use_each_other_are_refused_by_name() -> None:
    circle = LINES.replace("rule() AS n", "n FROM board")
    with pytest.raises(ValueError, match=r"These use each other: board, lines\."):
        creation_order([parsed("board", BOARD), parsed("lines", circle)])


@pytest.mark.parametrize(
    ("name", "text"),
    [("lines", BOARD), ("board", "-- CREATE OR REPLACE VIEW board AS\nDROP TABLE messages;"), ("board", "")],
)
def test_a_file_that_does_not_create_what_it_is_named_for_is_refused(name: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"{name}.sql must begin with CREATE OR REPLACE VIEW {name}"):
        parsed(name, text)


def test_every_file_of_every_service_can_be_put_in_an_order() -> None:
    for service in SERVICES:
        files = sorted((ROOT / "services" / service / "views").glob("*.sql"))
        assert len(creation_order([parsed(path.stem, path.read_text()) for path in files])) == len(files)
