"""The two users of the world around a gateway, and what was requested of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from libs.common import requests as q
from tests.support.gateway.values import account_of, user

Responders = dict[type[q.Request[Any]], Callable[[Any], Awaitable[Any]]]


@dataclass
class TwoUsers:
    """Alice and Bob, each with an account. `requests` are those that somebody may want to look at."""

    alice: q.User = field(default_factory=lambda: user("Alice"))
    bob: q.User = field(default_factory=lambda: user("Bob"))
    accounts: list[q.Account] = field(default_factory=list)
    requests: list[q.Request[Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.accounts = [account_of(self.alice), account_of(self.bob)]

    def account(self, owner: q.User) -> q.Account:
        return next(account for account in self.accounts if account.user_id == owner.id)

    async def done(self, command: q.Command[Any]) -> q.Done:
        self.requests.append(command)
        return q.Done()
