"""Gmail's notifications in tests: topic, subscription and service account at a local Google, and the settings that use them."""

import json
from pathlib import Path
from typing import Any

from libs.google_sim.pubsub.topics import Push, Subscription
from libs.google_sim.server import GoogleServer

TOPIC = "projects/pingcrm/topics/gmail"
PULLED = "projects/pingcrm/subscriptions/pulled"
PUSHED = "projects/pingcrm/subscriptions/pushed"
ROBOT = "push@pingcrm.iam.gserviceaccount.com"


def pulls(google: GoogleServer, folder: Path, *, ack_seconds: float = 10.0) -> dict[str, Any]:
    """A pull subscription, and the settings with which `sync` pulls from it."""
    world = google.world
    world.pubsub.subscribe(Subscription(PULLED, TOPIC, ack_seconds=ack_seconds))
    key_file = folder / "service-account.json"
    key_file.write_text(json.dumps(world.service_accounts.add(ROBOT)))
    return {
        "google_pubsub_topic": TOPIC,
        "google_pubsub_subscription": PULLED,
        "google_application_credentials": key_file,
        "google_pubsub_root": google.url,
        "google_oauth_root": google.url,
    }


def pushes(google: GoogleServer, gateway_url: str) -> Subscription:
    """A push subscription to the gateway under `gateway_url`."""
    endpoint = f"{gateway_url}/api/v1/hooks/gmail"
    subscription = Subscription(PUSHED, TOPIC, Push(endpoint, endpoint, ROBOT))
    google.world.pubsub.subscribe(subscription)
    google.world.pusher.serve(subscription)
    return subscription
