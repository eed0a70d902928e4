"""Curves as SVG, and what relations have grown by."""

from xml.etree import ElementTree

import pytest

from tests.bench.curve import HEIGHT, Panel, drawing
from tests.bench.relations import Relation, growth

SVG = "{http://www.w3.org/2000/svg}"


def test_each_panel_has_a_line_through_its_labelled_points() -> None:
    points = [(100_000.0, 2_000.0), (1_000_000.0, 1_000.0), (10_000_000.0, 0.0)]
    root = ElementTree.fromstring(
        drawing("a <b>", [Panel("rate", "1/s", points), Panel("waits & more", "ms", points[:1])])
    )
    first, second = (line.attrib["points"].split() for line in root.iter(f"{SVG}polyline"))
    places = [tuple(map(float, place.split(","))) for place in first]
    assert places[1][0] - places[0][0] == pytest.approx(places[2][0] - places[1][0]), "ten times as much is one step"
    assert places[2][1] - places[1][1] == pytest.approx(places[1][1] - places[0][1]), "values are linear from 0 on"
    assert len(second) == 1
    assert float(second[0].split(",")[1]) > HEIGHT
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert {"rate (1/s)", "waits & more (ms)", "2,000", "100 k", "10 M", "0"} <= set(texts)
    assert root.attrib["aria-label"] == "a <b>"


def test_what_has_not_grown_is_not_there() -> None:
    table, index, same = Relation("sync", "runs"), Relation("sync", "runs", "runs_pkey"), Relation("auth", "users")
    assert list(growth({table: 10, same: 5}, {table: 30, same: 5, index: 40}).items()) == [(index, 40), (table, 20)]
    assert (str(table), str(index)) == ("sync.runs", "sync.runs_pkey (index)")
