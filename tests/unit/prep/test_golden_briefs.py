"""What a reader of a brief sees, and what the model is given, to the letter: the files of tests/golden/briefs."""

from typing import Any, cast

import pytest

from libs.common.claude import Claude, NoAnswer, Written
from libs.common.model_prices import Usage
from libs.common.requests import Brief
from services.prep.domain.prompt import SYSTEM, WrittenPoint, WrittenPoints
from services.prep.writing import write_brief
from tests.support.dossiers import Answer, cases
from tests.support.golden import GOLDEN, assert_golden

BRIEFS = GOLDEN / "briefs"


class Model:
    """Stands for Claude: answers with what the case says, or not at all; keeps what it was given."""

    def __init__(self, answer: Answer | None) -> None:
        self.answer = answer
        self.given: list[tuple[str, str]] = []

    async def write(self, *, system: str, prompt: str, shape: type[WrittenPoints]) -> Written[WrittenPoints]:
        self.given.append((system, prompt))
        if self.answer is None:
            raise NoAnswer("unavailable")
        points = [WrittenPoint(text=text, evidence=evidence) for text, evidence in self.answer]
        return Written(shape(points=points), Usage(1_200, 150, 0.000195))


async def brief_of(name: str) -> tuple[Brief, Model]:
    case = cases()[name]
    model = Model(case.answer)
    written = await write_brief(
        cast(Claude, model), case.dossier, "https://crm.example", "pcrmabcdefgh234567", case.now
    )
    return written, model


@pytest.mark.parametrize("name", cases())
async def test_a_brief_reads_as_its_golden_file(name: str) -> None:
    brief, model = await brief_of(name)
    assert_golden(f"briefs/{name}.html", brief.html)
    assert_golden(f"briefs/{name}.txt", f"Subject: {brief.subject}\n\n{brief.text}")
    if model.given:
        assert {system for system, _ in model.given} == {SYSTEM}
        assert_golden(f"briefs/{name}.prompt.txt", model.given[0][1] + "\n")
    else:
        assert not (BRIEFS / f"{name}.prompt.txt").exists(), "the model was given nothing"


def test_the_instructions_to_the_model_are_the_golden_ones() -> None:
    assert_golden("briefs/system.prompt.txt", SYSTEM + "\n")


def test_there_is_no_golden_file_without_a_dossier() -> None:
    assert {file.name.partition(".")[0] for file in BRIEFS.iterdir()} == {*cases(), "system"}


@pytest.mark.parametrize(
    ("answer", "ai", "note"),
    [
        (None, False, "These points were not written by AI"),
        ([("Not grounded.", ["I99"])], False, "These points were not written by AI"),
        ([("One.", ["I1"])], True, "Some of these points were not written by AI"),
        ([("One.", ["I1"]), ("Two.", ["I1"]), ("Three.", ["I2"])], True, "Written by AI"),
    ],
)
async def test_who_wrote_the_points_is_in_the_brief_and_on_record(answer: Any, ai: bool, note: str) -> None:
    brief = await write_brief(
        cast(Claude, Model(answer)), cases()["one_guest"].dossier, "https://crm.example", "t", cases()["one_guest"].now
    )
    assert brief.ai == ai
    assert brief.note.startswith(note)
    assert brief.note in brief.html
    assert brief.note in brief.text
    assert 3 <= len(brief.points) <= 5
    assert bool(brief.input_tokens) == (answer is not None)
