"""The gateway: the HTTP API, the web pages, notifications and live updates.

Owns: notifications, and the webhook deliveries that are still to be made. Everything else it asks the other services for.
Hears: account.connected, account.reauth_required, account.disconnected, user.deleted, sync.completed, sync.failed, prep.sent, prep.skipped,
prep.failed; live: sync.progressed, contact.changed, notification.created.
Says: sync.requested, interaction.reported, profile.reported, notification.created.
"""
