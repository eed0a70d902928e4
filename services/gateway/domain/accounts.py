"""An account as the API and the pages show it: its state, what is missing, what it is doing; and what of it can be synced. Pure."""

from collections.abc import Collection, Iterable
from datetime import datetime

from pydantic import BaseModel, Field

from libs.common import scopes
from libs.common.errors import Refused
from libs.common.events import KINDS, Kind
from libs.common.ids import AccountId
from libs.common.requests import Account, AccountStatus, Run
from services.gateway.domain.permissions import off_sentence


class MissingPermission(BaseModel):
    scope: str
    feature: str = Field(description="What is off without it.", examples=["meeting prep emails"])


class AccountView(BaseModel):
    """`reconnect` is the page to open to renew or complete the permissions; null where nothing is to be done."""

    id: AccountId
    address: str
    name: str
    status: AccountStatus
    status_reason: str
    scopes: list[str]
    missing: list[MissingPermission]
    reconnect: str | None = Field(examples=["/connect?account_id=…"])
    connected_at: datetime
    syncs: dict[Kind, Run] = Field(description="The latest run of each kind, with its progress.")

    @property
    def off_sentence(self) -> str:
        """What is off for want of a permission, and why; empty where nothing is."""
        return off_sentence({permission.scope for permission in self.missing})


def account_view(account: Account, runs: Iterable[Run]) -> AccountView:
    """`runs` may be of other accounts too; of several of one kind the newest counts."""
    syncs: dict[Kind, Run] = {}
    for run in runs:
        if run.account_id == account.id and (run.kind not in syncs or run.started_at > syncs[run.kind].started_at):
            syncs[run.kind] = run
    missing = scopes.missing(account.scopes) if account.status == "active" else {}
    return AccountView(
        id=account.id,
        address=account.address,
        name=account.name,
        status=account.status,
        status_reason=account.status_reason,
        scopes=sorted(account.scopes),
        missing=[MissingPermission(scope=scope, feature=feature) for scope, feature in missing.items()],
        reconnect=reconnect_path(account.id) if missing or account.status != "active" else None,
        connected_at=account.connected_at,
        syncs=syncs,
    )


def reconnect_path(account_id: AccountId) -> str:
    """The page that asks Google again for the account's permissions."""
    return f"/connect?account_id={account_id}"


def permitted_kinds(granted: Collection[str]) -> list[Kind]:
    """What the granted scopes let us read."""
    return [kind for kind in KINDS if scopes.NEEDED_BY_KIND[kind] in granted]


def syncable_kinds(account: Account, wanted: set[Kind] | None) -> list[Kind]:
    """Of what is wanted (None: everything) what can be synced now. Refused: `reauth_required`, `disconnected`, `missing_scope` (409)."""
    reconnect = reconnect_path(account.id)
    if account.status == "reauth_required":
        detail = "Google no longer accepts this account's permission. Connect it again, then sync."
        raise Refused(409, "reauth_required", detail, reconnect=reconnect)
    if account.status == "disconnected":
        detail = "This account is disconnected. Connect it again, then sync."
        raise Refused(409, "disconnected", detail, reconnect=reconnect)
    permitted = permitted_kinds(account.scopes)
    if missing := [kind for kind in KINDS if kind not in permitted and kind in (wanted or ())]:
        detail = (
            f"Google was not asked, or refused, to let PingCRM read this: {', '.join(missing)}. Grant it, then sync."
        )
        features = [scopes.FEATURES[scopes.NEEDED_BY_KIND[kind]] for kind in missing]
        raise Refused(409, "missing_scope", detail, kinds=missing, features=features, reconnect=reconnect)
    if not permitted:
        detail = "This account has none of the permissions that syncing needs. Grant them, then sync."
        raise Refused(409, "missing_scope", detail, reconnect=reconnect)
    return [kind for kind in permitted if wanted is None or kind in wanted]
