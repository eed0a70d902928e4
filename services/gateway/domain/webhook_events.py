"""What a user can choose to be called about, in words. Pure."""

from libs.common.preferences import WebhookEvent

WEBHOOK_EVENT_TEXTS: dict[WebhookEvent, str] = {
    "account.reauth_required": "An account has to be connected again",
    "permissions.missing": "A permission is missing",
    "sync.completed": "A sync brought something",
    "sync.failed": "A sync failed",
    "bcc.unclaimed": "An address may be me",
    "prep.sent": "A brief was sent",
    "prep.failed": "A brief could not be sent",
    "export.done": "An export is ready",
    "export.failed": "An export failed",
    "contact.changed": "People changed, or what passed with them (ids only)",
}
