"""Personal API tokens: what they may be called, how many a user may have, how they end, and how a command line shows them."""

import json
import re
from collections.abc import Sequence
from datetime import datetime

from libs.common.errors import Refused, not_found
from libs.common.ids import UserId
from libs.common.requests import UNPRINTABLE, ApiToken

NAME_LENGTH = 100
TOKENS_PER_USER = 50
_HIDDEN = re.compile(f"[{UNPRINTABLE}]")


def api_token_name(name: str) -> str:
    """The name as it is stored. Refused: `invalid_name` (422)."""
    trimmed = " ".join(name.split())
    if not trimmed or len(trimmed) > NAME_LENGTH or _HIDDEN.search(trimmed):
        raise Refused(422, "invalid_name", f"Give the token a name of 1 to {NAME_LENGTH} printable characters.")
    return trimmed


def expired(expired_at: datetime) -> Refused:
    """The refusal of a token that was good until then."""
    return Refused(
        401,
        "unauthenticated",
        f"This API token expired on {expired_at:%Y-%m-%d}. Make another one on the settings page, or with `pingcrm token create`.",
    )


def user_of(address: str | None, found: Sequence[UserId]) -> UserId:
    """The one user that was found. Refused: `not_found` (404), `ambiguous_user` (409)."""
    match found:
        case [user_id]:
            return user_id
        case []:
            raise not_found("user: nobody has signed in" if address is None else f"user: {address}")
        case _ if address is None:
            raise Refused(409, "ambiguous_user", "There are several users: say whose token it is with --user ADDRESS.")
        case _:
            raise Refused(409, "ambiguous_user", f"Several users have {address}: name another address of theirs.")


def token_sentence(token: ApiToken) -> str:
    """What a person reads beside the secret of a new token."""
    return f"May {', '.join(token.scopes)}, until {_day(token.expires_at)}. It is shown this once:"


def token_line(token: ApiToken) -> str:
    """One line of a list: id, scopes, end, last use, name."""
    used = f"used {_day(token.last_used_at)}" if token.last_used_at else "never used"
    return "\t".join((str(token.id), ",".join(token.scopes), f"until {_day(token.expires_at)}", used, token.name))


def token_rows(tokens: Sequence[ApiToken]) -> str:
    """A list as JSON, for programs."""
    return json.dumps([token.model_dump(mode="json", exclude={"secret"}) for token in tokens], indent=2)


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d}" if moment else "revoked"
