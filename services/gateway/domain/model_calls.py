"""What was sent to the model, in words. Pure."""

from collections.abc import Mapping, Sequence

from libs.common.requests import ModelCall

OUTCOMES: Mapping[str, str] = {
    "": "on its way, or cut off",
    "answered": "answered",
    "refused": "refused by the model",
    "malformed": "answered with what nobody can read",
    "rejected": "refused by the server: see to the key and the model",
    "unavailable": "not answered: the server was away",
    "timeout": "not answered in time",
}


def outcome_text(call: ModelCall) -> str:
    """What became of it."""
    return OUTCOMES.get(call.outcome, call.outcome)


def content_text(call: ModelCall) -> str:
    """`2 guests, 7 interactions and a bio`: what was in it beside the title of the meeting."""
    parts = [
        _counted(call.guests, "guest"),
        _counted(call.interactions, "interaction"),
        _counted(call.bios, "bio"),
    ]
    named = [part for part in parts if part]
    return " and ".join(filter(None, (", ".join(named[:-1]), *named[-1:])))


def dollars(amount: float) -> str:
    """`$0.0021`: as precise as such small amounts need."""
    return f"${amount:.4f}" if 0 < amount < 0.1 else f"${amount:,.2f}"


def total_usd(calls: Sequence[ModelCall]) -> float:
    return sum(call.cost_usd for call in calls)


def _counted(number: int, thing: str) -> str:
    return "" if number == 0 else f"{number} {thing}" if number == 1 else f"{number} {thing}s"
