"""Claude: one prompt with a shape, one typed answer, within a time limit. The only file that imports anthropic.

    claude = Claude.from_settings(settings)
    written = await claude.write(system="…", prompt="…", shape=Points)     # or NoAnswer, which says why

`messages.create` with an output schema rather than `messages.parse`: parse raises on a refusal and on a malformed answer before
one sees the stop reason and the tokens, and both are put on record here.
"""

import asyncio
from dataclasses import dataclass
from typing import Generic, Literal, NamedTuple, TypeVar

import anthropic
from anthropic.types import Message, ThinkingConfigDisabledParam
from pydantic import BaseModel, ValidationError

from libs.common.config import Settings
from libs.common.counters import MODEL_ANSWERS, MODEL_COST, MODEL_TOKENS
from libs.common.log import current_trace, describe_span, traced

DEFAULT_BASE_URL = "https://api.anthropic.com"
TIME_LIMIT_SECONDS = 20.0
MAX_TOKENS = 2_000

Why = Literal["no_key", "timeout", "refused", "malformed", "rejected", "unavailable"]
T = TypeVar("T", bound=BaseModel)


class Price(NamedTuple):
    """US dollars per million tokens."""

    input: float
    output: float


# List prices of Anthropic's model pages (platform.claude.com/docs/en/models/…/overview), read in November 2026; Haiku 5.5 for prompts of
# up to 100,000 tokens, which ours always are. A dated id (claude-haiku-4-5-20251001) has the price of its family.
PRICES: dict[str, Price] = {
    "claude-haiku-4-5": Price(1.00, 5.00),
    "claude-haiku-5-5": Price(0.10, 0.50),
    "claude-sonnet-5-5": Price(2.00, 10.00),
    "claude-opus-5-5": Price(4.00, 20.00),
}


@dataclass(frozen=True)
class Usage:
    """What an answer took. `cost_usd` is 0 for a model without a known price."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cost_usd + other.cost_usd,
        )


@dataclass(frozen=True)
class Written(Generic[T]):
    """A complete answer in the shape that was asked for."""

    answer: T
    usage: Usage


class NoAnswer(Exception):
    """Claude gave nothing that can be used; `usage` is what it took all the same. Work goes on without it."""

    def __init__(self, why: Why, usage: Usage | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.usage = usage or Usage()


@dataclass(frozen=True)
class Claude:
    """A client for one model; without a key (`client` None) every prompt ends in NoAnswer("no_key")."""

    client: anthropic.AsyncAnthropic | None
    model: str
    seconds: float = TIME_LIMIT_SECONDS

    @classmethod
    def from_settings(cls, settings: Settings, *, seconds: float = TIME_LIMIT_SECONDS) -> "Claude":
        key = settings.anthropic_api_key.get_secret_value()
        if not key:
            return cls(None, settings.anthropic_model, seconds)
        client = anthropic.AsyncAnthropic(
            api_key=key,
            # Given explicitly: the library would otherwise follow ANTHROPIC_BASE_URL of the environment.
            base_url=settings.anthropic_base_url or DEFAULT_BASE_URL,
            timeout=seconds,
            max_retries=1,
        )
        return cls(client, settings.anthropic_model, seconds)

    async def write(self, *, system: str, prompt: str, shape: type[T]) -> Written[T]:
        """An answer of this shape within `seconds`, retries included. Raises NoAnswer."""
        with traced(current_trace(), span="model"):
            try:
                written = await self._write(system, prompt, shape)
            except NoAnswer as error:
                _count(error.why, error.usage)
                raise
            _count("written", written.usage)
            return written

    async def _write(self, system: str, prompt: str, shape: type[T]) -> Written[T]:
        if self.client is None:
            raise NoAnswer("no_key")
        try:
            async with asyncio.timeout(self.seconds):
                message = await self._ask(self.client, system, prompt, shape)
        except (TimeoutError, anthropic.APITimeoutError) as error:
            raise NoAnswer("timeout") from error
        except (anthropic.APIResponseValidationError, ValueError) as error:  # ValueError: JSON that breaks off
            raise NoAnswer("malformed") from error
        except anthropic.APIStatusError as error:
            # 4xx is about our key, model or request and stays so; 429 and 5xx pass.
            lasting = 400 <= error.status_code < 500 and error.status_code not in (408, 409, 429)
            raise NoAnswer("rejected" if lasting else "unavailable") from error
        except anthropic.AnthropicError as error:
            raise NoAnswer("unavailable") from error
        return _read(message, self.model, shape)

    async def _ask(self, client: anthropic.AsyncAnthropic, system: str, prompt: str, shape: type[T]) -> Message:
        answer = await client.messages.create(
            model=self.model,
            max_tokens=MAX_TOKENS,
            system=system,
            messages=[{"role": "user", "content": prompt}],
            output_config={"format": {"type": "json_schema", "schema": anthropic.transform_schema(shape)}},
            # Newer models think by default, out of the same budget of tokens and of time. Not all of them let that be turned off.
            thinking=ThinkingConfigDisabledParam(type="disabled") if "haiku" in self.model else anthropic.omit,
        )
        if not isinstance(answer, Message):  # a 200 that is no JSON comes through as text
            raise NoAnswer("malformed")
        return answer

    async def close(self) -> None:
        if self.client is not None:
            await self.client.close()


def _read(message: Message, model: str, shape: type[T]) -> Written[T]:
    """The typed answer out of a message. The library does not validate answers: nothing in it can be relied on."""
    try:
        usage = usage_of(model, message.usage.input_tokens, message.usage.output_tokens)
        texts = [block.text for block in message.content if block.type == "text"]
    except (AttributeError, TypeError) as error:
        raise NoAnswer("malformed") from error
    if message.stop_reason == "refusal":
        raise NoAnswer("refused", usage)
    try:
        return Written(shape.model_validate_json("".join(texts)), usage)
    except ValidationError as error:
        raise NoAnswer("malformed", usage) from error


def _count(outcome: str, usage: Usage) -> None:
    describe_span(outcome=outcome)
    MODEL_ANSWERS.labels(outcome).inc()
    MODEL_TOKENS.labels("input").inc(usage.input_tokens)
    MODEL_TOKENS.labels("output").inc(usage.output_tokens)
    MODEL_COST.inc(usage.cost_usd)


def usage_of(model: str, input_tokens: int, output_tokens: int) -> Usage:
    """Tokens with what they cost at the list price of the model (or of the family of a dated id)."""
    price = next(
        (price for name, price in PRICES.items() if model == name or model.startswith(f"{name}-")), Price(0, 0)
    )
    cost = (input_tokens * price.input + output_tokens * price.output) / 1_000_000
    return Usage(input_tokens, output_tokens, cost)
