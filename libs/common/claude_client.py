"""Claude's API, by way of the library anthropic, which nobody else imports. Used through claude.py, which imports this when it is needed.

`messages.create` with an output schema rather than `messages.parse`: parse raises on a refusal and on a malformed answer before
one sees the stop reason and the tokens, and both are put on record.
"""

import json
from typing import Any, TypeVar
from urllib.parse import urlsplit

import anthropic
from anthropic.types import Message, ThinkingConfigDisabledParam
from pydantic import BaseModel, ValidationError

from libs.common.claude import DEFAULT_HOST, MAX_TOKENS, NoAnswer, Written
from libs.common.model_prices import Price, Usage, known_price, usage_of

IN_WORDS = "Answer with JSON alone, without a word before or after it, that fits this schema: "
# Of what input costs: what is read from the cache of prompts, and what is written to it.
CACHE_READ, CACHE_WRITTEN = 0.1, 1.25

T = TypeVar("T", bound=BaseModel)


class Client:
    """A connection pool to one host. `seconds`: of one request, without its repetition."""

    def __init__(self, key: str, base_url: str, seconds: float) -> None:
        self._client = anthropic.AsyncAnthropic(
            api_key=key,
            # Given explicitly: the library would otherwise follow ANTHROPIC_BASE_URL of the environment.
            base_url=base_url,
            timeout=seconds,
            max_retries=1,
        )
        self._host = urlsplit(base_url).hostname

    async def write(self, model: str, system: str, prompt: str, shape: type[T]) -> Written[T]:
        """An answer of this shape. Raises NoAnswer."""
        try:
            message = await self._ask(model, system, prompt, shape)
        except anthropic.APITimeoutError as error:
            raise NoAnswer("timeout") from error
        except (anthropic.APIResponseValidationError, ValueError) as error:  # ValueError: JSON that breaks off
            raise NoAnswer("malformed") from error
        except anthropic.APIStatusError as error:
            # 4xx is about our key, model or request and stays so; 429 and 5xx pass.
            lasting = 400 <= error.status_code < 500 and error.status_code not in (408, 409, 429)
            raise NoAnswer("rejected" if lasting else "unavailable") from error
        except anthropic.AnthropicError as error:
            raise NoAnswer("unavailable") from error
        return _read(message, model, shape)

    async def _ask(self, model: str, system: str, prompt: str, shape: type[T]) -> Message:
        """Other servers of the same protocol may know neither schemas nor thinking: they are asked in words for the same shape."""
        try:
            return await self._create(model, system, prompt, _structured(model, shape))
        except anthropic.BadRequestError:
            if self._host == DEFAULT_HOST:
                raise
        in_words = f"{system}\n\n{IN_WORDS}{json.dumps(shape.model_json_schema())}"
        return await self._create(model, in_words, prompt, {})

    async def _create(self, model: str, system: str, prompt: str, more: dict[str, Any]) -> Message:
        answer = await self._client.messages.create(
            model=model,
            max_tokens=MAX_TOKENS,
            # The same for every brief. Below the least length that the model caches (4,096 tokens for Haiku 4.5) the mark does nothing.
            system=[{"type": "text", "text": system, "cache_control": {"type": "ephemeral"}}],
            messages=[{"role": "user", "content": prompt}],
            **more,
        )
        if not isinstance(answer, Message):  # a 200 that is no JSON comes through as text
            raise NoAnswer("malformed")
        return answer

    @property
    def is_closed(self) -> bool:
        return self._client.is_closed()

    async def close(self) -> None:
        await self._client.close()


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
