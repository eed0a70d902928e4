"""Assistants that register themselves: where they may be sent to, what their ids are worth, and which codes may be exchanged."""

import hashlib
import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from pydantic import SecretStr

from libs.common.errors import Refused
from libs.common.ids import UserId, new_id
from services.gateway.domain.assistant_clients import (
    MAX_NAME,
    NAMELESS,
    Client,
    Grant,
    OAuthError,
    authorization_request,
    client_id_of,
    client_of,
    fingerprint,
    registered,
    require_fit,
    token_name,
)
from services.gateway.domain.redirect_uris import host_of, location
from services.gateway.domain.signed_values import signed, verified

KEY, OTHER_KEY = SecretStr("key"), SecretStr("other key")
RESOURCE = "https://crm.example/mcp"
LOCAL, REMOTE = "http://127.0.0.1:3030/callback", "https://assistant.example/back?from=crm"
CLIENT = Client(name="Claude", redirect_uris=(LOCAL, REMOTE))
VERIFIER = "v" * 43
CHALLENGE = urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
QUERY = {
    "client_id": client_id_of(CLIENT, KEY), "redirect_uri": LOCAL, "response_type": "code", "state": "s t&",
    "code_challenge": CHALLENGE, "code_challenge_method": "S256", "scope": "read write", "resource": RESOURCE,
}  # fmt: skip


def asked(**changes: str | None) -> Any:
    query = {name: value for name, value in {**QUERY, **changes}.items() if value is not None}
    return authorization_request(query, [OTHER_KEY, KEY], RESOURCE)


@pytest.mark.parametrize(
    ("uri", "fits"),
    [
        (LOCAL, True),
        ("http://localhost/callback", True),
        ("http://[::1]:7/x", True),
        (REMOTE, True),
        ("http://assistant.example/back", False),
        ("http://127.0.0.1.assistant.example/", False),
        ("http://127.0.0.1@assistant.example/", False),
        ("https://user:word@assistant.example/", False),
        ("https://assistant.example/#part", False),
        ("https://assistant.example/a b", False),
        ('https://assistant.example/"><script>', False),
        ("https://assistant.example/'; url=x", False),
        ("https://assistant.example:99999/", False),
        ("https:///nowhere", False),
        ("https://claude.ai%2eevil.example/", False),
        ("https://claude.ai,evil.example/", False),
        ("https://[::1].evil.example/", False),
        ("http://evil.example[::1]/", False),
        ("https://evil.example:443:80/", False),
        ("https://cl\u0430ude.ai/", False),
        ("https://assistant.example/\u202egnp.exe", False),
        ("https://assistant.example/\n", False),
        ("https://assistant.example\\@evil.example/", False),
        ("https://assistant.example/back?x=1&code=theirs", False),
        ("https://assistant.example/back?state=", False),
        ("https://google.example/url?q=https://evil.example", False),
        ("https://google.example/url?q=HTTPS%3A%2F%2Fevil.example", False),
        ("https://google.example/url?q=%2F/evil.example", False),
        ("https://google.example//evil.example", False),
        ("https://assistant.example/http/back", True),
        ("http://localhost./callback", False),
        ("data:text/html,x", False),
        ("javascript:alert(1)", False),
        ("cursor://anysphere/callback", False),
        ("https://assistant.example/" + "a" * 400, False),
        ("", False),
    ],
)
def test_an_answer_goes_over_https_or_to_the_user_s_own_machine(uri: str, fits: bool) -> None:
    body = json.dumps({"redirect_uris": [REMOTE, uri], "client_name": "Claude"}).encode()
    assert registered(body).redirect_uris == ((REMOTE, uri) if fits else (REMOTE,))
    if not fits:
        with pytest.raises(OAuthError) as error:
            registered(json.dumps({"redirect_uris": [uri]}).encode())
        assert error.value.code == "invalid_redirect_uri"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{}", b'{"redirect_uris": []}', b'{"redirect_uris": "https://a.example"}', b"[" * 5000,
        json.dumps({"redirect_uris": [LOCAL] * 11}).encode(),
        json.dumps({"redirect_uris": [LOCAL], "grant_types": ["client_credentials"]}).encode(),
        json.dumps({"redirect_uris": [LOCAL], "response_types": ["token"]}).encode(),
    ],
)  # fmt: skip
def test_what_can_not_be_registered_is_refused(body: bytes) -> None:
    with pytest.raises(OAuthError) as error:
        registered(body)
    assert error.value.code == "invalid_client_metadata"


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("Claude", "Claude"),
        (None, NAMELESS),
        (" \u202e\u200b ", NAMELESS),
        ("a\nb", "a b"),
        ("\u3164\u2800\u115f", NAMELESS),
        ("!!!", NAMELESS),
        ("Claude” of PingCRM, which is safe. “It", "Claude' of PingCRM, which is safe. 'It"),
        ('"«Claude»"', "''Claude''"),
        ("Cl\u00adau\U000e0041de\u061c", "Claude"),
        ("a" + "\u0301" * 50, "a" + "\u0301" * 3),
        ("\u05d0\u05d1", "\u05d0\u05d1"),
        ("x" * 500, "x" * MAX_NAME),
    ],
)
def test_a_client_is_called_what_it_calls_itself_as_far_as_that_can_be_read(given: str | None, name: str) -> None:
    body = json.dumps({"redirect_uris": [LOCAL], "client_name": given, "logo_uri": "", "scope": "everything"}).encode()
    assert registered(body).name == name


