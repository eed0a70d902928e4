"""The two users of the world around a gateway, and what was requested of it."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from libs.common import requests as q
from tests.support.gateway.values import account_of, user

Responders = dict[type[q.Request[Any]], Callable[[Any], Awaitable[Any]]]


@dataclass
class TwoUsers:
    """Alice and Bob, each with an account. `requests` are those that somebody may want to look at.

    `after`: what is replied to only once the other thing was requested, too.
    """

    alice: q.User = field(default_factory=lambda: user("Alice"))
    bob: q.User = field(default_factory=lambda: user("Bob"))
    accounts: list[q.Account] = field(default_factory=list)
    requests: list[q.Request[Any]] = field(default_factory=list)
    after: dict[type[q.Request[Any]], type[q.Request[Any]]] = field(default_factory=dict)
    _requested: defaultdict[type[q.Request[Any]], asyncio.Event] = field(
        default_factory=lambda: defaultdict(asyncio.Event)
    )

    def __post_init__(self) -> None:
        self.accounts = [account_of(self.alice), account_of(self.bob)]

    def account(self, owner: q.User) -> q.Account:
        return next(account for account in self.accounts if account.user_id == owner.id)

    def in_order(
        self, kind: type[q.Request[Any]], responder: Callable[[Any], Awaitable[Any]]
    ) -> Callable[[Any], Awaitable[Any]]:
        """The responder, which waits as `after` has it."""

        async def respond(request: q.Request[Any]) -> Any:
            self._requested[kind].set()
            if other := self.after.get(kind):
                await self._requested[other].wait()
            return await responder(request)

        return respond

    def forget_what_was_requested(self) -> None:
        """As far as `after` and `was_requested` are concerned."""
        self._requested.clear()

    def was_requested(self) -> set[type[q.Request[Any]]]:
        """The kinds of requests, since that was forgotten."""
        return {kind for kind, requested in self._requested.items() if requested.is_set()}

    async def done(self, command: q.Command[Any]) -> q.Done:
        self.requests.append(command)
        return q.Done()
