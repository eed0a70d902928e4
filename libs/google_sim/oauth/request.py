"""An authorization request, checked as Google checks it, and the address that the browser is sent back to."""

from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from multidict import MultiMapping

from libs.google_sim.oauth.authority import IDENTITY_SCOPES

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_PROMPTS = {"none", "consent", "select_account"}
PERMISSIONS = {
    "https://www.googleapis.com/auth/gmail.readonly": "Read your email messages and settings",
    "https://www.googleapis.com/auth/gmail.send": "Send email on your behalf",
    "https://www.googleapis.com/auth/gmail.metadata": "See the headers of your email messages",
    "https://www.googleapis.com/auth/gmail.modify": "Read, write and send email",
    "https://mail.google.com/": "Read, write, send and permanently delete all your email",
    "https://www.googleapis.com/auth/calendar.readonly": "See and download any calendar you can access",
    "https://www.googleapis.com/auth/calendar.events.readonly": "See the events of your calendars",
    "https://www.googleapis.com/auth/contacts.readonly": "See and download your contacts",
}


REQUESTED = "requested_scope"


class BadRequest(Exception):
    """A request that can't end with a redirect: shown to the person on Google's page."""


@dataclass(frozen=True)
class AuthorizationRequest:
    """The parameters that matter, and all of them (`given`) to be carried through the consent page."""

    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str | None
    nonce: str | None
    challenge: str | None
    challenge_method: str
    offline: bool
    include_granted: bool
    prompts: frozenset[str]
    login_hint: str | None
    given: dict[str, str]

    @property
    def hidden(self) -> dict[str, str]:
        """The fields of the consent form that bring the request back; `scope` there are the boxes ticked."""
        return {REQUESTED if name == "scope" else name: value for name, value in self.given.items()}

    @property
    def permissions(self) -> dict[str, str]:
        """Scopes that can be unticked, with their words."""
        return {scope: PERMISSIONS.get(scope, scope) for scope in self.scopes if scope not in IDENTITY_SCOPES}

    def redirect_url(self, **parameters: str) -> str:
        """The redirect URI with these parameters and the state of the request."""
        if self.state is not None:
            parameters["state"] = self.state
        return f"{self.redirect_uri}{'&' if '?' in self.redirect_uri else '?'}{urlencode(parameters)}"


def read(values: MultiMapping[str], only_client: str) -> AuthorizationRequest:
    """Check the parameters. `only_client`: the one client id there is, or empty. Raises BadRequest."""
    given = {name: values[name] for name in _NAMES if values.get(name)}
    client_id, redirect_uri = given.get("client_id", ""), given.get("redirect_uri", "")
    if not client_id or (only_client and client_id != only_client):
        raise BadRequest("Error 401: invalid_client. The OAuth client was not found.")
    if not _may_redirect(redirect_uri):
        raise BadRequest("Error 400: redirect_uri_mismatch. Use https, or http on localhost.")
    if given.get("response_type") != "code":
        raise BadRequest("Error 400: unsupported_response_type. This server gives codes only.")
    scopes = tuple(dict.fromkeys(given.get("scope", "").split()))
    if not scopes:
        raise BadRequest("Error 400: invalid_request. Missing required parameter: scope.")
    prompts = frozenset(given.get("prompt", "").split())
    if prompts - _PROMPTS or ("none" in prompts and len(prompts) > 1):
        raise BadRequest("Error 400: invalid_request. Invalid parameter value for prompt.")
    method = given.get("code_challenge_method", "plain")
    if method not in ("S256", "plain"):
        raise BadRequest("Error 400: invalid_request. Invalid parameter value for code_challenge_method.")
    return AuthorizationRequest(
        client_id=client_id,
        redirect_uri=redirect_uri,
        scopes=scopes,
        state=given.get("state"),
        nonce=given.get("nonce"),
        challenge=given.get("code_challenge"),
        challenge_method=method,
        offline=given.get("access_type") == "offline",
        include_granted=given.get("include_granted_scopes") == "true",
        prompts=prompts,
        login_hint=given.get("login_hint"),
        given=given,
    )


_NAMES = (
    "client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "code_challenge", "code_challenge_method",
    "access_type", "include_granted_scopes", "prompt", "login_hint",
)  # fmt: skip


def _may_redirect(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
        host = parts.hostname
    except ValueError:
        return False
    if parts.fragment or not host:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
