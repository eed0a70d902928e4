"""Calls of the model: recorded before they leave, not made twice for the same content, within a day's budget, shown and forgotten."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
import pytest_asyncio
from pydantic import SecretStr

from libs.common.cache import Cache
from libs.common.claude import Claude
from libs.common.config import Settings
from libs.common.events import AccountDisconnected, UserDeleted
from libs.common.ids import UserId, new_id
from libs.common.requests import ListModelCalls, ModelCalls
from services.prep.domain.dossier import Dossier, collect
from services.prep.handlers.accounts import purge_account
from services.prep.handlers.model_calls import forget_old, list_calls
from services.prep.handlers.users import purge_user
from services.prep.writing import TalkingPoints, write_talking_points
from tests.support.database import Database
from tests.support.fake_claude import FakeClaude, Mode, points, run_claude
from tests.support.meetings import ACCOUNT_ID, NOW, USER_ID, guest, known, meeting, unknown
from tests.support.prep_alone import PrepAlone, prep_alone

ADA = collect(meeting(), [(guest("ada@lovelace.example"), known()), (guest("s@e.example"), unknown("s@e.example"))])
THREE = points(("One.", ["I1"]), ("Two.", ["I2"]), ("Three.", ["B1"]))


@pytest_asyncio.fixture
async def claude() -> AsyncIterator[FakeClaude]:
    async with run_claude() as fake:
        fake.reply = lambda _: THREE
        yield fake


@pytest_asyncio.fixture
async def prep(
    module_database: Database, claude: FakeClaude, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[PrepAlone]:
    async def no_keys(*_: object) -> None:
        return None

    for module in ("accounts", "users"):  # what is promised here is kept by the rows alone
        monkeypatch.setattr(f"services.prep.handlers.{module}.forget_dedup_keys", no_keys)
    async with prep_alone(module_database, cast(Cache, None)) as alone:
        settings = Settings(anthropic_api_key=SecretStr("sk-test"), anthropic_base_url=claude.url)
        real = Claude.from_settings(settings, seconds=5)
        alone.context = replace(alone.context, claude=real)
        yield alone
        await alone.db.execute("DELETE FROM model_calls")
        await real.close()


async def write(prep: PrepAlone, dossier: Dossier = ADA) -> TalkingPoints:
    return await write_talking_points(prep.context.claude_for(dossier), dossier, NOW)


async def calls(prep: PrepAlone, user_id: UserId = USER_ID) -> ModelCalls:
    return await list_calls(prep.context, ListModelCalls(user_id=user_id))


async def test_what_leaves_is_recorded_with_what_it_took_and_shown_to_its_user(
    prep: PrepAlone, claude: FakeClaude
) -> None:
    written = await write(prep)
    shown = await calls(prep)
    (call,) = shown.items
    (request,) = claude.requests
    sent = request["system"][0]["text"] + request["messages"][0]["content"]
    assert (call.outcome, call.host, call.model) == ("answered", "127.0.0.1", "claude-haiku-4-5")
    assert (call.characters, call.guests, call.interactions, call.bios) == (len(sent), 2, 2, 1)
    assert (
        (call.input_tokens, call.output_tokens)
        == (written.usage.input_tokens, written.usage.output_tokens)
        == (1200, 150)
    )
    assert (shown.spent_usd, call.cost_usd) == (pytest.approx(0.00195), pytest.approx(0.00195))
    assert (await calls(prep, UserId(new_id()))).items == ()


async def test_the_same_content_is_sent_once_and_costs_nothing_again(prep: PrepAlone, claude: FakeClaude) -> None:
    first, again = await write(prep), await write(prep)
    assert len(claude.requests) == 1
    assert (again.points, again.ai, again.usage.cost_usd) == (first.points, True, 0)
    other = collect(meeting(title="Another"), [(guest("ada@lovelace.example"), known())])
    await write(prep, other)
    assert len(claude.requests) == 2
    await prep.db.execute("UPDATE model_calls SET called_at = now() - interval '25 hours'")
    await write(prep)
    assert len(claude.requests) == 3


@pytest.mark.parametrize(
    ("mode", "outcome"), [("error", "rejected"), ("refusal", "refused"), ("malformed", "malformed")]
)
async def test_what_came_to_nothing_is_on_record_too_and_is_tried_again(
    prep: PrepAlone, claude: FakeClaude, mode: Mode, outcome: str
) -> None:
    claude.mode = mode
    assert (await write(prep)).fallback == outcome
    claude.mode = "success"
    assert (await write(prep)).ai
    assert [call.outcome for call in (await calls(prep)).items] == ["answered", outcome]


async def test_beyond_the_budget_of_the_day_nothing_is_sent(prep: PrepAlone, claude: FakeClaude) -> None:
    settings = prep.context.settings.model_copy(update={"anthropic_daily_budget_usd": 0.02})
    prep.context = replace(prep.context, settings=settings)
    await write(prep)
    await prep.db.execute("UPDATE model_calls SET spent_usd = 0.015")
    other = collect(meeting(title="Another"), [(guest("ada@lovelace.example"), known())])
    late = await write(prep, other)
    assert (late.fallback, late.ai, len(claude.requests)) == ("over_budget", False, 1)
    assert len((await calls(prep)).items) == 1
    await prep.db.execute("UPDATE model_calls SET called_at = date_trunc('day', now(), 'UTC') - interval '1 second'")
    assert (await write(prep, other)).ai
    nothing = settings.model_copy(update={"anthropic_daily_budget_usd": 0.0})
    prep.context = replace(prep.context, settings=nothing)
    assert (
        await write(prep, collect(meeting(title="A third"), [(guest("ada@lovelace.example"), known())]))
    ).fallback == "over_budget"


async def test_a_call_is_on_record_before_it_leaves_and_counts_as_the_most_that_it_may_cost(
    prep: PrepAlone, claude: FakeClaude
) -> None:
    claude.mode = "held"
    writing = asyncio.create_task(write(prep))
    async with asyncio.timeout(10):
        while not claude.requests:
            await asyncio.sleep(0.01)
    on_its_way = await calls(prep)
    claude.release.set()
    await writing
    assert [call.outcome for call in on_its_way.items] == [""]
    assert 0.01 < on_its_way.spent_usd < 0.05
    assert (await calls(prep)).spent_usd < 0.01


async def test_calls_are_forgotten_with_their_time_their_account_and_their_user(prep: PrepAlone) -> None:
    await write(prep)
    await prep.db.execute("UPDATE model_calls SET called_at = now() - interval '25 hours'")
    await forget_old(prep.context)
    assert await prep.db.fetchval("SELECT count(*) FROM model_calls WHERE answer IS NULL") == 1
    await prep.db.execute("UPDATE model_calls SET called_at = now() - interval '31 days'")
    await forget_old(prep.context)
    assert await prep.db.fetchval("SELECT count(*) FROM model_calls") == 0
    at = datetime.now(UTC) - timedelta(seconds=1)
    gone = AccountDisconnected(user_id=USER_ID, account_id=ACCOUNT_ID, purge=True, at=at)
    for end, event in ((purge_account, gone), (purge_user, UserDeleted(user_id=USER_ID, account_ids=(ACCOUNT_ID,)))):
        await write(prep)
        await end(prep.context, event)  # type: ignore[operator]
        assert await prep.db.fetchval("SELECT count(*) FROM model_calls") == 0
