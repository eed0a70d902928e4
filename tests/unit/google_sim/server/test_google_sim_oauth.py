"""Sign-in as Google does it: consent, code, PKCE, tokens, revocation."""

import pytest
from google_content import ADA, BEN
from google_driver import AUTH, CLIENT, IDENTITY, PERMISSIONS, REDIRECT, Driver
from joserfc import jwt
from joserfc.jwk import KeySet

from libs.google_sim.oauth.authority import CODE_SECONDS


async def test_the_consent_page_offers_every_account_and_escapes_names(stranger: Driver) -> None:
    async with stranger.http.get(stranger.authorize_url()) as page:
        text = await page.text()
    assert "Continue as Ada &lt;Lovelace&gt; (ada@gmail.com)" in text
    assert f"({BEN})" in text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "http://" not in text.replace("http://127.0.0.1:9", "")


async def test_the_hinted_account_comes_first(stranger: Driver) -> None:
    async with stranger.http.get(stranger.authorize_url(login_hint=BEN)) as page:
        text = await page.text()
    assert text.index(BEN) < text.index(f"({ADA})")


async def test_a_code_gives_tokens_and_an_id_token_that_the_certs_verify(stranger: Driver) -> None:
    redirect = await stranger.consent(ADA)
    assert redirect["state"] == "a state"
    response = (await stranger.exchange(redirect["code"])).body
    assert set(response["scope"].split()) == {*IDENTITY, *PERMISSIONS}
    assert response["expires_in"] == 3600
    async with stranger.http.get(f"{stranger.server.url}/oauth2/v3/certs") as certs:
        keys = KeySet.import_key_set(await certs.json())
    claims = jwt.decode(response["id_token"], keys, algorithms=["RS256"]).claims
    assert claims["iss"] == "https://accounts.google.com"
    assert claims["aud"] == CLIENT["client_id"]
    assert (claims["sub"], claims["email"], claims["email_verified"]) == ("1" * 21, ADA, True)
    assert (claims["name"], claims["nonce"]) == ("Ada <Lovelace>", "a nonce")
    assert claims["exp"] - claims["iat"] == 3600


async def test_a_denied_consent_goes_back_with_the_error(stranger: Driver) -> None:
    assert await stranger.consent(ADA, decision="deny") == {"error": "access_denied", "state": "a state"}


async def test_unticked_permissions_are_not_granted(stranger: Driver) -> None:
    response = await stranger.sign_in(ADA, ticked=[f"{AUTH}gmail.readonly"])
    assert set(response["scope"].split()) == {*IDENTITY, f"{AUTH}gmail.readonly"}
    refused = await stranger.call("/calendar/v3/users/me/calendarList")
    assert (refused.status, refused.reason) == (403, "insufficientPermissions")
    assert refused.body["error"]["details"][0]["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"


async def test_a_permission_that_was_not_asked_for_can_not_be_ticked(stranger: Driver) -> None:
    response = await stranger.sign_in(ADA, ticked=[*PERMISSIONS, "https://mail.google.com/"])
    assert "https://mail.google.com/" not in response["scope"]


async def test_a_code_works_once(stranger: Driver) -> None:
    code = (await stranger.consent(ADA))["code"]
    assert (await stranger.exchange(code)).status == 200
    again = await stranger.exchange(code)
    assert (again.status, again.body["error"]) == (400, "invalid_grant")


async def test_a_code_ends_after_ten_minutes(stranger: Driver) -> None:
    code = (await stranger.consent(ADA))["code"]
    world = stranger.server.world
    later = world.now() + CODE_SECONDS
    world.authority.now = lambda: later
    assert (await stranger.exchange(code)).body["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": "another"}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_grant"),
        ({"redirect_uri": f"{REDIRECT}/"}, "redirect_uri_mismatch"),
        ({"client_id": "other"}, "invalid_grant"),
        ({"client_id": ""}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"code": "4/nonsense"}, "invalid_grant"),
    ],
)
async def test_a_code_is_refused_unless_everything_fits(stranger: Driver, changes: dict[str, str], error: str) -> None:
    code = (await stranger.consent(ADA))["code"]
    response = await stranger.exchange(**{"code": code, **changes})
    assert response.status in (400, 401)
    assert response.body["error"] == error


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "http://example.com/callback"},
        {"redirect_uri": "javascript:alert(1)"},
        {"client_id": ""},
        {"response_type": "token"},
        {"scope": ""},
        {"code_challenge_method": "S512"},
        {"prompt": "none consent"},
    ],
)
async def test_a_request_that_can_not_be_trusted_is_shown_and_never_redirected(
    stranger: Driver, changes: dict[str, str]
) -> None:
    async with stranger.http.get(stranger.authorize_url(**changes), allow_redirects=False) as page:
        assert page.status == 400
        assert "Access blocked" in await page.text()


