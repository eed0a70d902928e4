"""Whom the user asked not to record."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from libs.common.ids import ContactId
from libs.common.requests import AddExclusion, ExcludeContact, Exclusion, ListExclusions, RemoveExclusion
from services.gateway.api.endpoint import Call, endpoint

TAG = "Do not record"


class ExclusionList(BaseModel):
    items: tuple[Exclusion, ...]
    next_cursor: None = None


class NewExclusion(BaseModel):
    model_config = ConfigDict(extra="forbid")

    value: str = Field(
        min_length=1,
        max_length=320,
        description="An email address, or a domain: that one and all below it.",
        examples=["ann@example.com", "example.com"],
    )


@endpoint("GET", "/do-not-record", tag=TAG, scope="read")
async def list_exclusions(call: Call) -> ExclusionList:
    """List whom I asked not to record, newest first."""
    found = await call.request(ListExclusions(user_id=call.user_id))
    return ExclusionList(items=found.items)


@endpoint(
    "POST",
    "/do-not-record",
    tag=TAG,
    scope="account",
    status=201,
    errors={409: "There are too many rules."},
    creates=True,
)
async def add_exclusion(call: Call, body: NewExclusion) -> Exclusion:
    """Do not record an address or a domain.

    From now on nothing that they write comes in, nor what only they and I are on; other mail and meetings come in without them. What was
    recorded before goes in the background. Nothing changes at Google.
    """
    return await call.request(AddExclusion(user_id=call.user_id, value=body.value))


@endpoint("DELETE", "/do-not-record/{exclusion_id}", tag=TAG, scope="account", status=204)
async def remove_exclusion(call: Call, exclusion_id: UUID) -> None:
    """Record them again.

    What Google still has comes back with the next audit of each account, once a day or at once by `POST /accounts/{account_id}/audit`.
    Notes and what other platforms reported are gone for good.
    """
    await call.request(RemoveExclusion(user_id=call.user_id, exclusion_id=exclusion_id))


@endpoint(
    "POST",
    "/contacts/{contact_id}/do-not-record",
    tag=TAG,
    scope="account",
    errors={409: "There are too many rules."},
    creates=True,
)
async def exclude_contact(call: Call, contact_id: ContactId) -> ExclusionList:
    """Do not record a contact: none of their addresses, phones and handles. The contact and its notes go at once."""
    found = await call.request(ExcludeContact(user_id=call.user_id, contact_id=contact_id))
    return ExclusionList(items=found.items)


ENDPOINTS = (list_exclusions, add_exclusion, remove_exclusion, exclude_contact)
