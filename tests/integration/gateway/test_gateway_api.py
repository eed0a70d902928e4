"""The HTTP API on a real bus: who may, what comes in, what comes out, and what every error looks like."""

import io
from collections.abc import AsyncIterator
from datetime import timedelta

import aiohttp
import pytest
import pytest_asyncio
from aiohttp.abc import ResolveResult
from openapi_spec_validator import OpenAPIV31SpecValidator
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from libs.common import requests as q
from libs.common.config import Settings
from libs.common.errors import Outage
from libs.common.ids import new_id
from libs.common.pagination import PAGE_BYTES
from libs.common.preferences import NotificationPreferences, Preferences
from services.gateway.api import ENDPOINTS, meetings
from services.gateway.api.serving import PREFIX
from services.gateway.domain.notifications import NewNotification
from services.gateway.domain.webhook_delivery import webhook_secret
from services.gateway.limits import briefs
from services.gateway.store.notifications import insert_notification
from tests.conftest import ServiceSettings
from tests.support.clock import stop_clock
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.gateway.values import account_of, contact

API = "/api/v1"


@pytest_asyncio.fixture
async def gateway(service_settings: ServiceSettings) -> AsyncIterator[RunningGateway]:
    async with running_gateway(service_settings) as running:
        yield running


async def problem(response: aiohttp.ClientResponse, status: int, code: str) -> dict[str, object]:
    """The problem document of a response, checked in the parts that all have."""
    assert response.status == status, await response.text()
    assert response.content_type == "application/problem+json"
    body: dict[str, object] = await response.json(content_type="application/problem+json")
    assert (body["type"], body["status"]) == (f"/problems/{code}", status)
    assert str(body["detail"]).endswith((".", "…", ")"))
    return body


async def test_a_token_opens_the_api_and_me_shows_who_i_am(gateway: RunningGateway) -> None:
    async with gateway.client() as client, client.get(f"{API}/me") as response:
        body = await response.json()
        assert response.status == 200
        assert body["address"] == "alice@example.com"
        assert body["created_at"] == "2026-03-04T12:00:00Z"
        assert body["counts"]["messages"] == 1204
        assert body["unread_notifications"] == 0
        assert len(response.headers["Trace-Id"]) == 32
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
        assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nope"}, {"Authorization": "Basic YTpi"}])
async def test_without_a_valid_token_or_session_everything_is_401(
    gateway: RunningGateway, headers: dict[str, str]
) -> None:
    async with gateway.client(None, **headers) as client:
        for endpoint in ENDPOINTS:
            path = PREFIX + endpoint.path
            for name in endpoint.path_parameters:
                path = path.replace(f"{{{name}}}", str(new_id()))
            async with client.request(endpoint.method, path) as response:
                await problem(response, 401, "unauthenticated")
                assert response.headers["WWW-Authenticate"].startswith("Bearer")


async def test_everything_in_the_openapi_document_is_served_and_the_document_is_valid(gateway: RunningGateway) -> None:
    async with gateway.client(None) as client:
        async with client.get(f"{API}/openapi.json") as response:
            document = await response.json()
        OpenAPIV31SpecValidator(document).validate()
        described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
        assert described == {(endpoint.method, PREFIX + endpoint.path) for endpoint in ENDPOINTS}
        async with client.get(f"{API}/docs") as response:
            page = await response.text()
        assert all(f"<code>{path}</code>" in page for _, path in described)
        assert 'src="http' not in page
        assert 'href="http' not in page


async def test_a_cookie_of_another_site_changes_nothing(gateway: RunningGateway) -> None:
    path = f"{API}/notifications/read-all"
    async with gateway.browser(Origin="https://evil.example") as browser, browser.post(path) as response:
        await problem(response, 403, "wrong_origin")
    async with gateway.browser(Origin="null") as browser, browser.post(path) as response:
        await problem(response, 403, "wrong_origin")
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": ""}
    async with gateway.browser(**headers) as browser, browser.post(path) as response:
        await problem(response, 403, "wrong_origin")
    async with gateway.browser() as browser, browser.post(path) as response:
        assert (response.status, await response.json()) == (200, {"read": 0})
    async with gateway.browser(**{"Sec-Fetch-Site": "same-origin", "Origin": ""}) as browser:
        assert (await browser.post(path)).status == 200
    async with gateway.client(Origin="https://evil.example") as client:
        assert (await client.post(path)).status == 200, "a token is no cookie: no browser sends it by itself"


