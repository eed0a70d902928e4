"""What a personal API token may do, and what needs a session. Pure."""

from collections.abc import Set as AbstractSet
from typing import Literal, TypeAlias

from libs.common.errors import Refused
from libs.common.requests import TokenScope

Scope: TypeAlias = TokenScope | Literal["session"]
"""What a call must have: a token with this scope, or a session; `session`: no token will do."""

SCOPE_TEXTS: dict[TokenScope, str] = {
    "read": "See people, timelines, meetings, notifications and settings",
    "write": "Change people, notes and notifications, report interactions, send briefs",
    "account": "Sync and disconnect accounts, change settings and what is recorded, export everything, revoke tokens",
}


def require_scope(wanted: Scope, *, in_session: bool, scopes: AbstractSet[TokenScope]) -> None:
    """Refused: `session_required` (403), `insufficient_scope` (403) with the scope that is missing. A session may do everything."""
    if in_session:
        return
    if wanted == "session":
        raise session_required()
    if wanted not in scopes:
        raise Refused(
            403,
            "insufficient_scope",
            f"This needs an API token with the scope `{wanted}`. Make one on the settings page, or with `pingcrm token create`.",
            scope=wanted,
        )


def session_required() -> Refused:
    return Refused(403, "session_required", "No API token may do this: sign in with a browser, and do it there.")
