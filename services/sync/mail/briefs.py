"""Which fetched messages are briefs that `prep` sent.

Only what is from me, in SENT and carries a token is looked up, in one request for a whole group. While `prep` does not respond, such
messages stay pending and all others go on: nothing is hidden, and nothing shown, on a guess.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.common.bus import Bus
from libs.common.errors import Outage, Refused
from libs.common.log import get_logger
from libs.common.requests import FindBriefTokens
from services.sync.domain.fetching import Fetched
from services.sync.domain.mail import Me, brief_token


@dataclass(frozen=True)
class Recognized:
    """The messages of a group that can be decided now, and the tokens of the briefs among them. `failure`: why others can't."""

    decidable: Sequence[Fetched]
    brief_tokens: frozenset[str]
    failure: Exception | None = None


async def recognize_briefs(bus: Bus, me: Me, group: Sequence[Fetched]) -> Recognized:
    """Which messages of a group are briefs."""
    tokens = {fetched.wanted.gmail_id: _token(fetched, me) for fetched in group}
    try:
        return Recognized(group, await find_brief_tokens(bus, me, [token for token in tokens.values() if token]))
    except (Outage, Refused) as error:
        rest = [fetched for fetched in group if tokens[fetched.wanted.gmail_id] is None]
        return Recognized(rest, frozenset(), error)


async def find_brief_tokens(bus: Bus, me: Me, tokens: Sequence[str], *, seconds: float = 10.0) -> frozenset[str]:
    """Of these tokens those that `prep` knows for this account. Outage, Refused: `prep` does not reply."""
    if not tokens:
        return frozenset()
    query = FindBriefTokens(user_id=me.user_id, account_id=me.account_id, tokens=tuple(tokens))
    return (await bus.request(query, seconds=seconds)).tokens


def _token(fetched: Fetched, me: Me) -> str | None:
    """None also where it can't be read: reading the whole message finds that out, and sets it aside."""
    try:
        return brief_token(fetched.message, me) if fetched.message else None
    except Exception:
        get_logger().exception("message_unreadable", gmail_id=fetched.wanted.gmail_id)
        return None
