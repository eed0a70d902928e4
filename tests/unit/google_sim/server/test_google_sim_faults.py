"""Quota and fault scripts."""

import asyncio
import json
import re
import time
from typing import Any

import aiohttp
import pytest
from google_content import ADA, BEN
from google_driver import Driver

from libs.google_sim.errors import GoogleError
from libs.google_sim.quota import Quota


def test_a_user_spends_what_a_minute_holds_and_waits_for_the_rest() -> None:
    quota = Quota(user_units_per_minute=60)
    for _ in range(3):
        quota.take("a", 20, now=100.0)
    quota.take("b", 20, now=100.0)
    with pytest.raises(GoogleError) as refused:
        quota.take("a", 20, now=119.0)
    assert (refused.value.status, refused.value.reason) == (403, "userRateLimitExceeded")
    quota.take("a", 20, now=120.0)


def test_the_project_is_shared() -> None:
    quota = Quota(project_units_per_minute=60, status=429)
    quota.take("a", 40, now=0.0)
    with pytest.raises(GoogleError) as refused:
        quota.take("b", 40, now=0.0)
    assert (refused.value.status, refused.value.reason) == (429, "rateLimitExceeded")
    assert refused.value.headers == {"Retry-After": "21"}
    quota.take("b", 20, now=0.0)


async def test_quota_is_counted_in_units_per_method(ada: Driver) -> None:
    await ada.control("/counters", "DELETE")
    await ada.control("/quota", "PUT", {"user_units_per_minute": 50})
    for _ in range(2):
        assert (await ada.gmail(f"messages/{1:016x}")).status == 200
    response = await ada.gmail(f"messages/{1:016x}")
    assert (response.status, response.reason) == (403, "userRateLimitExceeded")
    assert (await ada.gmail("messages")).status == 200
    counters = await ada.control("/counters", "GET")
    assert counters["accounts"][ADA] == {
        "gmail.users.messages.get": {"requests": 3, "refused": 1, "units": 40},
        "gmail.users.messages.list": {"requests": 1, "refused": 0, "units": 5},
    }
    assert (counters["requests"], counters["units"], counters["http"]) == (4, 45, 4)
    assert counters["statuses"] == {"200": 3, "403": 1}


async def faults(driver: Driver, *rules: dict[str, Any], seed: int = 0) -> None:
    await driver.control("/faults", "PUT", {"rules": list(rules), "seed": seed})


@pytest.mark.parametrize(
    ("kind", "status", "reason"),
    [
        ("403rate", 403, "userRateLimitExceeded"),
        ("429", 429, "rateLimitExceeded"),
        ("retry_after", 429, "rateLimitExceeded"),
        ("5xx", 503, "backendError"),
        ("401", 401, "authError"),
        ("404", 404, "notFound"),
        ("400precondition", 400, "failedPrecondition"),
    ],
)
async def test_a_fault_refuses_the_first_calls_of_its_method(ada: Driver, kind: str, status: int, reason: str) -> None:
    await faults(ada, {"match": "messages.get$", "kind": kind, "first": 1, "seconds": 7})
    assert (await ada.gmail("profile")).status == 200
    response = await ada.gmail(f"messages/{1:016x}")
    assert (response.status, response.reason) == (status, reason)
    assert response.headers.get("Retry-After") == ("7" if kind == "retry_after" else None)
    assert (await ada.gmail(f"messages/{1:016x}")).status == 200


async def test_latency_is_waited_for(ada: Driver) -> None:
    await faults(ada, {"match": "profile", "kind": "latency", "milliseconds": 500})
    began = time.monotonic()
    await asyncio.gather(*(ada.gmail("profile") for _ in range(3)))
    assert 0.5 <= time.monotonic() - began < 3 * 0.5, "each call waits, at the same time as the others"


async def test_a_reset_ends_the_connection_and_a_cut_response_is_noticed(ada: Driver) -> None:
    await faults(ada, {"match": "profile", "kind": "reset"}, {"match": "messages", "kind": "truncated"})
    with pytest.raises(aiohttp.ClientConnectionError):
        await ada.gmail("profile")
    with pytest.raises(aiohttp.ClientError):
        await ada.gmail("messages")


async def test_a_response_may_be_no_json(ada: Driver) -> None:
    await faults(ada, {"match": "profile", "kind": "invalid_json"})
    with pytest.raises(json.JSONDecodeError):
        await ada.gmail("profile")


async def test_a_lost_send_was_sent(ada: Driver) -> None:
    await faults(ada, {"match": "messages.send", "kind": "lost_send", "first": 1})
    raw = "VG86IHpvZUBlbHNlLmV4YW1wbGUKCmI="
    with pytest.raises(aiohttp.ClientConnectionError):
        await ada.gmail("messages/send", method="POST", json={"raw": raw})
    assert len((await ada.control("/sent", "GET"))["sent"]) == 1


async def test_chance_repeats_with_its_seed(ada: Driver) -> None:
    async def run() -> list[int]:
        await faults(ada, {"match": "profile", "kind": "5xx", "probability": 0.5}, seed=4)
        return [(await ada.gmail("profile")).status for _ in range(12)]

    first = await run()
    assert first == await run()
    assert set(first) == {200, 503}


