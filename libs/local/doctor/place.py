"""For whom the configuration is: `pingcrm up`, which starts everything; one service that runs by itself; or `pingcrm migrate`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from libs.common.ids import SERVICES, Service
from libs.local.secrets import FILE, postgres_password_name
from libs.local.urls import role

Place = Service | Literal["up", "migrate"]


def place_of(environment: Mapping[str, str], data_dir: Path) -> Place:
    """Whose variables these are.

    A service by itself has the login of its own role in PINGCRM_POSTGRES_URL. The migration of a deployment has the URLs of
    administrators and the passwords of the roles, and nothing in a data folder: `secrets_for` goes by the same.
    """
    user = urlsplit(environment.get("PINGCRM_POSTGRES_URL", "")).username
    for service in SERVICES:
        if user == role(service):
            return service
    named = ("PINGCRM_POSTGRES_URL", "PINGCRM_NATS_URL", *map(postgres_password_name, SERVICES))
    is_kept = os.path.exists(data_dir / FILE)  # noqa: PTH110 -- False also where we may not look
    if all(environment.get(name) for name in named) and not environment.get("PINGCRM_REDIS_URL") and not is_kept:
        return "migrate"
    return "up"


def command_of(place: Place) -> str:
    """What is run with these variables."""
    match place:
        case "up" | "migrate":
            return f"pingcrm {place}"
        case service:
            return f"pingcrm run {service}"
