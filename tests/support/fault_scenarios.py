"""The fault points that each act of fault_acts.py reaches, and what an undisturbed life has left behind."""

import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from tests.support import fault_acts as acts
from tests.support.fault_life import Life

Act = Callable[[Life], Awaitable[None]]
Kind = Literal["fails", "dies"]
IN_DEPTH = "PINGCRM_PROOF_EXAMPLES" in os.environ


@dataclass(frozen=True)
class Scenario:
    """`points`: as armed, `point` or `point@of`. `left`: how many rows an undisturbed life has in some tables, so that what is
    compared with is right, too. `signed_in`: whether it begins after a first sync.
    `not_compared`: tables that may differ. `all_deaths`: to come back from death takes seconds, so before a handler it is
    died in some scenarios only (`make proof`: in all).
    """

    name: str
    act: Act
    points: tuple[str, ...]
    left: Mapping[str, int] = field(default_factory=dict)
    signed_in: bool = True
    not_compared: tuple[str, ...] = ()
    all_deaths: bool = False

    def points_of(self, kind: Kind) -> tuple[str, ...]:
        """Those at which it `fails` or `dies`."""
        if kind == "fails" or self.all_deaths or IN_DEPTH:
            return self.points
        return tuple(point for point in self.points if not point.startswith(("bus.received", "request.received")))


def consumers(*names: str) -> tuple[str, ...]:
    """Before and behind the handler of each."""
    return tuple(f"{point}@{name}" for name in names for point in ("bus.received", "bus.handled"))


def requests(*subjects: str) -> tuple[str, ...]:
    """Before and behind the handler of each."""
    return tuple(f"{point}@{subject}" for subject in subjects for point in ("request.received", "request.handled"))


def outbox(service: str, *subjects: str) -> tuple[str, ...]:
    """The events of a service, from the transaction to the stream."""
    return (
        *(f"outbox.adding@{subject}" for subject in subjects), f"outbox.relaying@{service}", f"outbox.published@{service}"
    )  # fmt: skip


# --- where it is torn apart -----------------------------------------------------------------------------------------------

_RUN_ENDS = ("sync.run.worked", "sync.run.ended", "sync.run.concluded", *outbox("sync", "sync.completed"))

