"""Personal API tokens."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from libs.common.requests import ApiToken, CreateApiToken, DeleteApiToken, ListApiTokens
from services.gateway.api.endpoint import Call, endpoint

TAG = "API tokens"


class TokenView(BaseModel):
    id: UUID
    name: str
    created_at: datetime
    last_used_at: datetime | None


class TokenList(BaseModel):
    items: list[TokenView]
    next_cursor: None = None


@endpoint("GET", "/tokens", tag=TAG)
async def list_tokens(call: Call) -> TokenList:
    """List the personal API tokens. Their secrets are not stored."""
    tokens = await call.request(ListApiTokens(user_id=call.user_id))
    return TokenList(items=[TokenView.model_validate(token.model_dump()) for token in tokens.items])


class NewToken(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=100, description="What it is for.", examples=["telegram connector"])


@endpoint("POST", "/tokens", tag=TAG, status=201, errors={409: "There are too many tokens already."}, creates=True)
async def create_token(call: Call, body: NewToken) -> ApiToken:
    """Create a personal API token. `secret` is shown this once."""
    return await call.request(CreateApiToken(user_id=call.user_id, name=body.name))


@endpoint("DELETE", "/tokens/{token_id}", tag=TAG, status=204)
async def delete_token(call: Call, token_id: UUID) -> None:
    """Delete a personal API token. It stops working at once."""
    await call.request(DeleteApiToken(user_id=call.user_id, token_id=token_id))


ENDPOINTS = (list_tokens, create_token, delete_token)
