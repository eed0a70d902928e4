"""The edge to Claude against a local server that speaks its protocol."""

import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from pydantic import BaseModel, SecretStr

import libs.common.claude_client  # noqa: F401 -- imported with the first prompt, which is timed below
from libs.common.claude import Claude, NoAnswer
from libs.common.config import Settings
from libs.common.model_prices import usage_of
from tests.support.fake_claude import INPUT_TOKENS, OUTPUT_TOKENS, FakeClaude, Mode, run_claude


class Shape(BaseModel):
    points: list[dict[str, object]]


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[FakeClaude]:
    async with run_claude() as running:
        yield running


async def request(
    fake: FakeClaude, *, key: str = "sk-test", seconds: float = 5.0, model: str = "claude-haiku-4-5"
) -> Shape:
    settings = Settings(anthropic_api_key=SecretStr(key), anthropic_base_url=fake.url, anthropic_model=model)
    claude = Claude.from_settings(settings, seconds=seconds)
    try:
        written = await claude.write(system="You write points.", prompt="Write.", shape=Shape)
        assert written.usage == usage_of(model, INPUT_TOKENS, OUTPUT_TOKENS)
        return written.answer
    finally:
        await claude.close()


async def test_a_reply_has_its_shape_and_its_cost(fake: FakeClaude) -> None:
    assert len((await request(fake)).points) == 1
    body = fake.requests[0]
    assert body["model"] == "claude-haiku-4-5"
    assert body["output_config"]["format"]["type"] == "json_schema"
    assert "temperature" not in body
    assert usage_of("claude-haiku-4-5-20251001", 1_200, 150).cost_usd == pytest.approx(0.00195)
    assert usage_of("a-model-of-tomorrow", 1_200, 150).cost_usd == 0


@pytest.mark.parametrize(
    ("mode", "why", "counted"),
    [
        ("refusal", "refused", True), ("malformed", "malformed", True), ("not_json", "malformed", False),
        ("cut", "malformed", False), ("error", "rejected", False), ("overloaded", "unavailable", False),
    ],
)  # fmt: skip
async def test_a_missing_reply_names_the_reason_and_what_it_took(
    fake: FakeClaude, mode: Mode, why: str, counted: bool
) -> None:
    fake.mode = mode
    with pytest.raises(NoAnswer) as raised:
        await request(fake)
    assert raised.value.why == why
    assert bool(raised.value.usage.input_tokens) == counted


async def test_a_slow_reply_is_not_waited_for(fake: FakeClaude) -> None:
    fake.mode = "slow"
    began = time.monotonic()
    with pytest.raises(NoAnswer, match="timeout"):
        await request(fake, seconds=0.3)
    assert time.monotonic() - began < 2


async def test_without_a_key_nothing_is_sent(fake: FakeClaude) -> None:
    with pytest.raises(NoAnswer, match="no_key"):
        await request(fake, key="")
    assert fake.requests == []


async def test_a_server_that_is_away_is_unavailable() -> None:
    with pytest.raises(NoAnswer, match="unavailable"):
        await request(FakeClaude(url="http://127.0.0.1:9"))


async def test_a_server_that_knows_no_schemas_is_asked_in_words(fake: FakeClaude) -> None:
    fake.mode = "in_words"
    assert len((await request(fake)).points) == 1
    structured, in_words = fake.requests
    assert "output_config" in structured
    assert set(in_words) == {"model", "max_tokens", "system", "messages"}
    assert '"points"' in in_words["system"][0]["text"]


async def test_what_was_cached_counts_at_its_own_price(fake: FakeClaude) -> None:
    fake.cached = {"cache_read_input_tokens": 10_000, "cache_creation_input_tokens": 1_000}
    settings = Settings(
        anthropic_api_key=SecretStr("k"), anthropic_base_url=fake.url, anthropic_model="claude-haiku-4-5"
    )
    claude = Claude.from_settings(settings, seconds=5)
    try:
        usage = (await claude.write(system="S", prompt="P", shape=Shape)).usage
    finally:
        await claude.close()
    assert usage.input_tokens == INPUT_TOKENS + 11_000
    assert usage.cost_usd == pytest.approx(0.00195 + 0.001 + 0.00125)


def test_a_model_without_a_known_price_counts_as_the_dearest() -> None:
    unknown, haiku = Claude(None, "a-model-of-tomorrow"), Claude(None, "claude-haiku-4-5-20251001")
    assert unknown.spent_usd(usage_of("a-model-of-tomorrow", 1_000_000, 0)) == 4.0
    assert haiku.spent_usd(usage_of("claude-haiku-4-5-20251001", 1_000_000, 0)) == 1.0
    assert haiku.most_usd(10_000) == pytest.approx(0.02)
