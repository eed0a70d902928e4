"""The calls to the user's own URL, as the document describes them (`webhooks`)."""

from typing import Any

from services.gateway.domain.webhook_delivery import ID, SIGNATURE, TIMESTAMP

TAG = "Webhooks"
RETRIES = (
    "A response other than 2xx within 10 seconds is followed by other tries, after 5 s, 30 s, 2, 10 and 60 minutes, 6 and 24 hours. So a "
    "call may come twice: it has the same `webhook-id` then. Calls may come in another order than what they report."
)
NOTIFICATION = (
    "Posted to `webhook_url` of the settings as a notification of one of the `webhook_events` is made, and again, as another call with the "
    "same `id` and a higher `revision` in its data, each time that it has grown and is news again: the kinds of a first sync, or of one "
    "*Sync now*, end one after the other and share a notification. One whose numbers grow quietly, as that of a day's mail, is not sent "
    f"again. Of each `id` the highest `revision` counts. `link` is absolute. A test has the type `webhook.test`. {RETRIES}"
)
CONTACTS = (
    "Posted where `webhook_events` has `contact.changed`. Changes are gathered until there was none for 10 seconds, or for a minute: so an "
    "import of 10,000 contacts is a call a minute. `resync` stands for more than 500 contacts at once, and comes with the next change "
    f"after a call was given up. {RETRIES}"
)
HEADERS = {
    ID: "Of the call: the same each time that it is tried. Who has handled it answers 2xx and does nothing.",
    TIMESTAMP: "The unix time of this try, in seconds. Refuse what is older than five minutes: somebody has kept it.",
    SIGNATURE: (
        "`v1,<base64>`: the HMAC-SHA256 of `<webhook-id>.<webhook-timestamp>.<body>`. The key is what stands in base64 behind `whsec_` in "
        "the secret of `POST /settings/webhook/secret`. While secrets are exchanged there are several, with spaces between them: one that "
        "fits is enough. See https://www.standardwebhooks.com."
    ),
}


def webhooks(notification: dict[str, Any], contacts: dict[str, Any]) -> dict[str, Any]:
    """The section, given the schemas of what they carry."""
    return {
        "notification": _call("call_webhook", "A notification was made", NOTIFICATION, notification, None),
        "contact.changed": _call(
            "call_webhook_about_contacts", "Contacts changed", CONTACTS, contacts, "contact.changed"
        ),
    }


def _call(name: str, summary: str, description: str, data: dict[str, Any], type_: str | None) -> dict[str, Any]:
    """One kind of call. `type_`: where it has a single one."""
    body = {
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": {"const": type_} if type_ else {"type": "string", "description": "The `kind` of the notification."},
            "timestamp": {"type": "string", "format": "date-time", "description": "When it happened."},
            "data": data,
        },
    }
    parameters = [
        {"name": header, "in": "header", "required": True, "description": text, "schema": {"type": "string"}}
        for header, text in HEADERS.items()
    ]
    responses = {"2XX": {"description": "It is taken."}, "default": {"description": "It is tried again."}}
    return {
        "post": {
            "operationId": name,
            "tags": [TAG],
            "summary": summary,
            "description": description,
            "security": [],
            "parameters": parameters,
            "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
            "responses": responses,
        }
    }
