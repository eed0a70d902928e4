"""The requests that `auth` serves: accounts, tokens, settings, sign-in, sessions, API tokens."""

from datetime import datetime
from typing import Literal, get_args
from uuid import UUID

from pydantic import Field

from libs.common.ids import AccountId, UserId
from libs.common.preferences import Preferences
from libs.common.requests.request import Command, Done, FrozenModel, Query

AccountStatus = Literal["active", "reauth_required", "disconnected"]
TokenScope = Literal["read", "write", "account"]
TOKEN_SCOPES: tuple[TokenScope, ...] = get_args(TokenScope)
TOKEN_DAYS, MAX_TOKEN_DAYS = 365, 3650
# Of a regular expression: control characters, and those that hide or reorder what stands beside them.
UNPRINTABLE = "\\u0000-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u2028-\\u202f\\u2060-\\u206f\\ufeff"
TOKEN_NAME_PATTERN = rf"^[^{UNPRINTABLE}]*[^\s{UNPRINTABLE}][^{UNPRINTABLE}]*$"
"""Something that can be seen, and nothing of the above."""


class Account(FrozenModel):
    """One connected Google account. `scopes` is what Google granted."""

    id: AccountId
    user_id: UserId
    address: str
    name: str = ""
    status: AccountStatus
    status_reason: str = ""
    scopes: frozenset[str]
    connected_at: datetime


class Accounts(FrozenModel):
    items: tuple[Account, ...]


class ListAccounts(Query[Accounts]):
    """The accounts of a user, or one account, or (neither given) all that are not disconnected."""

    subject = "auth.accounts"
    served_by = "auth"
    requested_by = ("sync", "prep", "gateway")
    reply = Accounts

    user_id: UserId | None = None
    account_id: AccountId | None = None


class AccountState(FrozenModel):
    """How an account stands after the event of this `sequence`. Purged: only ids are left of it; with `user_deleted`, of its user too.

    `settings_version` is that of its user's settings; 0: they were never changed.
    """

    id: AccountId
    user_id: UserId
    address: str
    scopes: frozenset[str]
    status: Literal["active", "reauth_required", "disconnected", "purged"]
    status_reason: str = ""
    sequence: int
    user_deleted: bool = False
    settings_version: int = 0


class AccountStates(FrozenModel):
    """`next_after`: where the next page begins; None: this was the last."""

    items: tuple[AccountState, ...]
    next_after: AccountId | None = None


class ListAccountStates(Query[AccountStates]):
    """How all accounts stand, the removed ones too, page by page; or one. For copies that may have missed an event."""

    subject = "auth.account_states"
    served_by = "auth"
    requested_by = ("sync", "contacts")
    reply = AccountStates

    account_id: AccountId | None = None
    after: AccountId | None = None
    limit: int = Field(500, ge=1, le=500)


class Token(FrozenModel):
    access_token: str = Field(repr=False)
    expires_at: datetime
    scopes: frozenset[str]
    address: str
    user_id: UserId


class GetToken(Query[Token]):
    """A short-lived access token. `rejected` is a token that Google just refused: it is not given again.

    Refused: `reauth_required` (409), `missing_scope` (403), `not_found` (404).
    """

    subject = "auth.token"
    served_by = "auth"
    requested_by = ("sync", "prep")
    reply = Token

    account_id: AccountId
    scope: str
    rejected: str | None = Field(None, repr=False)


class UserPreferences(FrozenModel):
    version: int
    preferences: Preferences


class GetSettings(Query[UserPreferences]):
    subject = "auth.settings"
    served_by = "auth"
    requested_by = ("sync", "contacts", "prep", "gateway")
    reply = UserPreferences

    user_id: UserId


class PutSettings(Command[UserPreferences]):
    """Replace the settings; publishes `settings.changed` where something changed.

    With `if_version`, only where that is still the version. Refused: `settings_changed` (409).
    """

    subject = "auth.put_settings"
    served_by = "auth"
    requested_by = ("gateway",)
    reply = UserPreferences

    user_id: UserId
    preferences: Preferences
    if_version: int | None = None


class Authorization(FrozenModel):
    authorize_url: str


class BeginSignIn(Command[Authorization]):
    """Begin the authorization code flow: sign in (no session), or add an account to the session's user, or renew one (`account_id`).

    `browser` is a random value that the gateway keeps in a cookie of this browser: only the same browser can finish, and what
    was begun in a session only that session. Refused: `unauthenticated` (401), `not_found` (404), `not_configured` (500).
    """

    subject = "auth.begin"
    served_by = "auth"
    requested_by = ("gateway",)
    reply = Authorization

    browser: str = Field(repr=False)
    session: str | None = Field(None, repr=False)
    account_id: AccountId | None = None


