"""What models cost: list prices, and what an answer took in tokens and dollars. Pure."""

from dataclasses import dataclass
from typing import NamedTuple


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
    """What an answer took; `input_tokens` with those that were cached. `cost_usd` is 0 for a model without a known price."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cost_usd + other.cost_usd,
        )


def known_price(model: str) -> Price | None:
    """The list price of the model, or of the family of a dated id."""
    return next((price for name, price in PRICES.items() if model == name or model.startswith(f"{name}-")), None)


def usage_of(model: str, input_tokens: int, output_tokens: int) -> Usage:
    """Tokens with what they cost at the list price of the model."""
    price = known_price(model) or Price(0, 0)
    cost = (input_tokens * price.input + output_tokens * price.output) / 1_000_000
    return Usage(input_tokens, output_tokens, cost)
