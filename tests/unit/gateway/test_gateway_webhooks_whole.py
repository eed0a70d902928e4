"""Calls of webhooks: where they may lead, their client, secret, body and retries, each compared as a whole."""

import socket
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import UUID

import aiohttp
import orjson
import pytest
from pydantic import SecretStr

from libs.common.ids import UserId
from services.gateway.domain.notifications import Notification
from services.gateway.domain.public_hosts import TRANSLATED, CallableHosts, is_private_host, is_public_address
from services.gateway.domain.webhook_delivery import notification_message, retry_delay, webhook_secret
from services.gateway.webhook_delivery import http_client
from services.gateway.webhook_delivery.http_client import PublicResolver, webhook_session

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
USER = UserId(UUID(int=1))


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("64:ff9b::808:808", False), ("2002:808:808::1", False), ("2001:0:808:808::1", False), ("::808:808", False),
        ("2001:4860:4860::8888", True), ("::ffff:10.0.0.1", False), ("ff02::1", False), ("ff0e::1", False), ("8.8.4.4%x", True),
        ("192.168.0.1", False), ("224.0.1.1", False),
    ],
)  # fmt: skip
def test_an_address_that_leads_elsewhere_is_not_public(address: str, public: bool) -> None:
    assert is_public_address(address) is public
    assert len(TRANSLATED) == 4


@pytest.mark.parametrize(
    ("host", "private"),
    [
        ("LOCALHOST", True),
        ("localhost..", True),
        ("localhost.example", False),
        ("[fd00::1]", True),
        ("8.8.8.8", False),
        ("", False),
    ],
)
def test_a_host_is_private_by_its_name_alone(host: str, private: bool) -> None:
    assert is_private_host(host) is private


async def test_a_webhook_connects_to_public_addresses_only(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = PublicResolver()
    found = [{"host": "10.0.0.1"}, {"host": "8.8.8.8"}]
    asked: list[tuple[object, ...]] = []

    async def resolve(*arguments: object) -> list[dict[str, str]]:
        asked.append(arguments)
        return found

    monkeypatch.setattr(resolver._resolver, "resolve", resolve)
    assert await resolver.resolve("x.example", 443, socket.AF_INET6) == [{"host": "8.8.8.8"}]
    await resolver.resolve("x.example")
    assert asked == [("x.example", 443, socket.AF_INET6), ("x.example", 0, socket.AF_INET)]
    found.pop()
    with pytest.raises(OSError, match="the host is not on the public internet"):
        await resolver.resolve("x.example")
    await resolver.close()


async def test_the_webhook_s_client_is_bounded_and_keeps_nothing() -> None:
    for anywhere in (True, False):
        async with webhook_session(CallableHosts(anywhere)) as http:
            connector = cast(aiohttp.TCPConnector, http.connector)
            assert isinstance(connector._resolver, PublicResolver) is not anywhere
            assert (connector.limit, connector.force_close, http.timeout.total) == (50, True, 10.0)
            assert isinstance(http.cookie_jar, aiohttp.DummyCookieJar)
    assert (http_client.TIMEOUT_SECONDS, http_client.LOOKUP_SECONDS) == (10.0, 5.0)


def test_a_webhook_s_secret_is_the_one_that_receivers_know() -> None:
    """Another one would have them refuse what is signed from the next upgrade on."""
    assert webhook_secret(SecretStr("k"), USER) == "whsec_xlHvgI+MZ/X7dEx3adgVkvfcUFhKFSLl"


def test_a_webhook_s_body_is_the_notification_with_a_whole_link() -> None:
    notification = Notification(
        id=UUID(int=4),
        kind="k",
        level="info",
        title="t",
        body="b",
        link="/x",
        account_id=None,
        created_at=NOW,
        read_at=NOW,
        action=None,
        revision=2,
    )
    message = notification_message(notification, "https://crm.example")
    expected = orjson.loads(notification.model_dump_json(exclude={"read_at"}))
    assert (message.id, message.type) == (f"{UUID(int=4)}_2", "k")
    assert orjson.loads(message.body) == {
        "type": "k",
        "timestamp": expected["created_at"],
        "data": {**expected, "link": "https://crm.example/x"},
    }


def test_a_webhook_is_tried_again_seven_times_for_more_than_a_day() -> None:
    assert [retry_delay(attempts) for attempts in range(1, 10)] == [
        *(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 3_600, 21_600, 86_400)), None, None,
    ]  # fmt: skip
