"""The world around a gateway: one plain service for each that it asks."""

from dataclasses import dataclass

from libs.common.ids import Service
from tests.support.gateway.auth_part import AuthPart
from tests.support.gateway.contacts_part import ContactsPart
from tests.support.gateway.prep_part import PrepPart
from tests.support.gateway.two_users import Responders


@dataclass
class World(AuthPart, PrepPart, ContactsPart):
    """What the plain services know: two users, each with an account, and what was requested of them."""

    def responders(self) -> dict[Service, Responders]:
        return {
            "auth": self.auth_responders(),
            "prep": self.prep_responders(),
            "sync": self.sync_responders(),
            "contacts": self.contacts_responders(),
        }