async def test_what_belongs_to_somebody_else_is_not_there(gateway: RunningGateway) -> None:
    world = gateway.world
    theirs = world.add(world.bob, contact("Carol", "carol@example.com"))
    account = world.account(world.bob).id
    async with gateway.client() as client:
        for method, path in [
            ("GET", f"/contacts/{theirs.id}"),
            ("PATCH", f"/contacts/{theirs.id}"),
            ("GET", f"/contacts/{theirs.id}/interactions"),
            ("POST", f"/accounts/{account}/sync"),
            ("GET", f"/accounts/{account}/syncs"),
            ("GET", f"/accounts/{account}/audit"),
            ("POST", f"/accounts/{account}/audit"),
            ("POST", f"/accounts/{account}/messages/retry"),
            ("POST", f"/accounts/{account}/messages/18f/retry"),
            ("GET", f"/accounts/{account}/messages/18f/why"),
            ("DELETE", f"/accounts/{account}"),
            ("POST", f"/notifications/{new_id()}/read"),
            ("GET", "/contacts/not-an-id"),
            ("GET", "/nothing/here"),
        ]:
            async with client.request(method, API + path) as response:
                await problem(response, 404, "not_found")
    assert not world.requests, "nothing reached a service that could have acted"


async def test_bad_input_gets_a_sentence_that_names_the_place(gateway: RunningGateway) -> None:
    async with gateway.client() as client:
        headers = {"Content-Type": "application/json"}
        async with client.post(f"{API}/contacts", data=b'{"name": ', headers=headers) as response:
            await problem(response, 400, "malformed_json")
        async with client.post(f"{API}/contacts", data=b"name=x", headers={"Content-Type": "text/plain"}) as response:
            await problem(response, 415, "not_json")
        async with client.post(f"{API}/contacts", json={"name": 1, "emails": ["a@b", 2], "nmae": "x"}) as response:
            body = await problem(response, 422, "invalid")
            assert {error["pointer"] for error in body["errors"]} == {"#/name", "#/emails/1", "#/nmae"}  # type: ignore[attr-defined]
        async with client.post(f"{API}/contacts", json=[]) as response:
            await problem(response, 422, "invalid")
        async with client.post(f"{API}/contacts", json={"name": "nul \0"}) as response:
            await problem(response, 422, "invalid")
        async with client.get(f"{API}/contacts", params={"limit": "many", "sort": "size"}) as response:
            body = await problem(response, 422, "invalid")
            assert {error["parameter"] for error in body["errors"]} == {"limit", "sort"}  # type: ignore[attr-defined]
        async with client.post(f"{API}/contacts", data=io.BytesIO(b"x" * 1_100_000), headers=headers) as response:
            await problem(response, 413, "too_large")
        async with client.put(f"{API}/contacts", json={}) as response:
            await problem(response, 405, "method_not_allowed")
            assert set(response.headers["Allow"].split(",")) == {"GET", "HEAD", "POST"}
        async with client.get(f"{API}/meetings", params={"from": "2026-03-04T12:00:00"}) as response:
            await problem(response, 422, "invalid")  # no zone


async def test_an_address_that_is_taken_is_409_and_names_the_other_contact(gateway: RunningGateway) -> None:
    world = gateway.world
    carol = world.add(world.alice, contact("Carol", "carol@example.com"))
    dave = world.add(world.alice, contact("Dave", "dave@example.com"))
    async with gateway.client() as client:
        path = f"{API}/contacts/{dave.id}"
        async with client.patch(path, json={"emails": ["carol@example.com"]}) as response:
            body = await problem(response, 409, "address_taken")
            assert body["contact_id"] == str(carol.id)
        async with client.patch(path, json={"company": "Acme"}) as response:
            assert (response.status, (await response.json())["company"]) == (200, "Acme")


