"""Gmail's watch with a subscription of Pub/Sub that pushes, as scenarios set it up."""

from libs.local.demo.google import LocalGoogle
from libs.local.demo.person import poll_until
from tests.bench.stage import WAIT_SECONDS, Stage

_TOPIC = "projects/bench/topics/gmail"
_SUBSCRIPTION = "projects/bench/subscriptions/gmail"
_SIGNER = "push@bench.iam.gserviceaccount.com"
PUSHED = {"PINGCRM_GOOGLE_PUBSUB_TOPIC": _TOPIC, "PINGCRM_GOOGLE_PUBSUB_SERVICE_ACCOUNT": _SIGNER}
"""The product's settings for it."""


async def subscribe(google: LocalGoogle, product: Stage) -> None:
    endpoint = f"{product.stack.public_url}/api/v1/hooks/gmail"
    push = {"endpoint": endpoint, "audience": endpoint, "email": _SIGNER}
    await google.control("POST", "/pubsub/subscriptions", {"name": _SUBSCRIPTION, "topic": _TOPIC, "push": push})


async def until_watched(google: LocalGoogle) -> None:
    """Wait until Gmail was asked to notify of every mailbox. TimeoutError: it was not."""

    async def all_watched() -> bool:
        return all(account["watch"] for account in (await google.control("GET", "/state"))["accounts"])

    if not await poll_until(all_watched, seconds=WAIT_SECONDS):
        raise TimeoutError("Not every mailbox is watched.")