SCENARIOS: tuple[Scenario, ...] = (
    # First: schedules are everybody's, and there are few people yet.
    Scenario(
        "clocks",
        acts.keep_time,
        (
            *consumers("sync_clock_mail", "sync_clock_contacts", "sync_clock_calendar", "sync_clock_prep"),
            *consumers("sync_clock_watch", "sync_clock_audit"), "sync.watches.made_due", "sync.audits.scheduled",
            "sync.item_audits.made_due",
        ),
    ),
    # Soon: its meetings begin half an hour after this module was imported.
    Scenario(
        "brief",
        acts.be_briefed,
        (
            "sync.scan.published", *consumers("prep_meeting_upcoming"), "prep.key.set", "prep.leased", "prep.gathered",
            "prep.written", "prep.handed_over", "prep.delivered", *outbox("prep", "prep.sent", "prep.failed"),
            *consumers("gateway_prep_sent", "gateway_prep_failed"), *requests("prep.send"),
            "gateway.notification.inserted", "gateway.webhook.leased", "gateway.webhook.posting", "gateway.webhook.posted",
        ),
        {"mails sent": 2, "prep.preps": 3},
    ),
    Scenario(
        "first_mail",
        acts.sign_in,
        (
            *requests("auth.finish"), "auth.code.exchanged", *outbox("auth", "account.connected"), "sync.requesting",
            *consumers("sync_account_connected", "contacts_account_connected", "gateway_account_connected"),
            "sync.identify.counted", "sync.identify.published", "sync.watch.begun", "sync.listing.fetched",
            "sync.listing.added", "sync.listing.stored", "sync.messages.read", "sync.messages.published",
            *consumers("contacts_account_identified", "contacts_message_ingested"),
            "contacts.recorded", "contacts.committed", "contacts.scores.chunk", "contacts.duplicates.chunk",
        ),
        {"contacts.interactions": 15, "sync.messages": 12, "contacts.contacts": 7, "gateway.notifications": 1, "sync.runs": 3},
        signed_in=False,
    ),
    Scenario(
        "first_items",
        acts.sign_in,
        (
            "sync.people.stored", "sync.people.published", "sync.people.read", "sync.people.applied",
            "sync.calendar.fetched", "sync.calendar.stored", "sync.calendar.found", "sync.calendar.published", "sync.calendar.applied",
            *consumers("contacts_person_imported", "contacts_meeting_ingested", "gateway_sync_completed"),
            *_RUN_ENDS, "gateway.notification.inserted", "gateway.notified",
        ),
        {"gateway.notifications": 1, "sync.runs": 3, "sync.people": 5, "sync.meetings": 3},
        signed_in=False,
    ),
    Scenario(
        "history",
        acts.change_mail,
        (
            *consumers("sync_sync_requested", "contacts_message_removed", "gateway_contact_changed"),
            "sync.request.checked", "sync.requesting",
            "sync.history.fetched", "sync.history.stored", "sync.removals.found", "sync.removals.published", "sync.messages.read",
            "sync.messages.published", "sync.history.applied",
        ),
        {"sync.messages": 14, "contacts.interactions": 15, "sync.runs": 4, "gateway.notifications": 2},
    ),
    Scenario(
        "reconciliation",
        acts.lose_history,
        ("sync.listing.fetched", "sync.listing.added", "sync.listing.stored", "sync.removals.published", "sync.listing.swept"),
        {"contacts.interactions": 15},
    ),
    Scenario(
        "cards",
        acts.change_cards,
        (
            "sync.people.stored", "sync.people.removals_published", "sync.people.applied",
            *consumers("contacts_person_removed"),
        ),
        {"sync.people": 6, "contacts.cards": 6},
    ),
    Scenario(
        "meetings",
        acts.change_meetings,
        (
            "sync.calendar.stored", "sync.calendar.found", "sync.calendar.applied", *consumers("contacts_meeting_cancelled"),
        ),
        {"contacts.interactions": 14},
    ),
    Scenario(
        "calendars",
        acts.tick_calendars,
        (
            *requests("auth.put_settings"), *outbox("auth", "settings.changed"), "sync.calendar.forgotten",
            *consumers("sync_settings_changed", "contacts_settings_changed"), "sync.requesting",
        ),
        {"sync.meetings": 6, "contacts.interactions": 15},
        all_deaths=True,
    ),
    Scenario(
        "audit",
        acts.audit,
        (
            *requests("sync.start_audit"), "sync.audits.scheduled", "sync.item_audits.made_due", "sync.audit.began",
            "sync.audit.page_added", "sync.audit.page_stored", "sync.audit.compared", "sync.audit.counted",
            "sync.audit.ending", "sync.item_audit.compared", "sync.item_audit.ending",
        ),
        {"contacts.interactions": 14, "contacts.cards": 5, "sync.messages": 12},
    ),
    Scenario(
        "audit_of_older_mail",
        acts.audit_older,
        ("sync.audit.raised",),
        {"contacts.interactions": 15, "contacts.cards": 5},
        not_compared=("sync.audits", "sync.messages", "sync.runs", "gateway.notifications"),  # it is published twice, and counted
    ),
    Scenario(
        "push",
        acts.be_notified,
        ("sync.pubsub.pulled", "sync.pubsub.published", *consumers("sync_mailbox_notified"), "gateway.push.published"),
        {"contacts.interactions": 17},
    ),
    Scenario(
        "poll",
        acts.be_polled,
        ("sync.polls.taken", "sync.requesting", "sync.history.fetched"),
        {"contacts.interactions": 16, "sync.runs": 4},
    ),
    Scenario(
        "abandoned_brief",
        acts.abandon_a_brief,
        ("prep.abandoned.settled", "outbox.adding@prep.failed", "outbox.published@prep"),
        {"mails sent": 1, "prep.preps": 1, "gateway.notifications": 4},
    ),
    Scenario(
        "settings",
        acts.change_settings,
        ("contacts.rechecks.changed", "contacts.rechecks.chunk", *consumers("sync_settings_changed", "contacts_settings_changed")),
    ),
    Scenario(
        "edits",
        acts.edit,
        (
            *requests("contacts.create", "contacts.update", "contacts.add_interaction", "contacts.merge", "contacts.undo_merge"),
            *requests("contacts.delete", "contacts.dismiss_waiting", "contacts.restore_waiting", "auth.create_token", "auth.delete_token"),
            *requests("contacts.dismiss_duplicate", "contacts.unlink_identity"),
            "request.received@contacts.rotate_bcc",
            "contacts.merge.recorded", "contacts.undo.recorded", "contacts.committed",
        ),
        {"auth.api_tokens": 1, "contacts.merges": 0},
    ),
    Scenario(
        "connectors",
        acts.report_from_connectors,
        consumers("contacts_interaction_reported", "contacts_profile_reported"),
        {"contacts.interactions": 16, "contacts.profiles": 1},
    ),
    Scenario(
        "offer",
        acts.get_offer,
        ("contacts.offers.published", *consumers("gateway_bcc_unclaimed")),
        {"contacts.bcc_offers": 1, "gateway.notifications": 3},
    ),
    Scenario(
        "permission",
        acts.renew_permission,
        (
            "auth.token.refreshed", *outbox("auth", "account.reauth_required"), "outbox.adding@sync.failed",
            *consumers("sync_account_reauth_required", "gateway_account_reauth_required", "gateway_sync_failed"),
        ),
        {"contacts.interactions": 17},
    ),
    Scenario(
        "purge",
        acts.disconnect,
        (
            "request.received@auth.disconnect", "auth.grant.revoked", *outbox("auth", "account.disconnected"),
            *consumers("sync_account_disconnected", "contacts_account_disconnected"),
            *consumers("prep_account_disconnected", "gateway_account_disconnected"),
            "contacts.purge.marked", "contacts.purge.chunk", "contacts.rechecks.chunk", "contacts.purge.done",
        ),
        {"contacts.interactions": 0, "contacts.contacts": 0, "sync.accounts": 0},
    ),
    Scenario(
        "deletion",
        acts.delete_everything,
        (
            "request.received@auth.delete_user", "auth.grant.revoked", *outbox("auth", "user.deleted"),
            *consumers("sync_user_deleted", "contacts_user_deleted", "prep_user_deleted", "gateway_user_deleted"),
            "contacts.deletion.marked", "contacts.deletion.chunk", "contacts.deletion.done",
        ),
        {"contacts.interactions": 0, "auth.users": 0},
    ),
    # Whoever dies before the event is out finds nothing left to do at the next try: behind the handler it is died by others.
    Scenario("purge_without_reply", acts.disconnect, ("request.handled@auth.disconnect",), {"contacts.interactions": 0}),
    Scenario("deletion_without_reply", acts.delete_everything, ("request.handled@auth.delete_user",), {"auth.users": 0}),
    Scenario("export", acts.export, ("gateway.export.page",)),
)  # fmt: skip