async def test_lists_are_pages_and_a_parameter_that_is_given_must_say_something(gateway: RunningGateway) -> None:
    world = gateway.world
    for name in ("Carol", "Dave"):
        world.add(world.alice, contact(name))
    async with gateway.client() as client:
        async with client.get(f"{API}/contacts?q=&limit=1") as response:
            page = await response.json()
            assert (len(page["items"]), page["next_cursor"]) == (1, "more")
        async with client.get(f"{API}/contacts?sort=&limit=") as response:
            body = await problem(response, 422, "invalid")
            assert [error["parameter"] for error in body["errors"]] == ["sort", "limit"]  # type: ignore[attr-defined]


async def test_lists_of_large_items_are_pages_of_bounded_size_that_leave_nothing_out(gateway: RunningGateway) -> None:
    world, reason = gateway.world, "Google no longer accepts it. " * 4_000
    world.accounts = sorted(
        (account_of(world.alice, status="reauth_required", status_reason=reason) for _ in range(12)),
        key=lambda account: account.id,
    )
    async with gateway.resources.db.acquire() as connection, connection.transaction():
        for number in range(12):
            new = NewNotification(
                world.alice.id, world.accounts[0].id, "account.reauth_required", "error", f"{number}", reason, "/settings", f"k{number}",
            )  # fmt: skip
            await insert_notification(connection, new)
    async with gateway.client() as client:
        for path, field, expected in (
            ("accounts", "id", [str(account.id) for account in world.accounts]),
            ("notifications", "title", [str(number) for number in reversed(range(12))]),
        ):
            found: list[str] = []
            query: dict[str, str] = {}
            pages = 0
            while pages == 0 or query:
                async with client.get(f"{API}/{path}", params=query) as response:
                    assert response.status == 200, await response.text()
                    assert len(await response.read()) < PAGE_BYTES + 10_000
                    page = await response.json()
                found += [item[field] for item in page["items"]]
                query = {"cursor": page["next_cursor"]} if page["next_cursor"] else {}
                pages += 1
            assert found == expected
            assert pages > 1


async def test_a_service_that_is_away_is_503_with_retry_after(gateway: RunningGateway) -> None:
    await gateway.buses["prep"].stop()
    async with gateway.client() as client, client.get(f"{API}/preps/dry-run") as response:
        await problem(response, 503, "unavailable")
        assert int(response.headers["Retry-After"]) > 0


async def test_accounts_show_what_is_missing_and_how_to_get_it(gateway: RunningGateway) -> None:
    world = gateway.world
    send = "https://www.googleapis.com/auth/gmail.send"
    account = world.account(world.alice)
    world.accounts[0] = account.model_copy(update={"scopes": account.scopes - {send}})
    async with gateway.client() as client, client.get(f"{API}/accounts") as response:
        (item,) = (await response.json())["items"]
    assert item["missing"] == [{"scope": send, "feature": "meeting prep emails"}]
    assert item["reconnect"] == f"/connect?account_id={account.id}"
    assert item["syncs"] == {}


async def test_sync_now_is_accepted_for_what_is_permitted(gateway: RunningGateway) -> None:
    world = gateway.world
    account = world.account(world.alice)
    path = f"{API}/accounts/{account.id}/sync"
    async with gateway.client() as client:
        async with client.post(path, json={"kinds": ["mail", "calendar"]}) as response:
            assert (response.status, (await response.json())["kinds"]) == (202, ["mail", "calendar"])
        async with client.post(path, json={"kinds": ["photos"]}) as response:
            await problem(response, 422, "invalid")
        world.accounts[0] = account.model_copy(update={"scopes": frozenset()})
        async with client.post(path, json={"kinds": ["mail"]}) as response:
            await problem(response, 409, "missing_scope")
        world.accounts[0] = account.model_copy(update={"status": "reauth_required"})
        async with client.post(path) as response:
            body = await problem(response, 409, "reauth_required")
            assert body["reconnect"] == f"/connect?account_id={account.id}"


async def test_settings_keep_what_a_put_leaves_out(gateway: RunningGateway) -> None:
    async with gateway.client() as client:
        async with client.put(f"{API}/settings", json={"gmail": {"mail_lookback_days": 30}}) as response:
            assert response.status == 200
        async with client.put(f"{API}/settings", json={"gmail": {"meeting_prep_enabled": False}}) as response:
            body = await response.json()
        assert (body["gmail"]["mail_lookback_days"], body["gmail"]["meeting_prep_enabled"]) == (30, False)
        async with client.put(f"{API}/settings", json={"gmail": {"mail_lookback_days": -1}}) as response:
            body = await problem(response, 422, "invalid")
            assert body["errors"][0]["pointer"] == "#/gmail/mail_lookback_days"  # type: ignore[index]


