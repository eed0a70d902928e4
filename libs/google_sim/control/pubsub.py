"""The control API's part for Pub/Sub."""

from dataclasses import asdict

from aiohttp import web

from libs.google_sim.control.requests import WORLD, json_response, read_object
from libs.google_sim.pubsub.topics import ACK_SECONDS, DeliveryFaults, Push, Subscription

ROUTES = web.RouteTableDef()


@ROUTES.post("/pubsub/subscriptions")
async def subscribe(request: web.Request) -> web.Response:
    """`{"name", "topic", "ack_seconds"?, "push"?: {"endpoint", "audience", "email"}}`; without push it is pulled."""
    world, body = request.app[WORLD], await read_object(request)
    try:
        push = Push(**body["push"]) if body.get("push") else None
        subscription = Subscription(body["name"], body["topic"], push, float(body.get("ack_seconds", ACK_SECONDS)))
    except (KeyError, TypeError) as error:
        raise ValueError("Give name, topic, and for push an endpoint, an audience and an email.") from error
    world.pubsub.subscribe(subscription)
    if push is not None:
        world.pusher.serve(subscription)
    return json_response({"name": subscription.name})


@ROUTES.delete("/pubsub/subscriptions")
async def unsubscribe(request: web.Request) -> web.Response:
    """`?name=`: it gets no more messages, and pulling from it is 404."""
    name = request.query.get("name", "")
    if request.app[WORLD].pubsub.subscriptions.pop(name, None) is None:
        raise KeyError(f"subscription {name}")
    return json_response({})


@ROUTES.post("/pubsub/service-accounts")
async def add_service_account(request: web.Request) -> web.Response:
    """`{"client_email"}`: a new key file. With `private_key` (PEM), that key is made known."""
    body = await read_object(request)
    email, private_key = body.get("client_email"), body.get("private_key")
    if not isinstance(email, str) or not email or not isinstance(private_key, str | None):
        raise ValueError("Give client_email, and private_key as PEM where there is one.")
    return json_response(request.app[WORLD].service_accounts.add(email, private_key))


@ROUTES.put("/pubsub/faults")
async def set_delivery_faults(request: web.Request) -> web.Response:
    """`{"lose", "duplicate", "delay", "reorder": probabilities, "seconds", "seed"}`; nothing given ends it."""
    body = await read_object(request)
    seed = body.pop("seed", 0)
    try:
        request.app[WORLD].pubsub.script(DeliveryFaults(**body), seed)
    except TypeError as error:
        raise ValueError("Give lose, duplicate, delay, reorder, seconds and seed.") from error
    return json_response({})


@ROUTES.put("/pubsub/closed-topics")
async def close_topics(request: web.Request) -> web.Response:
    """`{"topics": [...]}`: those that Gmail may not publish to."""
    request.app[WORLD].pubsub.closed_topics = set((await read_object(request)).get("topics", []))
    return json_response({})


@ROUTES.get("/pubsub/counters")
async def counters(request: web.Request) -> web.Response:
    """Return the counters of delivery by subscription."""
    subscriptions = request.app[WORLD].pubsub.subscriptions.values()
    return json_response(
        {
            subscription.name: {**asdict(subscription.counters), "waiting": len(subscription.waiting)}
            for subscription in subscriptions
        }
    )
