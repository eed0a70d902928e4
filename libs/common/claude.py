"""Claude: one prompt with a shape, one typed answer, within a time limit. The only file that imports anthropic.

    claude = Claude.from_settings(settings)
    written = await claude.write(system="…", prompt="…", shape=Points)     # or NoAnswer, which says why

`messages.create` with an output schema rather than `messages.parse`: parse raises on a refusal and on a malformed answer before
one sees the stop reason and the tokens, and both are put on record here.
"""

import asyncio
import json
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

import anthropic
from anthropic.types import Message, ThinkingConfigDisabledParam
from pydantic import BaseModel, ValidationError

from libs.common.config import Settings
from libs.common.model_prices import PRICES, Price, Usage, known_price, usage_of

DEFAULT_HOST = "api.anthropic.com"
DEFAULT_BASE_URL = f"https://{DEFAULT_HOST}"
IN_WORDS = "Answer with JSON alone, without a word before or after it, that fits this schema: "
TIME_LIMIT_SECONDS = 20.0
MAX_TOKENS = 2_000

Why = Literal["no_key", "over_budget", "timeout", "refused", "malformed", "rejected", "unavailable"]
T = TypeVar("T", bound=BaseModel)


# Of what input costs: what is read from the cache of prompts, and what is written to it.
CACHE_READ, CACHE_WRITTEN = 0.1, 1.25


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

    @property
    def enabled(self) -> bool:
        """Whether there is a key."""
        return self.client is not None

    @property
    def host(self) -> str:
        """Where prompts go."""
        return self.client.base_url.host if self.client else ""

    def most_usd(self, characters: int) -> float:
        """The most that a prompt of this length and its answer may cost: hardly any script has more tokens than characters."""
        return self.spent_usd(Usage(characters, MAX_TOKENS))

    def spent_usd(self, usage: Usage) -> float:
        """What counts against a budget. A model without a known price counts as the dearest."""
        if known_price(self.model):
            return usage.cost_usd or usage_of(self.model, usage.input_tokens, usage.output_tokens).cost_usd
        return max(usage_of(name, usage.input_tokens, usage.output_tokens).cost_usd for name in PRICES)

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
        """Other servers of the same protocol may know neither schemas nor thinking: they are asked in words for the same shape."""
        try:
            return await self._create(client, system, prompt, _structured(self.model, shape))
        except anthropic.BadRequestError:
            if self.host == DEFAULT_HOST:
                raise
        return await self._create(client, f"{system}\n\n{IN_WORDS}{json.dumps(shape.model_json_schema())}", prompt, {})

    async def _create(
        self, client: anthropic.AsyncAnthropic, system: str, prompt: str, more: dict[str, Any]
    ) -> Message:
        answer = await client.messages.create(
            model=self.model,
            max_tokens=MAX_TOKENS,
            # The same for every brief. Below the least length that the model caches (4,096 tokens for Haiku 4.5) the mark does nothing.
            system=[{"type": "text", "text": system, "cache_control": {"type": "ephemeral"}}],
            messages=[{"role": "user", "content": prompt}],
            **more,
        )
        if not isinstance(answer, Message):  # a 200 that is no JSON comes through as text
            raise NoAnswer("malformed")
        return answer

    async def close(self) -> None:
        if self.client is not None:
            await self.client.close()


def _structured(model: str, shape: type[BaseModel]) -> dict[str, Any]:
    """What makes the model answer in this shape and at once."""
    schema: dict[str, Any] = {
        "output_config": {"format": {"type": "json_schema", "schema": anthropic.transform_schema(shape)}}
    }
    # Newer models think by default, out of the same budget of tokens and of time. Not all of them let that be turned off.
    return schema | {"thinking": ThinkingConfigDisabledParam(type="disabled")} if "haiku" in model else schema


def _read(message: Message, model: str, shape: type[T]) -> Written[T]:
    """The typed answer out of a message. The library does not validate answers: nothing in it can be relied on."""
    try:
        usage = _usage(model, message.usage)
        texts = [block.text for block in message.content if block.type == "text"]
    except (AttributeError, TypeError) as error:
        raise NoAnswer("malformed") from error
    if message.stop_reason == "refusal":
        raise NoAnswer("refused", usage)
    try:
        return Written(shape.model_validate_json(_json_in("".join(texts))), usage)
    except ValidationError as error:
        raise NoAnswer("malformed", usage) from error


def _json_in(text: str) -> str:
    """The object in an answer, without what a model that was asked in words puts around it."""
    begin, end = text.find("{"), text.rfind("}")
    return text[begin : end + 1] if 0 <= begin < end else text


def _usage(model: str, used: anthropic.types.Usage) -> Usage:
    """Other servers of the same protocol may leave the caches out."""
    read, written = used.cache_read_input_tokens or 0, used.cache_creation_input_tokens or 0
    plain = usage_of(model, used.input_tokens, used.output_tokens)
    price = known_price(model) or Price(0, 0)
    cached_usd = (read * CACHE_READ + written * CACHE_WRITTEN) * price.input / 1_000_000
    return plain + Usage(read + written, 0, cached_usd)
