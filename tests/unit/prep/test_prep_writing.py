"""Who wrote the talking points of a brief, what they cost, and that a brief is written whatever becomes of Claude."""

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from libs.common.claude import Claude, NoAnswer, Written
from libs.common.model_prices import Usage
from services.prep.domain.dossier import Dossier, collect
from services.prep.domain.prompt import SYSTEM, WrittenPoints, given, prompt
from services.prep.domain.talking_points.points import FEWEST, fact_points
from services.prep.writing import BY_AI, NOT_AI, PARTLY_AI, write_brief, write_talking_points
from tests.support.fake_claude import points
from tests.support.meetings import NOW, guest, known, meeting, unknown

USAGE = Usage(1_200, 150, 0.002)
ABOUT_ADA = collect(meeting(), [(guest("ada@lovelace.example", "Ada Lovelace"), known())])
ABOUT_NOBODY = collect(meeting(), [(guest("stranger@elsewhere.example"), unknown())])


@dataclass
class PlainClaude:
    """Writes `points`, or fails with `error`."""

    points: list[tuple[str, list[str]]] = field(default_factory=list)
    error: NoAnswer | None = None
    requests: list[dict[str, Any]] = field(default_factory=list)

    async def write(self, **request: Any) -> Written[WrittenPoints]:
        self.requests.append(request)
        if self.error is not None:
            raise self.error
        return Written(WrittenPoints.model_validate(points(*self.points)), USAGE)

    def as_claude(self) -> Claude:
        return cast(Claude, self)


THREE = [("One.", ["I1"]), ("Two.", ["I2"]), ("Three.", ["B1"])]


@pytest.mark.parametrize(
    ("dossier", "claude", "note", "ai", "usage", "fallback"),
    [
        (ABOUT_ADA, PlainClaude(THREE), BY_AI, True, USAGE, ""),
        (ABOUT_ADA, PlainClaude([*THREE, ("Invented.", ["I9"])]), BY_AI, True, USAGE, ""),
        (ABOUT_ADA, PlainClaude(THREE[:2]), PARTLY_AI, True, USAGE, ""),
        (ABOUT_ADA, PlainClaude([("Invented.", ["I9"]), ("Bare.", [])]), NOT_AI, False, USAGE, "ungrounded"),
        (ABOUT_ADA, PlainClaude(error=NoAnswer("refused", USAGE)), NOT_AI, False, USAGE, "refused"),
        (ABOUT_ADA, PlainClaude(error=NoAnswer("timeout")), NOT_AI, False, Usage(), "timeout"),
        (ABOUT_NOBODY, PlainClaude(THREE), NOT_AI, False, Usage(), "nothing_known"),
    ],
    ids=["three", "one is invented", "two", "all are invented", "refused", "late", "nobody is known"],
)
async def test_a_brief_states_who_wrote_its_points_and_what_they_cost(
    dossier: Dossier, claude: PlainClaude, note: str, ai: bool, usage: Usage, fallback: str
) -> None:
    written = await write_talking_points(claude.as_claude(), dossier, NOW)
    assert (written.note, written.ai, written.usage, written.fallback) == (note, ai, usage, fallback)
    assert len(written.points) >= FEWEST
    texts = [point.text for point in written.points]
    assert "Invented." not in texts
    assert ("One." in texts) is ai
    if not ai:
        assert written.points == fact_points(dossier, NOW)
    brief = await write_brief(claude.as_claude(), dossier, "https://crm.example", "pcrmtoken", NOW)
    assert (brief.meeting_id, brief.points, brief.note, brief.ai) == (meeting().meeting_id, written.points, note, ai)
    assert (brief.input_tokens, brief.output_tokens, brief.cost_usd) == (
        usage.input_tokens, usage.output_tokens, usage.cost_usd,
    )  # fmt: skip
    for face in (brief.text, brief.html):
        assert "pcrmtoken" in face
        assert note in face


async def test_claude_is_requested_once_with_the_prompt_of_the_meeting_and_not_about_nobody() -> None:
    claude = PlainClaude(THREE)
    await write_talking_points(claude.as_claude(), ABOUT_NOBODY, NOW)
    assert claude.requests == []
    await write_talking_points(claude.as_claude(), ABOUT_ADA, NOW)
    assert claude.requests == [{"system": SYSTEM, "prompt": prompt(given(ABOUT_ADA), NOW), "shape": WrittenPoints}]


async def test_nothing_private_of_a_brief_is_logged(capfd: pytest.CaptureFixture[str]) -> None:
    await write_brief(PlainClaude(THREE).as_claude(), ABOUT_ADA, "https://crm.example", "pcrmtoken", NOW)
    logged = "".join(capfd.readouterr())
    assert "brief_written" in logged
    for private in ("Pricing", "Ada", "Lovelace", "Analytical", "weave", "One.", "pcrmtoken"):
        assert private not in logged
