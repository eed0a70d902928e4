"""The HTTP API: every endpoint, in the order in which the documentation lists them."""

from services.gateway.api import (
    accounts,
    contacts,
    do_not_record,
    exports,
    identities,
    live_updates,
    me,
    meetings,
    notifications,
    settings,
    tokens,
    waiting,
    webhook,
)
from services.gateway.api.endpoint import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = (
    *me.ENDPOINTS,
    *exports.ENDPOINTS,
    *accounts.ENDPOINTS,
    *contacts.ENDPOINTS,
    *identities.ENDPOINTS,
    *do_not_record.ENDPOINTS,
    *waiting.ENDPOINTS,
    *meetings.ENDPOINTS,
    *settings.ENDPOINTS,
    *webhook.ENDPOINTS,
    *notifications.ENDPOINTS,
    *live_updates.ENDPOINTS,
    *tokens.ENDPOINTS,
)
