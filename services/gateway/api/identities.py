"""Identities of other platforms: parted from a contact that they are not. They are typed with a contact's other fields (contacts.py)."""

from pydantic import BaseModel, ConfigDict, Field

from libs.common.ids import ContactId
from libs.common.requests import Contact, UnlinkIdentity
from services.gateway.api.contacts import TAG
from services.gateway.api.endpoint import Call, endpoint


class LinkedIdentity(BaseModel):
    """One of the contact's `identities`, as it is listed there."""

    model_config = ConfigDict(extra="forbid")

    kind: str = Field(min_length=1, max_length=32)
    value: str = Field(min_length=1, max_length=500)


@endpoint(
    "POST",
    "/contacts/{contact_id}/identities/unlink",
    tag=TAG,
    scope="write",
    errors={409: "Nothing else is known of the contact: it is a contact of its own already."},
    creates=True,
)
async def unlink_identity(call: Call, contact_id: ContactId, body: LinkedIdentity) -> Contact:
    """Part an identity from a contact that is somebody else: it is a contact of its own from now on, which is returned.

    All that came under it goes along; where a merge alone had linked it, that merge is undone. Merging the two takes it back.
    """
    return await call.request(
        UnlinkIdentity(user_id=call.user_id, contact_id=contact_id, kind=body.kind, value=body.value)
    )


ENDPOINTS = (unlink_identity,)
