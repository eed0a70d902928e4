"""The calls to the user's own URL, as the document describes them (`webhooks`)."""

from typing import Any

TAG = "Webhooks"
NAME = "notification"
SIGNATURE = "PingCRM-Signature"


def webhooks(notification: dict[str, Any]) -> dict[str, Any]:
    """The section, given the schema of a notification."""
    return {
        NAME: {
            "post": {
                "operationId": "call_webhook",
                "tags": [TAG],
                "summary": "A notification was made",
                "description": (
                    "Posted to `webhook_url` of the settings as a notification is made, and again, with the same `id` and a higher "
                    "`revision`, each time that it has grown and is news again: the kinds of a first sync, or of one *Sync now*, end one "
                    "after the other and share a notification. One whose numbers grow quietly, as that of a day's mail, is not sent "
                    "again. A response other than 2xx within 10 seconds is followed by other tries, after 5 s, 30 s, 2, 10 and 60 "
                    "minutes: a call may come twice, and of each `id` the highest `revision` counts. `link` is absolute."
                ),
                "security": [],
                "parameters": [
                    {
                        "name": SIGNATURE,
                        "in": "header",
                        "required": True,
                        "description": (
                            "`t=<unix time>,v1=<hex>`: the HMAC-SHA256 of `<t>.<body>` with the secret of `POST /settings/webhook/secret`. "
                            "While secrets are exchanged there are several `v1`: one that fits is enough."
                        ),
                        "schema": {"type": "string"},
                    }
                ],
                "requestBody": {"required": True, "content": {"application/json": {"schema": notification}}},
                "responses": {
                    "2XX": {"description": "It is taken."},
                    "default": {"description": "It is tried again."},
                },
            }
        }
    }