async def test_a_webhook_into_a_private_network_is_refused_on_a_server(service_settings: ServiceSettings) -> None:
    async with (
        running_gateway(service_settings, public_url="https://crm.example.com") as running,
        running.client() as client,
    ):
        for url in (
            "http://127.0.0.1/x",
            "http://localhost:1/x",
            "http://[::ffff:10.0.0.1]/",
            "http://169.254.169.254/",
            "http://2130706433/",  # what a resolver would take for 127.0.0.1
            "http://0x7f.1/",
            "http://0177.0.0.1/",
        ):
            async with client.put(f"{API}/settings", json={"notifications": {"webhook_url": url}}) as response:
                await problem(response, 422, "private_webhook")
        hook = NotificationPreferences.model_validate({"webhook_url": "http://127.0.0.1/x"})
        running.world.preferences[running.world.alice.id] = Preferences(notifications=hook)
        kept = {"notifications": {"webhook_url": "http://127.0.0.1/x", "webhook_events": ["contact.changed"]}}
        async with client.put(f"{API}/settings", json=kept) as response:
            assert response.status == 200, await response.text()


async def test_a_webhook_whose_name_leads_into_a_private_network_is_refused_as_it_is_set(
    service_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    leads_to = {"inside.example": "10.1.2.3", "outside.example": "8.8.8.8"}

    async def resolve(_: object, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        if host not in leads_to:
            raise OSError("there is no such name")
        return [ResolveResult(hostname=host, host=leads_to[host], port=port, family=2, proto=0, flags=0)]

    monkeypatch.setattr(aiohttp.ThreadedResolver, "resolve", resolve)
    for networks, accepted in (("", {"outside"}), ("10.1.0.0/16", {"outside", "inside"})):
        allowed = Settings(webhook_allow=networks).webhook_allow  # type: ignore[arg-type]
        async with (
            running_gateway(service_settings, public_url="https://crm.example.com", webhook_allow=allowed) as running,
            running.client() as client,
        ):
            for name in ("outside", "inside", "nowhere"):
                url = f"https://{name}.example/x"
                async with client.put(f"{API}/settings", json={"notifications": {"webhook_url": url}}) as response:
                    if name in accepted:
                        assert response.status == 200, name
                    else:
                        body = await problem(response, 422, "private_webhook")
                        assert "PINGCRM_WEBHOOK_ALLOW" in str(body["detail"])


async def test_tokens_are_listed_without_their_secrets(gateway: RunningGateway) -> None:
    async with gateway.browser() as browser, browser.post(f"{API}/tokens", json={"name": "connector"}) as response:
        assert (response.status, (await response.json())["secret"]) == (201, "pcrm_new")
    async with gateway.client() as client, client.get(f"{API}/tokens") as response:
        (item,) = (await response.json())["items"]
        assert set(item) == {"id", "name", "scopes", "created_at", "expires_at", "last_used_at"}


async def test_deleting_everything_needs_a_clear_yes_and_ends_the_session(gateway: RunningGateway) -> None:
    world = gateway.world
    async with gateway.browser() as browser:
        for body in ({}, {"confirm": False}):
            async with browser.delete(f"{API}/me", json=body) as response:
                await problem(response, 422, "invalid")
        assert not world.requests
        async with browser.delete(f"{API}/me", json={"confirm": True}) as response:
            assert response.status == 204
            assert response.cookies["pingcrm_session"]["max-age"] == "0"
    assert isinstance(world.requests[0], q.DeleteUser)


async def test_disconnecting_states_whether_to_purge(gateway: RunningGateway) -> None:
    world = gateway.world
    account = account_of(world.alice)
    world.accounts.append(account)
    async with gateway.client() as client:
        assert (await client.delete(f"{API}/accounts/{account.id}?purge=true")).status == 204
    (request,) = world.requests
    assert isinstance(request, q.Disconnect)
    assert (request.account_id, request.purge) == (account.id, True)


async def test_a_webhook_is_shown_with_the_end_of_its_secret_alone(gateway: RunningGateway) -> None:
    world = gateway.world
    hook = NotificationPreferences.model_validate({"webhook_url": "https://hooks.example.com/x"})
    world.preferences[world.alice.id] = Preferences(notifications=hook)
    async with gateway.client() as client, client.get(f"{API}/settings/webhook") as response:
        body = await response.json()
    secret = webhook_secret(gateway.resources.settings.webhook_keys[0], world.alice.id)
    assert body == {
        "url": "https://hooks.example.com/x",
        "events": list(hook.webhook_events),
        "secret": None,
        "secret_hint": secret[-4:],
        "secret_made_at": None,
    }


async def test_meetings_come_with_what_became_of_their_briefs(gateway: RunningGateway) -> None:
    meeting = gateway.world.meeting
    async with gateway.client() as client:
        async with client.get(f"{API}/meetings", params={"from": "2026-03-04T13:00:00+01:00"}) as response:
            (item,) = (await response.json())["items"]
        assert (item["id"], item["starts_at"]) == (str(meeting.meeting_id), "2026-03-04T12:00:00Z")
        assert item["prep"]["reason"] == "nobody is a known contact"
        assert "user_id" not in item
        async with client.get(f"{API}/meetings/{meeting.meeting_id}") as response:
            assert await response.json() == item
        async with client.get(f"{API}/meetings?from=2026-03-05T00:00:00Z&to=2026-03-04T00:00:00Z") as response:
            await problem(response, 422, "invalid")
    async with gateway.client("pcrm_bob") as other:
        assert (await other.get(f"{API}/meetings/{meeting.meeting_id}")).status == 404


def measured(route: str, status: int) -> float:
    labels = {"method": "GET", "route": route, "status": str(status)}
    return REGISTRY.get_sample_value("pingcrm_http_request_seconds_count", labels) or 0.0


async def test_a_request_is_one_line_in_the_log_without_query_string_and_address(gateway: RunningGateway) -> None:
    answered = [(f"{API}/contacts", 200), ("unknown", 404), ("/contacts", 302)]
    before = [measured(route, status) for route, status in answered]
    with capture_logs() as lines:
        async with gateway.client() as client:
            await client.get(f"{API}/contacts?q=carol@example.com")
            await client.get(f"{API}/nothing/carol@example.com")
            await client.get("/contacts?q=carol@example.com", allow_redirects=False)
    requests = [line for line in lines if line["event"] == "request"]
    assert [(line["method"], line["route"], line["status"]) for line in requests] == [
        ("GET", route, status) for route, status in answered
    ]
    assert all(line["ms"] > 0 for line in requests)
    assert "carol@" not in str(lines)
    assert [measured(route, status) for route, status in answered] == [count + 1 for count in before]


async def test_health_is_served_beside_the_api_and_the_metrics_are_not(gateway: RunningGateway) -> None:
    async with gateway.client(None) as client:
        async with client.get("/health/ready") as response:
            assert (await response.json())["checks"] == {"db": "ok", "bus": "ok", "cache": "ok"}
        assert (await client.get("/health/live")).status == 200
        assert (await client.get("/metrics")).status == 404


async def test_a_port_that_is_taken_is_explained_in_a_sentence(
    gateway: RunningGateway, service_settings: ServiceSettings
) -> None:
    port = gateway.resources.settings.port
    with pytest.raises(Outage, match="PINGCRM_PORT a free port"):
        async with running_gateway(service_settings, port=port):
            pass


async def test_briefs_by_hand_are_limited_by_user(gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meetings, "BRIEFS_PER_HOUR", 2)
    clock = stop_clock(monkeypatch, briefs)
    path = f"{API}/meetings/{gateway.world.meeting.meeting_id}/prep"
    await gateway.buses["prep"].stop()
    async with gateway.client() as alice, gateway.client("pcrm_bob") as bob:
        assert [(await alice.get(path)).status for _ in range(2)] == [503, 503], "prep is away here"
        async with alice.post(path) as response:
            await problem(response, 429, "too_many_briefs")
            assert response.headers["Retry-After"] == "600"
        assert (await bob.get(path)).status == 503
        clock.now += timedelta(hours=1)
        assert (await alice.get(path)).status == 503, "the next hour is another"
