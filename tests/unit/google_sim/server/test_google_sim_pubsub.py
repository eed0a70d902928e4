"""The Pub/Sub stand-in, seen by the product's own edge where there is one."""

import asyncio
import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from google_content import ADA
from google_driver import Driver
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from libs.common.google.oauth import Misconfigured
from libs.common.google.pubsub import Subscription as PulledSubscription
from libs.common.google.pubsub import read_hint
from libs.common.google.service_account import ServiceAccount
from libs.google_sim.pubsub.topics import DeliveryFaults

TOPIC, NAME, ROBOT = "projects/p/topics/t", "projects/p/subscriptions/s", "robot@p.iam.gserviceaccount.com"
NOW = datetime(2026, 3, 4, tzinfo=UTC)


@pytest.fixture
async def puller(ada: Driver, tmp_path: Path) -> PulledSubscription:
    """The product's end of a pull subscription whose messages come again after half a second."""
    await ada.control("/pubsub/subscriptions", json={"name": NAME, "topic": TOPIC, "ack_seconds": 0.5})
    key_file = tmp_path / "key.json"
    key_file.write_text(json.dumps(await ada.control("/pubsub/service-accounts", json={"client_email": ROBOT})))
    account = ServiceAccount(ada.http, key_file, f"{ada.server.url}/token")
    return PulledSubscription(ada.http, account, ada.server.url, NAME)


async def watch(ada: Driver, **body: object) -> int:
    return (await ada.gmail("watch", method="POST", json={"topicName": TOPIC, **body})).status


async def change(ada: Driver) -> int:
    """Star and unstar a message; where the mailbox stands then."""
    account = ada.server.world.accounts[ADA]
    first = next(iter(account.mailbox.messages))
    for add, remove in ((["STARRED"], []), ([], ["STARRED"])):
        await ada.control(f"/accounts/{ADA}/messages/{first}/label", json={"add": add, "remove": remove})
    return account.mailbox.history_id


