"""Access tokens for the edge, requested from `auth` and kept until shortly before they end."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from libs.common.bus import Bus
from libs.common.errors import Refused
from libs.common.google.errors import AccountUnknown, GoogleError, MissingScope, ReauthRequired
from libs.common.ids import AccountId
from libs.common.requests import GetToken, Token

_MARGIN = timedelta(seconds=60)
_REFUSALS: dict[str, type[GoogleError]] = {
    "reauth_required": ReauthRequired,
    "missing_scope": MissingScope,
    "not_found": AccountUnknown,
}


@dataclass
class AccountTokens:
    """The access tokens of one account, by the scope that was requested. One that covers others as well, as all do, is requested once."""

    bus: Bus
    account_id: AccountId
    _held: dict[str, Token] = field(default_factory=dict)
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __call__(self, scope: str, rejected: str | None) -> str:
        """A token for `scope`. ReauthRequired, MissingScope, AccountUnknown: `auth` has none to give. Outage: no answer."""
        async with self._asking:  # of many calls that need a token at once, a single one requests it
            until = datetime.now(UTC) + _MARGIN
            self._held = {
                asked: token
                for asked, token in self._held.items()
                if token.expires_at > until and token.access_token != rejected
            }
            for asked, held in self._held.items():
                if asked == scope or scope in held.scopes:
                    return held.access_token
            try:
                token = await self.bus.request(GetToken(account_id=self.account_id, scope=scope, rejected=rejected))
            except Refused as refusal:
                if refusal.code in _REFUSALS:
                    raise _REFUSALS[refusal.code](refusal.detail) from refusal
                raise
            self._held[scope] = token
            return token.access_token


@dataclass
class KeptTokens:
    """The tokens of the accounts that were worked on last: a poll every minute need not request one each time."""

    bus: Bus
    most: int = 20_000
    _kept: OrderedDict[AccountId, AccountTokens] = field(default_factory=OrderedDict)

    def of(self, account_id: AccountId) -> AccountTokens:
        tokens = self._kept.setdefault(account_id, AccountTokens(self.bus, account_id))
        self._kept.move_to_end(account_id)
        if len(self._kept) > self.most:
            self._kept.popitem(last=False)
        return tokens
