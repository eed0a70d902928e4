"""Gmail's notifications, pushed by Pub/Sub: proven by Google's signature, published for `sync`, and confirmed once the bus has them.

No session and no API token: whoever can sign as the configured service account may report that a mailbox has changed, and that is
all that a notification can do. It is no part of the API that people use, so the OpenAPI document does not have it.
"""

from datetime import UTC, datetime
from functools import partial

import orjson
from aiohttp import web

from libs.common.errors import Refused
from libs.common.events import MailboxNotified
from libs.common.fault_points import reached
from libs.common.google.id_token import Untrusted, WrongSigner
from libs.common.google.pubsub import Malformed, read_hint
from libs.common.log import get_logger
from libs.common.resources.reading import mapping
from services.gateway.api.serving import PREFIX
from services.gateway.context import Context
from services.gateway.sessions.authentication import bearer_of

MAX_BODY_BYTES = 64 * 1024


def google_push_routes(context: Context) -> list[web.RouteDef]:
    return [web.post(f"{PREFIX}/hooks/gmail", partial(receive_gmail_push, context))]


async def receive_gmail_push(context: Context, request: web.Request) -> web.Response:
    """204 also for a mailbox that is nobody's here: what is not confirmed with 2xx, Pub/Sub sends again for days."""
    now = datetime.now(UTC)
    if not context.settings.google_pubsub_service_account:
        raise Refused(
            404, "push_not_configured", "No notifications are taken: set PINGCRM_GOOGLE_PUBSUB_SERVICE_ACCOUNT."
        )
    await _verify_sender(context, request, now)
    envelope = await _read_envelope(request)
    try:
        hint = read_hint(mapping(envelope.get("message")), now)
    except Malformed as error:
        raise Refused(400, "malformed_body", f"This is no notification of Gmail's: {error}") from None
    await context.bus.publish(
        MailboxNotified(address=hint.address, history_id=hint.history_id, notified_at=hint.published_at)
    )
    await reached("gateway.push.published")
    return web.Response(status=204)


async def _verify_sender(context: Context, request: web.Request, now: datetime) -> None:
    """Before anything is read. Refused: 401 without a good token, 403 with somebody else's."""
    settings, token = context.settings, bearer_of(request)
    try:
        if not token:
            raise Untrusted("There is none.")
        await context.google_keys.verify_service(
            token, audience=settings.push_audience, email=settings.google_pubsub_service_account, now=now
        )
    except Untrusted as error:
        get_logger().warning("push_refused", reason=str(error))
        detail = (
            "Send the token of the configured service account, as a Pub/Sub push subscription with authentication does."
        )
        if isinstance(error, WrongSigner):
            raise Refused(403, "wrong_signer", detail) from None
        raise Refused(401, "untrusted", detail) from None


async def _read_envelope(request: web.Request) -> dict[str, object]:
    """What Pub/Sub wraps a message in. Refused: 413, 400."""
    body = bytearray()
    try:
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise Refused(413, "too_large", f"A notification has at most {MAX_BODY_BYTES // 1024} kB.")
        envelope = orjson.loads(bytes(body))
    except web.RequestPayloadError:
        raise Refused(400, "malformed_body", "The body does not fit its Content-Encoding.") from None
    except orjson.JSONDecodeError:
        raise Refused(400, "malformed_body", "The body is not JSON.") from None
    if not isinstance(envelope, dict):
        raise Refused(400, "malformed_body", "The body is not a JSON object.")
    return envelope
