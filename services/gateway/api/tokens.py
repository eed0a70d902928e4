"""Personal API tokens."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from libs.common.requests import (
    MAX_TOKEN_DAYS,
    TOKEN_DAYS,
    TOKEN_NAME_PATTERN,
    ApiToken,
    CreateApiToken,
    DeleteApiToken,
    ListApiTokens,
    TokenScope,
)
from services.gateway.api.endpoint import Call, endpoint
from services.gateway.api.inputs import UniqueList

TAG = "API tokens"


class TokenView(BaseModel):
    id: UUID
    name: str
    scopes: tuple[TokenScope, ...]
    created_at: datetime
    expires_at: datetime | None = Field(description="Null for a token that was made before tokens had an end.")
    last_used_at: datetime | None


class TokenList(BaseModel):
    items: list[TokenView]
    next_cursor: None = None


@endpoint("GET", "/tokens", tag=TAG, scope="account")
async def list_tokens(call: Call) -> TokenList:
    """List the personal API tokens. Their secrets are not stored."""
    tokens = await call.request(ListApiTokens(user_id=call.user_id))
    return TokenList(items=[TokenView.model_validate(token.model_dump()) for token in tokens.items])


class NewToken(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(
        min_length=1,
        max_length=100,
        pattern=TOKEN_NAME_PATTERN,
        description="What it is for.",
        examples=["telegram connector"],
    )
    scopes: UniqueList[TokenScope] = Field(["read"], min_length=1, description="What it may do: `GET /me` shows it.")
    days: int = Field(TOKEN_DAYS, ge=1, le=MAX_TOKEN_DAYS, description="It ends after so many.")


@endpoint(
    "POST",
    "/tokens",
    tag=TAG,
    scope="session",
    status=201,
    errors={409: "There are too many tokens already."},
    creates=True,
)
async def create_token(call: Call, body: NewToken) -> ApiToken:
    """Create a personal API token. `secret` is shown this once."""
    command = CreateApiToken(user_id=call.user_id, name=body.name, scopes=frozenset(body.scopes), days=body.days)
    return await call.request(command)


@endpoint("DELETE", "/tokens/{token_id}", tag=TAG, scope="account", status=204)
async def delete_token(call: Call, token_id: UUID) -> None:
    """Delete a personal API token. It stops working at once."""
    await call.request(DeleteApiToken(user_id=call.user_id, token_id=token_id))


ENDPOINTS = (list_tokens, create_token, delete_token)