def test_a_client_is_known_by_its_id_alone_under_every_key_and_no_other_client_can_have_it() -> None:
    client_id = client_id_of(CLIENT, KEY)
    assert client_of(client_id, [OTHER_KEY, KEY]) == CLIENT
    assert client_of(client_id, [OTHER_KEY]) is None
    content, _, signature = client_id.partition(".")
    other = client_id_of(CLIENT.model_copy(update={"redirect_uris": ("https://evil.example/",)}), OTHER_KEY)
    for forged in (
        "",
        ".",
        content,
        f"{content}.",
        f"{other.partition('.')[0]}.{signature}",
        "é.é",
        client_id[:-2],
        f"{client_id}=",
        f"!{client_id}",
    ):
        assert client_of(forged, [KEY]) is None, forged


def test_a_request_is_what_its_client_registered_for() -> None:
    wanted = asked()
    assert (wanted.client, wanted.name) == (fingerprint(QUERY["client_id"]), "Claude")
    assert (wanted.redirect_uri, wanted.scopes) == (LOCAL, ("read", "write"))
    assert asked(scope=None).scopes == ("read",)
    assert asked(scope="write account offline_access").scopes == ("write",), "the account is for tokens made by hand"
    assert asked(redirect_uri="http://127.0.0.1:4040/callback").redirect_uri == "http://127.0.0.1:4040/callback"
    assert asked(resource="https://crm.example").state == "s t&"
    for changes in (
        {"client_id": None},
        {"client_id": "forged"},
        {"redirect_uri": None},
        {"redirect_uri": "http://127.0.0.1:4040/elsewhere"},
        {"redirect_uri": "https://assistant.example:8443/back?from=crm"},
        {"redirect_uri": "https://evil.example/"},
    ):
        with pytest.raises(Refused) as refused:
            asked(**changes)
        assert refused.value.status == 400, "the browser is sent nowhere"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"state": "s" * 1001}, "invalid_request"),
        ({"state": "\u202e"}, "invalid_request"),
        ({"state": "a\nb"}, "invalid_request"),
        ({"resource": "https://other.example/mcp"}, "invalid_target"),
        ({"scope": "account"}, "invalid_scope"),
    ],
)
def test_a_request_that_is_wrong_sends_the_browser_nowhere(changes: dict[str, str | None], error: str) -> None:
    """Anybody can register: whoever is sent back without having been asked is sent to wherever somebody likes."""
    with pytest.raises(Refused) as refused:
        asked(**changes)
    assert (refused.value.status, refused.value.code) == (400, error)


def test_an_answer_is_added_to_what_the_address_has_already() -> None:
    assert location(LOCAL, code="c d", state=None) == f"{LOCAL}?code=c+d"
    assert location(REMOTE, error="access_denied", state="s&") == f"{REMOTE}&error=access_denied&state=s%26"


def test_a_code_is_for_the_client_that_asked_and_holds_the_verifier() -> None:
    grant = Grant(
        user_id=UserId(new_id()), client=fingerprint(QUERY["client_id"]), name="Claude", redirect_uri=LOCAL, code_challenge=CHALLENGE,
        scopes=("read",),
    )  # fmt: skip
    form = {"client_id": QUERY["client_id"], "redirect_uri": LOCAL, "code_verifier": VERIFIER}
    require_fit(grant, form)
    require_fit(grant, {name: value for name, value in form.items() if name != "redirect_uri"})
    for changes in (
        {"client_id": client_id_of(CLIENT, OTHER_KEY)},
        {"client_id": ""},
        {"redirect_uri": REMOTE},
        {"code_verifier": "w" * 43},
        {"code_verifier": ""},
        {"code_verifier": CHALLENGE},
        {"code_verifier": "\ud800" * 43},
        {"client_id": "\ud800"},
    ):
        with pytest.raises(OAuthError) as error:
            require_fit(grant, {**form, **changes})
        assert error.value.code == "invalid_grant"


def test_two_tokens_of_one_name_differ_in_where_their_answers_went() -> None:
    assert token_name("Claude", "claude.ai") == "Claude (claude.ai)"
    long = token_name("x" * MAX_NAME, "claude.ai." + "a" * 230 + ".evil.example")
    assert (len(long), long[-14:]) == (100, ".evil.example)"), "what a host ends in says whose it is"
    assert host_of("https://claude.ai:8443/x") == "claude.ai:8443"
    assert (host_of("https://claude.ai:443/x"), host_of("http://127.0.0.1:3030/x")) == ("claude.ai", "127.0.0.1")


def test_what_is_kept_is_worth_something_where_it_was_put_and_under_our_keys_alone() -> None:
    kept = signed(b"grant", "code:1", KEY)
    assert verified(kept, "code:1", [OTHER_KEY, KEY]) == b"grant"
    forged = signed(b"grant", "code:1", OTHER_KEY)
    for text, purpose in (
        (kept, "code:2"),
        (forged, "code:1"),
        ("grant", "code:1"),
        ("", "code:1"),
        ("\ufffd.x", "code:1"),
    ):
        assert verified(text, purpose, [KEY]) is None, text
