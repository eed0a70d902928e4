"""Wires the gateway and runs it."""

from collections.abc import Awaitable, Callable
from functools import partial

from aiohttp import web

from libs.common.errors import Outage
from libs.common.events import (
    AccountConnected,
    AccountDisconnected,
    AccountReauthRequired,
    BccUnclaimed,
    ContactChanged,
    NotificationCreated,
    PrepFailed,
    PrepSent,
    PrepSkipped,
    SyncCompleted,
    SyncFailed,
    SyncProgressed,
    UserDeleted,
)
from libs.common.google.id_token import GoogleKeys
from libs.common.google.oauth import certs_url
from libs.common.service import Resources, run
from libs.common.web import serve
from services.gateway import handlers
from services.gateway.app import build_app
from services.gateway.context import Context
from services.gateway.live import Hub
from services.gateway.pages.render import Renderer
from services.gateway.webhook import WebhookSender, private_addresses_allowed, webhook_session
from services.gateway.wording import Told

TOLD: tuple[type[Told], ...] = (
    AccountConnected,
    AccountReauthRequired,
    SyncCompleted,
    SyncFailed,
    BccUnclaimed,
    PrepSent,
    PrepFailed,
)

# Anybody may send tokens with unknown keys; Google is not asked about each of them.
KEYS_REST_SECONDS = 60.0


async def wire(r: Resources) -> None:
    keys = GoogleKeys(r.http, certs_url(r.settings.google_oauth_root), rest_seconds=KEYS_REST_SECONDS)
    context = Context(r.settings, r.db, r.cache, r.bus, Hub(), Renderer(), keys)
    allow_private = private_addresses_allowed(r.settings)
    http = await r.enter(webhook_session(allow_private=allow_private))
    sender = WebhookSender(context, http, allow_private)
    for told in TOLD:
        r.bus.subscribe(told, _notify_and_wake(context, sender))
    r.bus.subscribe(PrepSkipped, partial(handlers.note_skip, context))
    r.bus.subscribe(AccountDisconnected, partial(handlers.forget_account, context))
    r.bus.subscribe(UserDeleted, partial(handlers.forget_user, context))
    r.bus.subscribe_broadcast(SyncProgressed, partial(handlers.push_progress, context))
    r.bus.subscribe_broadcast(ContactChanged, partial(handlers.push_contacts, context))
    r.bus.subscribe_broadcast(NotificationCreated, partial(handlers.push_notification, context))
    r.run_in_background("webhooks", sender.keep_sending)
    runner = await _serve(context)
    r.stack.push_async_callback(runner.cleanup)


async def _serve(context: Context) -> web.AppRunner:
    """Outage: somebody else listens on the port."""
    host, port = context.settings.host, context.settings.port
    try:
        return await serve(build_app(context), host, port)
    except OSError as error:
        raise Outage(f"Can't listen on {host}:{port}: {error.strerror}. Set PINGCRM_PORT to a free port.") from error


def _notify_and_wake(context: Context, sender: WebhookSender) -> Callable[[Told], Awaitable[None]]:
    async def notify(event: Told) -> None:
        await handlers.notify(context, event)
        sender.wake()

    return notify


if __name__ == "__main__":
    run("gateway", wire)
