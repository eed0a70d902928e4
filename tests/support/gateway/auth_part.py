"""The plain service that stands in for `auth`: who is signed in, the accounts and the settings."""

from collections import Counter
from dataclasses import dataclass, field

from libs.common import requests as q
from libs.common.errors import Refused
from libs.common.ids import UserId, new_id
from libs.common.preferences import Preferences
from tests.support.gateway.two_users import Responders, TwoUsers
from tests.support.gateway.values import NOW


@dataclass
class AuthPart(TwoUsers):
    """`auth`: who is signed in, the accounts and the settings."""

    preferences: dict[UserId, Preferences] = field(default_factory=dict)
    versions: Counter[UserId] = field(default_factory=Counter)
    overtaking: list[Preferences] = field(default_factory=list)
    missing_settings: tuple[str, ...] = ()
    sessions: dict[str, q.User] = field(default_factory=dict)
    tokens: dict[str, q.User] = field(default_factory=dict)
    scopes: dict[str, frozenset[q.TokenScope]] = field(default_factory=dict)
    signed_in: q.SignedIn | Refused | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.sessions = {"session-of-alice": self.alice, "session-of-bob": self.bob}
        self.tokens = {"pcrm_alice": self.alice, "pcrm_bob": self.bob}

    def auth_responders(self) -> Responders:
        return {
            q.WhoIs: self.whois,
            q.SignOut: self.sign_out,
            q.SignOutEverywhere: self.sign_out_everywhere,
            q.GetSignInSetup: self.setup,
            q.BeginSignIn: self.begin,
            q.FinishSignIn: self.finish,
            q.ListAccounts: self.list_accounts,
            q.GetSettings: self.get_settings,
            q.PutSettings: self.put_settings,
            q.CreateApiToken: self.create_token,
            q.ListApiTokens: self.list_tokens,
            q.DeleteApiToken: self.done,
            q.Disconnect: self.done,
            q.DeleteUser: self.done,
        }

    async def whois(self, query: q.WhoIs) -> q.Authenticated:
        """A token may do what `scopes` has for it, everything where that has nothing."""
        found = self.sessions.get(query.session or "") or self.tokens.get(query.token or "")
        if found is None:
            raise Refused(401, "unauthenticated", "This session has ended. Sign in again.")
        scopes = self.scopes.get(query.token, frozenset(q.TOKEN_SCOPES)) if query.token else frozenset()
        return q.Authenticated(**found.model_dump(), scopes=scopes)

    async def sign_out(self, command: q.SignOut) -> q.Done:
        self.sessions.pop(command.session, None)
        return q.Done()

    async def sign_out_everywhere(self, command: q.SignOutEverywhere) -> q.Done:
        self.sessions = {name: user for name, user in self.sessions.items() if user.id != command.user_id}
        return q.Done()

    async def setup(self, _: q.GetSignInSetup) -> q.SignInSetup:
        return q.SignInSetup(missing=self.missing_settings)

    async def begin(self, command: q.BeginSignIn) -> q.Authorization:
        self.requests.append(command)
        return q.Authorization(authorize_url="https://accounts.example/authorize?state=s")

    async def finish(self, command: q.FinishSignIn) -> q.SignedIn:
        self.requests.append(command)
        if isinstance(self.signed_in, q.SignedIn):
            return self.signed_in
        raise self.signed_in or Refused(400, "invalid_state", "This sign-in was not begun in this browser. Try again.")

    async def list_accounts(self, query: q.ListAccounts) -> q.Accounts:
        return q.Accounts(items=tuple(account for account in self.accounts if account.user_id == query.user_id))

    async def get_settings(self, query: q.GetSettings) -> q.UserPreferences:
        preferences = self.preferences.get(query.user_id, Preferences())
        return q.UserPreferences(version=self.versions[query.user_id], preferences=preferences)

    async def put_settings(self, command: q.PutSettings) -> q.UserPreferences:
        """`overtaking` are changes that somebody else makes just before."""
        if self.overtaking:
            self.versions[command.user_id] += 1
            self.preferences[command.user_id] = self.overtaking.pop()
        if command.if_version not in (None, self.versions[command.user_id]):
            raise Refused(409, "settings_changed", "The settings were changed meanwhile.")
        self.versions[command.user_id] += 1
        self.preferences[command.user_id] = command.preferences
        return q.UserPreferences(version=self.versions[command.user_id], preferences=command.preferences)

    async def create_token(self, command: q.CreateApiToken) -> q.ApiToken:
        self.requests.append(command)
        return q.ApiToken(
            id=new_id(), name=command.name, scopes=tuple(command.scopes), created_at=NOW, secret="pcrm_new"
        )

    async def list_tokens(self, _: q.ListApiTokens) -> q.ApiTokens:
        return q.ApiTokens(items=(q.ApiToken(id=new_id(), name="connector", scopes=("read",), created_at=NOW),))
