"""Users, accounts and contacts of a made-up world."""

from datetime import UTC, datetime
from typing import Any

from libs.common import requests as q
from libs.common.ids import AccountId, ContactId, UserId, new_id
from libs.common.scopes import ALL

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
COLD = q.Score(total=0, label="Cold", reciprocity=0, recency=0, frequency=0, breadth=0, tenure=0)


def user(name: str) -> q.User:
    return q.User(id=UserId(new_id()), name=name, address=f"{name.lower()}@example.com", created_at=NOW)


def account_of(owner: q.User, **changes: Any) -> q.Account:
    fields = {"address": owner.address, "status": "active", "scopes": frozenset(ALL), "connected_at": NOW}
    return q.Account(id=AccountId(new_id()), user_id=owner.id, **{**fields, **changes})


def contact(name: str, *emails: str) -> q.Contact:
    return q.Contact(
        id=ContactId(new_id()), name=name, emails=emails, bcc_hash="abcdefghij", relationship=COLD, created_at=NOW
    )


def exclusion(value: str) -> q.Exclusion:
    return q.Exclusion(id=new_id(), kind="domain", value=value, added_at=NOW, removing=False, left_out=3)