class SignInSetup(FrozenModel):
    """`missing`: the settings of the operator without which nobody can sign in; empty where all is set up."""

    missing: tuple[str, ...] = ()


class GetSignInSetup(Query[SignInSetup]):
    """Whether people can sign in with Google here. About nobody: the sign-in page is for everybody."""

    subject = "auth.sign_in_setup"
    served_by = "auth"
    requested_by = ("gateway",)
    reply = SignInSetup


class SignedIn(FrozenModel):
    """`session` is the secret for the session cookie (absent when the user was signed in already).

    `authorize_url`: Google gave no lasting permission yet; set the cookie, then send the browser there instead of home.
    """

    user_id: UserId
    account_id: AccountId
    address: str
    session: str | None = Field(None, repr=False)
    session_expires_at: datetime | None = None
    missing_scopes: tuple[str, ...] = ()
    authorize_url: str | None = Field(None, repr=False)


class FinishSignIn(Command[SignedIn]):
    """Google sent the browser back; `session` is the one that it has, if any.

    Refused: `invalid_state` 400, `access_denied`, `policy_refused`, `sign_up_closed` 403, `account_taken` 409, `exchange_failed` 502…
    """

    subject = "auth.finish"
    served_by = "auth"
    requested_by = ("gateway",)
    reply = SignedIn

    browser: str = Field(repr=False)
    session: str | None = Field(None, repr=False)
    state: str = Field(repr=False)
    code: str = Field("", repr=False)
    error: str = ""


class User(FrozenModel):
    """`operator`: the owner of the installation, or whom PINGCRM_OPERATORS names."""

    id: UserId
    name: str
    address: str
    created_at: datetime
    operator: bool = False


class Authenticated(User):
    """The user behind a session or a token. `scopes`: what that token may do; a session has none, it may do everything."""

    scopes: frozenset[TokenScope] = frozenset()


class WhoIs(Query[Authenticated]):
    """Who a session cookie or a personal API token belongs to. Refused: `unauthenticated` (401)."""

    subject = "auth.whois"
    served_by = "auth"
    requested_by = ("gateway",)
    reply = Authenticated

    session: str | None = Field(None, repr=False)
    token: str | None = Field(None, repr=False)


class SignOut(Command[Done]):
    subject = "auth.sign_out"
    served_by = "auth"
    requested_by = ("gateway",)
    reply = Done

    session: str = Field(repr=False)


class SignOutEverywhere(Command[Done]):
    """End every session of a user. API tokens stay."""

    subject = "auth.sign_out_everywhere"
    served_by = "auth"
    requested_by = ("gateway",)
    reply = Done

    user_id: UserId


class ApiToken(FrozenModel):
    """A personal API token. `secret` is there once, in the reply to its creation. Made before tokens had an end, it has no `expires_at`."""

    id: UUID
    name: str
    scopes: tuple[TokenScope, ...]
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    secret: str | None = Field(None, repr=False)


class ApiTokens(FrozenModel):
    items: tuple[ApiToken, ...]


class CreateApiToken(Command[ApiToken]):
    """A new token, for so many days. Refused: `invalid_name` (422), `too_many_tokens` (409)."""

    subject = "auth.create_token"
    served_by = "auth"
    requested_by = ("gateway",)
    reply = ApiToken

    user_id: UserId
    name: str
    scopes: frozenset[TokenScope] = Field(frozenset({"read"}), min_length=1)
    days: int = Field(TOKEN_DAYS, ge=1, le=MAX_TOKEN_DAYS)


class ListApiTokens(Query[ApiTokens]):
    subject = "auth.tokens"
    served_by = "auth"
    requested_by = ("gateway",)
    reply = ApiTokens

    user_id: UserId


class DeleteApiToken(Command[Done]):
    subject = "auth.delete_token"
    served_by = "auth"
    requested_by = ("gateway",)
    reply = Done

    user_id: UserId
    token_id: UUID


class Disconnect(Command[Done]):
    """Revoke at Google, delete the tokens, publish `account.disconnected`."""

    subject = "auth.disconnect"
    served_by = "auth"
    requested_by = ("gateway",)
    reply = Done

    user_id: UserId
    account_id: AccountId
    purge: bool


class DeleteUser(Command[Done]):
    """Disconnect everything, delete the user, publish `user.deleted`."""

    subject = "auth.delete_user"
    served_by = "auth"
    requested_by = ("gateway",)
    reply = Done

    user_id: UserId
