"""Claude: one prompt with a shape, one typed answer, within a time limit.

    claude = Claude.from_settings(settings)
    written = await claude.write(system="…", prompt="…", shape=Points)     # or NoAnswer, which says why

The library is imported with claude_client.py when the first prompt is sent: it takes as much time and memory as all else that a
service imports, and without a key nobody needs it.
"""

import asyncio
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Generic, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel

from libs.common.config import Settings
from libs.common.counters import MODEL_ANSWERS, MODEL_COST, MODEL_TOKENS
from libs.common.log import current_trace, describe_span, traced
from libs.common.model_prices import PRICES, Usage, known_price, usage_of

if TYPE_CHECKING:
    from libs.common.claude_client import Client

DEFAULT_HOST = "api.anthropic.com"
DEFAULT_BASE_URL = f"https://{DEFAULT_HOST}"
CLIENT_MODULE = "libs.common.claude_client"
TIME_LIMIT_SECONDS = 20.0
MAX_TOKENS = 2_000

Why = Literal["no_key", "over_budget", "timeout", "refused", "malformed", "rejected", "unavailable"]
T = TypeVar("T", bound=BaseModel)


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


@dataclass
class Access:
    """With which key, and where. The client is opened when it is first needed."""

    key: str = field(repr=False)
    base_url: str = DEFAULT_BASE_URL
    _client: "Client | None" = None

    async def client(self, seconds: float) -> "Client":
        """The one client, with this time limit where it is opened now. The library is imported beside the event loop, which goes on."""
        if self._client is None:
            module = await asyncio.to_thread(import_module, CLIENT_MODULE)
            if self._client is None:  # somebody else may have waited for the same
                self._client = module.Client(self.key, self.base_url, seconds)
        return self._client

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()


@dataclass(frozen=True)
class Claude:
    """One model; without a key (`access` None) every prompt ends in NoAnswer("no_key")."""

    access: Access | None
    model: str
    seconds: float = TIME_LIMIT_SECONDS

    @property
    def enabled(self) -> bool:
        """Whether there is a key."""
        return self.access is not None

    @property
    def host(self) -> str:
        """Where prompts go."""
        return (urlsplit(self.access.base_url).hostname or "") if self.access else ""

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
        access = Access(key, settings.anthropic_base_url or DEFAULT_BASE_URL) if key else None
        return cls(access, settings.anthropic_model, seconds)

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
        if self.access is None:
            raise NoAnswer("no_key")
        client = await self.access.client(self.seconds)
        try:
            async with asyncio.timeout(self.seconds):
                return await client.write(self.model, system, prompt, shape)
        except TimeoutError as error:
            raise NoAnswer("timeout") from error

    async def close(self) -> None:
        if self.access is not None:
            await self.access.close()


def _count(outcome: str, usage: Usage) -> None:
    describe_span(outcome=outcome)
    MODEL_ANSWERS.labels(outcome).inc()
    MODEL_TOKENS.labels("input").inc(usage.input_tokens)
    MODEL_TOKENS.labels("output").inc(usage.output_tokens)
    MODEL_COST.inc(usage.cost_usd)
