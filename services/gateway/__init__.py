"""Gateway: the HTTP API, the web pages, live updates and notifications.

Owns notifications, webhook calls (those still to be made, those about contacts among them, and the last ones that were), how often each
user has made a new webhook secret, how far the events of each account have come, and exports.
Consumes account.connected, account.reauth_required, account.disconnected, user.deleted, sync.progressed, sync.completed,
    sync.failed, contact.changed, bcc.unclaimed, prep.sent, prep.skipped, prep.failed, notification.created.
Publishes sync.requested, mailbox.notified, interaction.reported, profile.reported, notification.created.
Serves gateway.handle_again.
Requests auth.accounts, auth.settings, auth.put_settings, auth.sign_in_setup, auth.begin, auth.finish, auth.whois, auth.sign_out,
    auth.sign_out_everywhere, auth.create_token, auth.tokens, auth.delete_token, auth.disconnect,
    auth.delete_user, sync.runs, sync.status, sync.meetings, sync.meeting, sync.calendars, sync.notify_calendar,
    sync.why, sync.audit, sync.start_audit, sync.retry,
    contacts.search, contacts.tags, contacts.get, contacts.create, contacts.update, contacts.delete, contacts.timeline,
    contacts.find_mail, contacts.waiting, contacts.dismiss_waiting, contacts.restore_waiting, contacts.add_interaction,
    contacts.duplicates, contacts.merge, contacts.undo_merge, contacts.rotate_bcc, contacts.counts, contacts.export,
    contacts.exclusions, contacts.exclude, contacts.exclude_contact, contacts.remove_exclusion, prep.preview, prep.send, prep.states,
    prep.forecast, prep.dry_run, prep.model_calls, contacts.list_duplicates, contacts.dismiss_duplicate, contacts.merges,
    contacts.photo, contacts.unlink_identity,
    auth.measure, sync.measure, contacts.measure, prep.measure, contacts.dead_letters, contacts.replay_dead_letter.

Everything else that it shows it requests from the service that owns it, each time anew; who wants calls about contacts is remembered for
minutes (preferences.py). An HTTP request comes in through app.py and middlewares.py, is authenticated in sessions/ and served by api/
(for programs; declared once, for serving and for OpenAPI) or pages/ (for people). An event comes in through handlers/: it becomes a
notification (domain/notification_texts.py; of runs only those that domain/notified_runs.py names), which is stored, pushed to the user's
browsers (live_updates.py) and posted to their webhook (webhook_delivery/), where they chose so; changed contacts are gathered for it
(handlers/contact_changes.py). What Google pushes comes in through api/google_push.py and api/calendar_push.py. Exports are made in the
background (export_making.py).
"""
