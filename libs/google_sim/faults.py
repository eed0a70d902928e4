"""Fault scripts: rules that make chosen calls slow, refused, cut or lost."""

import random
import re
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from libs.google_sim.errors import (
    GoogleError,
    backend_error,
    failed_precondition,
    not_found,
    rate_limited,
    unauthenticated,
)

Kind = Literal[
    "latency", "403rate", "429", "retry_after", "5xx", "reset", "truncated", "invalid_json", "lost_send",
    "401", "404", "400precondition",
]  # fmt: skip
_KEYS = {"match", "kind", "probability", "first", "skip", "milliseconds", "seconds", "status"}


@dataclass
class Rule:
    """One line of a script.

    match: a regular expression searched in the method's id (`gmail.users.messages.get`) and in the path. It hits with
    `probability`, after the first `skip` matching calls, for at most `first` calls (None: for ever). latency takes
    `milliseconds`, retry_after `seconds`, 5xx `status`. lost_send: the call is carried out, its answer never arrives.
    """

    match: str
    kind: Kind
    probability: float = 1.0
    first: int | None = None
    skip: int = 0
    milliseconds: int = 100
    seconds: int = 1
    status: int = 503
    seen: int = 0
    hits: int = 0
    pattern: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"kind must be one of {', '.join(get_args(Kind))}")
        self.pattern = re.compile(self.match)

    @classmethod
    def of(cls, value: dict[str, Any]) -> "Rule":
        """Raises ValueError where the rule can't be understood."""
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
        """The refusal that the call gets in place of an answer; None if the fault is of another kind."""
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
            case "400precondition":
                return failed_precondition()
            case _:
                return None


NO_FAULT = Fault(0.0, None)


class Faults:
    """The rules in force. Chance comes from one seeded source, so a script repeats."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self._random = random.Random(0)

    def set(self, rules: list[Rule], seed: int) -> None:
        self.rules = rules
        self._random = random.Random(seed)

    def pick(self, method: str, path: str) -> Fault:
        """All latencies that hit, and the first other fault."""
        if not self.rules:
            return NO_FAULT
        delay, chosen = 0.0, None
        for rule in self.rules:
            if (chosen and rule.kind != "latency") or not (rule.pattern.search(method) or rule.pattern.search(path)):
                continue
            rule.seen += 1
            spent = rule.first is not None and rule.hits >= rule.first
            if rule.seen <= rule.skip or spent or self._random.random() >= rule.probability:
                continue
            rule.hits += 1
            if rule.kind == "latency":
                delay += rule.milliseconds / 1000
            else:
                chosen = rule
        return Fault(delay, chosen)
