"""Fault scripts: rules that make chosen calls slow, refused, cut or lost."""

import random
import re
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from libs.google_sim.errors import (
    GoogleError,
    backend_error,
    daily_limit,
    failed_precondition,
    not_found,
    rate_limited,
    unauthenticated,
)

Kind = Literal[
    "latency", "403rate", "429", "retry_after", "5xx", "reset", "truncated", "invalid_json", "lost_send",
    "401", "404", "400precondition", "daily",
]  # fmt: skip
_KEYS = {"match", "kind", "probability", "first", "skip", "milliseconds", "seconds", "status", "account"}


@dataclass
class Rule:
    """One line of a script.

    match: a regular expression searched in the method's id (`gmail.users.messages.get`) and in the path. It hits with
    `probability`, after the first `skip` matching calls, for at most `first` calls (None: for ever), of `account` only
    where one is named (its address; calls without a token of its own are nobody's). latency takes
    `milliseconds` (a batch waits once, for its slowest part), retry_after `seconds`, 5xx `status`. daily: 403, the day's
    quota is used up. lost_send: the call is carried out, its response never arrives.
    """

    match: str
    kind: Kind
    probability: float = 1.0
    first: int | None = None
    skip: int = 0
    milliseconds: int = 100
    seconds: int = 1
    status: int = 503
    account: str = ""
    seen: int = 0
    hits: int = 0
    pattern: re.Pattern[str] = field(init=False, repr=False)
    chance: random.Random = field(init=False, repr=False, default_factory=random.Random)

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"kind must be one of {', '.join(get_args(Kind))}")
        self.pattern = re.compile(self.match)

    @classmethod
    def of(cls, value: dict[str, Any]) -> "Rule":
        """Read a rule. Raises ValueError where it can't be understood."""
        if unknown := set(value) - _KEYS:
            raise ValueError(f"Unknown keys in a fault rule: {', '.join(sorted(unknown))}")
        try:
            return cls(**value)
        except (TypeError, re.error) as error:
            raise ValueError(f"Not a fault rule: {error}") from error


@dataclass(frozen=True)
class Fault:
    """What happens to one call: a wait in seconds, and perhaps one thing more."""

    delay: float
    rule: Rule | None

    @property
    def kind(self) -> Kind | None:
        return self.rule.kind if self.rule else None

    def error(self) -> GoogleError | None:
        """The refusal that the call gets in place of a response; None if the fault is of another kind."""
        if self.rule is None:
            return None
        match self.rule.kind:
            case "403rate":
                return rate_limited("userRateLimitExceeded")
            case "429":
                return rate_limited("rateLimitExceeded", 429)
            case "retry_after":
                return rate_limited("rateLimitExceeded", 429, self.rule.seconds)
            case "5xx":
                return backend_error(self.rule.status)
            case "401":
                return unauthenticated()
            case "404":
                return not_found()
            case "daily":
                return daily_limit()
            case "400precondition":
                return failed_precondition()
            case _:
                return None


NO_FAULT = Fault(0.0, None)


class Faults:
    """The rules in force. Each has a seeded chance of its own: which of its calls it hits repeats, whatever else goes on."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []

    def set(self, rules: list[Rule], seed: int) -> None:
        self.rules = rules
        for number, rule in enumerate(rules):
            rule.chance = random.Random(f"{seed}:{number}")

    def pick(self, method: str, path: str, account: str) -> Fault:
        """Return all latencies that hit a call of `account` (empty: nobody's), and the first other fault."""
        if not self.rules:
            return NO_FAULT
        delay, chosen = 0.0, None
        for rule in self.rules:
            if (chosen and rule.kind != "latency") or rule.account not in ("", account):
                continue
            if not (rule.pattern.search(method) or rule.pattern.search(path)):
                continue
            rule.seen += 1
            spent = rule.first is not None and rule.hits >= rule.first
            if rule.seen <= rule.skip or spent or rule.chance.random() >= rule.probability:
                continue
            rule.hits += 1
            if rule.kind == "latency":
                delay += rule.milliseconds / 1000
            else:
                chosen = rule
        return Fault(delay, chosen)