async def test_a_refresh_token_needs_offline_access(stranger: Driver) -> None:
    assert "refresh_token" not in await stranger.sign_in(ADA, access_type=None)


async def test_without_a_new_consent_there_is_no_second_refresh_token(stranger: Driver) -> None:
    assert "refresh_token" in await stranger.sign_in(ADA, prompt=None)
    assert "refresh_token" not in await stranger.sign_in(ADA, ticked=[], prompt=None)
    assert "refresh_token" in await stranger.sign_in(ADA, prompt="consent")


async def test_granted_scopes_are_included_when_asked_for(stranger: Driver) -> None:
    await stranger.sign_in(ADA, ticked=[f"{AUTH}gmail.readonly"])
    added = await stranger.sign_in(
        ADA, ticked=[f"{AUTH}gmail.send"], scope=f"openid {AUTH}gmail.send", include_granted_scopes="true"
    )
    assert {f"{AUTH}gmail.readonly", f"{AUTH}gmail.send"} <= set(added["scope"].split())


async def test_prompt_none_responds_at_once(stranger: Driver) -> None:
    url = stranger.authorize_url(prompt="none", login_hint=ADA)
    async with stranger.http.get(url, allow_redirects=False) as response:
        assert "error=consent_required" in response.headers["Location"]
    await stranger.sign_in(ADA)
    async with stranger.http.get(url, allow_redirects=False) as response:
        assert "code=" in response.headers["Location"]


async def test_a_refresh_gives_another_access_token_with_its_scopes(stranger: Driver) -> None:
    first = await stranger.sign_in(ADA)
    response = await stranger.tokens(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert response.status == 200
    assert response.body["access_token"] != first["access_token"]
    assert set(response.body["scope"].split()) == {*IDENTITY, *PERMISSIONS}
    assert "refresh_token" not in response.body


async def test_a_revoked_grant_ends_every_token_of_it(stranger: Driver) -> None:
    first = await stranger.sign_in(ADA)
    async with stranger.http.post(f"{stranger.server.url}/revoke", data={"token": first["access_token"]}) as response:
        assert response.status == 200
    assert (await stranger.gmail("profile")).status == 401
    refresh = await stranger.tokens(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert (refresh.status, refresh.body) == (
        400,
        {"error": "invalid_grant", "error_description": "Token has been expired or revoked."},
    )
    async with stranger.http.post(f"{stranger.server.url}/revoke", data={"token": first["access_token"]}) as again:
        assert (again.status, (await again.json())["error"]) == (400, "invalid_token")


async def test_an_access_token_ends_after_an_hour(ada: Driver) -> None:
    assert (await ada.gmail("profile")).status == 200
    later = ada.server.world.now() + 3601
    ada.server.world.authority.now = lambda: later
    response = await ada.gmail("profile")
    assert (response.status, response.reason) == (401, "authError")


async def test_the_oldest_refresh_token_ends_with_the_101st(stranger: Driver) -> None:
    first = await stranger.sign_in(ADA)
    for _ in range(100):
        await stranger.sign_in(ADA)
    response = await stranger.tokens(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert response.body["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("policy", "status", "error", "subtype"),
    [
        ("admin_policy_enforced", 400, "invalid_grant", "admin_policy_enforced"),
        ("policy_enforced", 400, "policy_enforced", None),
        ("org_internal", 403, "org_internal", None),
        ("invalid_rapt", 400, "invalid_grant", "invalid_rapt"),
    ],
)
async def test_a_policy_refuses_an_account_its_tokens_until_it_is_taken_away(
    stranger: Driver, policy: str, status: int, error: str, subtype: str | None
) -> None:
    first = await stranger.sign_in(ADA)
    refresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    url = f"{stranger.server.control_url}/accounts/{ADA}/policy"
    async with stranger.http.post(url, json={"policy": policy}) as response:
        assert response.status == 200
    refused = await stranger.tokens(**refresh)
    assert (refused.status, refused.body["error"], refused.body.get("error_subtype")) == (status, error, subtype)
    async with stranger.http.post(url, json={"policy": None}) as response:
        assert response.status == 200
    assert (await stranger.tokens(**refresh)).status == 200
    async with stranger.http.post(url, json={"policy": "made_up"}) as response:
        assert response.status == 400
