"""The HTTP API: every endpoint, in the order in which the documentation lists them."""

from services.gateway.api import (
    accounts,
    contacts,
    live_updates,
    me,
    meetings,
    notifications,
    settings,
    tokens,
    waiting,
)
from services.gateway.api.endpoint import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = (
    *me.ENDPOINTS,
    *accounts.ENDPOINTS,
    *contacts.ENDPOINTS,
    *waiting.ENDPOINTS,
    *meetings.ENDPOINTS,
    *settings.ENDPOINTS,
    *notifications.ENDPOINTS,
    *live_updates.ENDPOINTS,
    *tokens.ENDPOINTS,
)
