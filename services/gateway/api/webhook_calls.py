"""The calls to the user's own URL, as the document describes them (`webhooks`)."""

from typing import Any

NAME = "notification"
SIGNATURE = "PingCRM-Signature"


def webhooks(notification: dict[str, Any]) -> dict[str, Any]:
    """The section, given the schema of a notification."""
    return {
        NAME: {
            "post": {
                "operationId": "call_webhook",
                "tags": ["Webhooks"],
                "summary": "A notification was made",
                "description": (
                    "Posted to `webhook_url` of the settings. A response other than 2xx, or none, is followed by other tries, after 5 s, "
                    "30 s, 2, 10 and 60 minutes: the same notification can come twice, `id` shows it. `link` is absolute."
                ),
                "security": [],
                "parameters": [
                    {
                        "name": SIGNATURE,
                        "in": "header",
                        "required": True,
                        "description": (
                            "`t=<unix time>,v1=<hex>`: the HMAC-SHA256 of `<t>.<body>` with the secret of `GET /settings/webhook`. "
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
