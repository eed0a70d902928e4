"""Runs the service: `python -m services.contacts`."""

from functools import partial

from libs.common import events as e
from libs.common import requests as q
from libs.common.service import Resources, run
from services.contacts.context import Context
from services.contacts.handlers import (
    account_states,
    accounts,
    attendees,
    audits,
    bcc_offers,
    cards,
    connectors,
    contacts,
    counts,
    derivations,
    duplicates,
    exclusions,
    export,
    identities,
    integrations,
    mail_search,
    meetings,
    merges,
    messages,
    scores,
    settings,
    timelines,
    waiting,
)


async def wire(r: Resources) -> None:
    """Which handler each event and request has, and the loops beside them."""
    context, bus = Context(r.db, r.bus.publish, r.bus.purge_dead_letters), r.bus

    bus.subscribe_batch(e.MessageIngested, partial(messages.record_messages, context))
    bus.subscribe_batch(e.MessageRemoved, partial(messages.remove_messages, context))
    bus.subscribe_batch(e.MeetingIngested, partial(meetings.record_meetings, context))
    bus.subscribe(e.MeetingCancelled, partial(meetings.cancel_meeting, context))
    bus.subscribe(e.InteractionReported, partial(connectors.record_report, context))
    bus.subscribe(e.ProfileReported, partial(connectors.record_profile, context))
    bus.subscribe_batch(e.PersonImported, partial(cards.import_cards, context))
    bus.subscribe(e.PersonRemoved, partial(cards.remove_card, context))
    bus.subscribe(e.AccountConnected, partial(accounts.connect_account, context))
    bus.subscribe(e.AccountIdentified, partial(accounts.identify_account, context))
    bus.subscribe(e.AccountDisconnected, partial(accounts.disconnect_account, context))
    bus.subscribe(e.UserDeleted, partial(accounts.delete_user, context))
    bus.subscribe(e.SettingsChanged, partial(settings.change_settings, context))
    bus.forward_to_integrations(partial(integrations.list_purged, context))

    bus.respond(q.SearchContacts, partial(contacts.search_contacts, context))
    bus.respond(q.ListTags, partial(contacts.get_tags, context))
    bus.respond(q.GetContact, partial(contacts.get_contact, context))
    bus.respond(q.GetPhoto, partial(contacts.get_photo, context))
    bus.respond(q.CreateContact, partial(contacts.create_contact, context))
    bus.respond(q.UpdateContact, partial(contacts.update_contact, context))
    bus.respond(q.DeleteContact, partial(contacts.delete_contact, context))
    bus.respond(q.RotateBcc, partial(contacts.rotate_bcc, context))
    bus.respond(q.GetTimeline, partial(timelines.get_timeline, context))
    bus.respond(q.FindMail, partial(mail_search.find_mail, context))
    bus.respond(q.ListWaiting, partial(waiting.list_waiting, context))
    bus.respond(q.DismissWaiting, partial(waiting.dismiss_waiting, context))
    bus.respond(q.RestoreWaiting, partial(waiting.restore_waiting, context))
    bus.respond(q.AddInteraction, partial(timelines.add_interaction, context))
    bus.respond(q.GetAttendees, partial(attendees.get_attendees, context))
    bus.respond(q.FindDuplicates, partial(duplicates.find_duplicates, context))
    bus.respond(q.ListDuplicates, partial(duplicates.list_duplicates, context))
    bus.respond(q.DismissDuplicate, partial(duplicates.dismiss_duplicate, context))
    bus.respond(q.MergeContacts, partial(merges.merge_contacts, context))
    bus.respond(q.ListMerges, partial(merges.list_merges, context))
    bus.respond(q.UndoMerge, partial(merges.undo_merge, context))
    bus.respond(q.UnlinkIdentity, partial(identities.unlink_identity, context))
    bus.respond(q.CountContacts, partial(counts.count_contacts, context))
    bus.respond(q.ExportContacts, partial(export.export_contacts, context))
    messages_waiting = partial(bus.waiting, e.MessageIngested, e.MessageRemoved)
    bus.respond(q.CompareMessages, partial(audits.compare_messages, context, messages_waiting))
    meetings_waiting = partial(bus.waiting, e.MeetingIngested, e.MeetingCancelled)
    bus.respond(q.CompareMeetings, partial(audits.compare_meetings, context, meetings_waiting))
    cards_waiting = partial(bus.waiting, e.PersonImported, e.PersonRemoved)
    bus.respond(q.CompareCards, partial(audits.compare_cards, context, cards_waiting))
    bus.respond(q.GetContactsOfMessage, partial(messages.get_contacts_of_message, context))
    bus.respond(q.ListExclusions, partial(exclusions.list_exclusions, context))
    bus.respond(q.AddExclusion, partial(exclusions.add_exclusion, context))
    bus.respond(q.ExcludeContact, partial(exclusions.exclude_contact, context))
    bus.respond(q.RemoveExclusion, partial(exclusions.remove_exclusion, context))

    r.run_in_background("accounts", partial(account_states.keep_comparing, context, bus))
    r.run_in_background("scores", partial(scores.keep_refreshing_scores, context, bus))
    r.run_in_background("exclusions", partial(exclusions.keep_working_off_exclusions, context, bus))
    r.run_in_background("duplicates", partial(duplicates.keep_finding_duplicates, context, bus))
    r.run_in_background("bcc_offers", partial(bcc_offers.keep_publishing_offers, context, bus))
    r.run_in_background("integrations", partial(integrations.keep_limiting_backlogs, bus))
    r.run_in_background("derivations", partial(derivations.refresh_outdated, context, bus))


if __name__ == "__main__":
    run("contacts", wire)