async def until(true: Callable[[], bool], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


async def test_a_watched_mailbox_notifies_at_once_and_then_once_a_second(
    ada: Driver, puller: PulledSubscription
) -> None:
    assert await watch(ada) == 200
    (first,) = await puller.pull()
    await puller.acknowledge([first.ack_id])
    newest = await change(ada)
    began = asyncio.get_running_loop().time()
    (second,) = await puller.pull()
    assert 0.5 < asyncio.get_running_loop().time() - began < 3
    hint = read_hint(second.message, NOW)
    assert (hint.address, hint.history_id) == (ADA, newest), "both changes in one notification"


async def test_what_is_not_acknowledged_comes_again(ada: Driver, puller: PulledSubscription) -> None:
    await watch(ada)
    (first,) = await puller.pull()
    (again,) = await puller.pull()
    assert again.message == first.message
    assert again.ack_id != first.ack_id
    await puller.acknowledge([again.ack_id])
    counters = await ada.control("/pubsub/counters", method="GET")
    assert counters[NAME] | {"published": 1, "delivered": 2, "acknowledged": 1, "waiting": 0} == counters[NAME]


async def test_a_watch_can_be_refused_conflict_end_and_be_filtered(ada: Driver, puller: PulledSubscription) -> None:
    await ada.control("/pubsub/closed-topics", method="PUT", json={"topics": [TOPIC]})
    assert await watch(ada) == 403
    await ada.control("/pubsub/closed-topics", method="PUT", json={})
    assert await watch(ada, labelIds=["NOBODY_HAS_IT"]) == 200
    assert await watch(ada, labelIds=["NOBODY_HAS_IT"]) == 200, "renewing is no conflict"
    other = await ada.gmail("watch", method="POST", json={"topicName": "projects/p/topics/other"})
    assert other.status == 400
    assert "Only one user push notification client" in other.body["error"]["message"]
    counters = ada.server.world.pubsub.subscriptions[NAME].counters
    await until(lambda: counters.published == 2, 3)  # both watches, the second a second later
    await change(ada)
    await asyncio.sleep(1.2)
    assert counters.published == 2, "the change has none of its labels"
    assert (await ada.gmail("stop", method="POST")).status == 204
    assert (await ada.gmail("watch", method="POST", json={"topicName": "projects/p/topics/other"})).status == 200


async def test_a_push_is_signed_and_repeated_until_it_is_taken(ada: Driver) -> None:
    seen: list[tuple[str, dict[str, str]]] = []

    async def take(request: web.Request) -> web.Response:
        seen.append((request.headers["Authorization"], (await request.json())["message"]))
        return web.Response(status=503 if len(seen) < 3 else 204)

    app = web.Application()
    app.router.add_post("/hook", take)
    async with TestServer(app) as endpoint:
        push = {"endpoint": str(endpoint.make_url("/hook")), "audience": "the audience", "email": ROBOT}
        await ada.control("/pubsub/subscriptions", json={"name": NAME, "topic": TOPIC, "push": push})
        await watch(ada)
        await until(lambda: len(seen) == 3)
    async with ada.http.get(f"{ada.server.url}/oauth2/v3/certs") as certs:
        keys = KeySet.import_key_set(await certs.json())
    claims = jwt.decode(seen[0][0].removeprefix("Bearer "), keys).claims
    assert (claims["aud"], claims["email"], claims["email_verified"]) == ("the audience", ROBOT, True)
    assert json.loads(base64.b64decode(seen[2][1]["data"]))["emailAddress"] == ADA
    assert len({sent["messageId"] for _, sent in seen}) == 1


@pytest.mark.parametrize(
    "trouble", [DeliveryFaults(duplicate=1.0, seconds=0.05), DeliveryFaults(lose=1.0), DeliveryFaults(reorder=1.0)]
)
async def test_delivery_faults_are_as_scripted(
    ada: Driver, puller: PulledSubscription, trouble: DeliveryFaults
) -> None:
    pubsub = ada.server.world.pubsub
    pubsub.script(trouble, seed=1)
    for data in (b"1", b"2"):
        pubsub.publish(TOPIC, data)
    waiting = pubsub.subscriptions[NAME].waiting
    if trouble.duplicate:
        await until(lambda: len(waiting) == 4)
    else:
        await asyncio.sleep(0.05)
        assert [message.data for message in waiting] == ([] if trouble.lose else [b"2", b"1"])
    with pytest.raises(ValueError, match="probabilities"):
        DeliveryFaults(lose=2)


async def test_only_a_known_service_account_may_pull_and_only_what_is_there(
    ada: Driver, puller: PulledSubscription, tmp_path: Path
) -> None:
    missing = PulledSubscription(ada.http, puller.account, puller.root, "projects/p/subscriptions/none")
    with pytest.raises(Misconfigured, match="There is no subscription"):
        await missing.pull()
    stranger = RSAKey.generate_key(2048)
    forged = tmp_path / "forged.json"
    forged.write_text(json.dumps({"client_email": ROBOT, "private_key": stranger.as_pem(private=True).decode()}))
    with pytest.raises(Misconfigured, match="does not accept"):
        await ServiceAccount(ada.http, forged, puller.account.token_url).token()
    forged.write_text(json.dumps({"client_email": ROBOT, "private_key": "no key"}))
    with pytest.raises(Misconfigured, match="no RSA key"):
        await ServiceAccount(ada.http, forged, puller.account.token_url).token()
    forged.write_text("{}")
    with pytest.raises(Misconfigured, match="no service account's key file"):
        await ServiceAccount(ada.http, forged, puller.account.token_url).token()
    with pytest.raises(Misconfigured, match="can't be read"):
        await ServiceAccount(ada.http, tmp_path / "none.json", puller.account.token_url).token()
    response = await ada.call(f"/v1/{NAME}:pull", "POST", json={"maxMessages": 1})
    assert response.status == 403, "an account's token is no service account's"
    ada.server.world.authority.access.clear()  # the token ends early: another one is asked for
    ada.server.world.pubsub.publish(TOPIC, b"{}")
    assert len(await puller.pull()) == 1