async def test_faults_reach_the_token_endpoint(ada: Driver) -> None:
    await faults(ada, {"match": "^/token$", "kind": "5xx", "status": 500})
    assert (await ada.tokens(grant_type="refresh_token", refresh_token="x")).status == 500


async def batch(ada: Driver, parts: int) -> list[int]:
    """So many messages.get in one request; the status of each, or of the whole."""
    part = f"--x\r\nContent-Type: application/http\r\n\r\nGET /gmail/v1/users/me/messages/{1:016x}\r\n\r\n"
    headers = {"Authorization": f"Bearer {ada.token}", "Content-Type": "multipart/mixed; boundary=x"}
    url = f"{ada.server.url}/batch/gmail/v1"
    async with ada.http.post(url, data=part * parts + "--x--", headers=headers) as response:
        found = [int(status) for status in re.findall(r"^HTTP/1.1 (\d+)", await response.text(), re.MULTILINE)]
        return found or [response.status]


async def test_faults_hit_parts_of_a_batch(ada: Driver) -> None:
    await faults(ada, {"match": "messages.get", "kind": "429", "first": 1})
    assert await batch(ada, 2) == [429, 200]


async def test_faults_hit_a_batch_as_a_whole(ada: Driver) -> None:
    await faults(ada, {"match": "^/batch", "kind": "5xx", "first": 1})
    assert await batch(ada, 2) == [503]
    assert await batch(ada, 2) == [200, 200]


async def test_a_batch_waits_once_for_its_slowest_part(ada: Driver) -> None:
    await faults(ada, {"match": ".", "kind": "latency", "milliseconds": 200})
    began = time.monotonic()
    assert await batch(ada, 10) == [200] * 10
    assert 0.2 <= time.monotonic() - began < 10 * 0.2


async def test_each_part_of_a_batch_is_charged(ada: Driver) -> None:
    await ada.control("/quota", "PUT", {"user_units_per_minute": 50})
    assert await batch(ada, 3) == [200, 200, 403]


async def test_a_user_may_have_so_many_calls_at_once_and_no_more(ada: Driver) -> None:
    await ada.control("/quota", "PUT", {"user_concurrency": 3})
    assert await batch(ada, 5) == [200, 200, 200, 429, 429]
    await faults(ada, {"match": "messages.get", "kind": "latency", "milliseconds": 50})
    responses = await asyncio.gather(*(ada.gmail(f"messages/{1:016x}") for _ in range(5)))
    assert sorted(response.status for response in responses) == [200, 200, 200, 429, 429]
    assert (await ada.gmail("profile")).status == 200


async def test_the_quota_of_the_day_can_be_used_up(ada: Driver) -> None:
    await faults(ada, {"match": "profile", "kind": "daily"})
    response = await ada.gmail("profile")
    assert (response.status, response.reason) == (403, "dailyLimitExceeded")


@pytest.mark.parametrize(
    "rule", [{"match": "(", "kind": "429"}, {"match": "x", "kind": "fire"}, {"kind": "429"}, {"a": 1}]
)
async def test_a_rule_that_is_none_is_refused_with_a_sentence(ada: Driver, rule: dict[str, Any]) -> None:
    async with ada.http.put(f"{ada.server.control_url}/faults", json={"rules": [rule]}) as response:
        assert response.status == 400
        assert (await response.json())["error"]


async def test_the_rules_can_be_read_with_how_often_they_hit(ada: Driver) -> None:
    await faults(ada, {"match": "profile", "kind": "daily", "first": 1})
    await ada.gmail("profile")
    (rule,) = (await ada.control("/faults", "GET"))["rules"]
    assert (rule["match"], rule["kind"], rule["seen"], rule["hits"]) == ("profile", "daily", 1, 1)


async def test_the_person_can_take_back_all_access(ada: Driver) -> None:
    assert await ada.control(f"/accounts/{ADA}/revoke") == {"refresh_tokens": 1}
    assert (await ada.gmail("profile")).status == 401


async def test_access_tokens_can_be_made_to_expire(ada: Driver) -> None:
    await ada.control(f"/accounts/{ADA}/expire", json={"what": "access_tokens"})
    assert (await ada.gmail("profile")).status == 401


async def test_the_oracle_counts_what_is_there_now(ada: Driver) -> None:
    before = await ada.control("/oracle")
    assert set(before["messages_by_account"]) == {ADA, BEN}
    await ada.control(f"/accounts/{ADA}/messages", json={"messages": [{"raw": "From: n@new.example\n\nhi"}] * 2})
    await ada.control(f"/accounts/{ADA}/messages/{1:016x}/spam")
    after = await ada.control("/oracle", json={"accounts": [ADA], "options": {"mail_lookback_days": 30}})
    assert after["messages"] == before["messages"] + 1
    assert set(after["messages_by_account"]) == {ADA}


async def test_the_state_and_unknown_things(ada: Driver) -> None:
    state = await ada.control("/state", "GET")
    assert [(account["address"], account["messages"], account["people"]) for account in state["accounts"]] == [
        (ADA, 15, 5),
        (BEN, 0, 0),
    ]
    for path in ("/accounts/x/messages", f"/accounts/{ADA}/messages/none/trash", f"/accounts/{ADA}/messages/1/burn"):
        async with ada.http.post(f"{ada.server.control_url}{path}", json={}) as response:
            assert response.status == 404
            assert "There is no" in (await response.json())["error"]
