"""An account as the API and the pages show it: its state, what is missing, what it is doing. Pure."""

from collections.abc import Iterable
from datetime import datetime

from pydantic import BaseModel, Field

from libs.common import scopes
from libs.common.events import Kind
from libs.common.ids import AccountId
from libs.common.requests import Account, AccountStatus, Run


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


def view_of(account: Account, runs: Iterable[Run]) -> AccountView:
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
        reconnect=f"/connect?account_id={account.id}" if missing or account.status != "active" else None,
        connected_at=account.connected_at,
        syncs=syncs,
    )
