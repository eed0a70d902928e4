"""The HTTP API: every endpoint, in the order in which the documentation lists them."""

from services.gateway.api import accounts, contacts, events, me, meetings, notifications, settings, tokens
from services.gateway.api.endpoint import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = (
    *me.ENDPOINTS,
    *accounts.ENDPOINTS,
    *contacts.ENDPOINTS,
    *meetings.ENDPOINTS,
    *settings.ENDPOINTS,
    *notifications.ENDPOINTS,
    *events.ENDPOINTS,
    *tokens.ENDPOINTS,
)
