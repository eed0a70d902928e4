"""Runs the service: `python -m services.contacts`."""

from functools import partial

from libs.common import events as e
from libs.common import requests as q
from libs.common.service import Resources, run
from services.contacts.claiming import keep_telling
from services.contacts.context import Context
from services.contacts.handlers import (
    accounts,
    archive,
    comparing,
    contacts,
    duplicates,
    interactions,
    people,
    timelines,
)
from services.contacts.rescoring import keep_rescoring


async def wire(r: Resources) -> None:
    """What is heard and answered, by whom; and the background work."""
    context = Context(r.db, r.bus.publish, r.bus.purge_dead_letters)
    bus = r.bus

    bus.subscribe_batch(e.MessageIngested, partial(interactions.record_messages, context))
    bus.subscribe_batch(e.MessageRemoved, partial(interactions.remove_messages, context))
    bus.subscribe_batch(e.MeetingIngested, partial(interactions.record_meetings, context))
    bus.subscribe(e.MeetingCancelled, partial(interactions.cancel_meeting, context))
    bus.subscribe(e.InteractionReported, partial(interactions.record_report, context))
    bus.subscribe(e.ProfileReported, partial(interactions.record_profile, context))
    bus.subscribe_batch(e.PersonImported, partial(people.import_people, context))
    bus.subscribe(e.PersonRemoved, partial(people.remove_person, context))
    bus.subscribe(e.AccountConnected, partial(accounts.connect_account, context))
    bus.subscribe(e.AccountIdentified, partial(accounts.identify_account, context))
    bus.subscribe(e.AccountDisconnected, partial(accounts.disconnect_account, context))
    bus.subscribe(e.UserDeleted, partial(accounts.delete_user, context))
    bus.subscribe(e.SettingsChanged, partial(accounts.change_settings, context))

    bus.respond(q.SearchContacts, partial(contacts.search_contacts, context))
    bus.respond(q.GetContact, partial(contacts.show_contact, context))
    bus.respond(q.CreateContact, partial(contacts.create_contact, context))
    bus.respond(q.UpdateContact, partial(contacts.update_contact, context))
    bus.respond(q.DeleteContact, partial(contacts.delete_contact, context))
    bus.respond(q.RotateBcc, partial(contacts.rotate_bcc, context))
    bus.respond(q.GetTimeline, partial(timelines.show_timeline, context))
    bus.respond(q.AddInteraction, partial(timelines.add_interaction, context))
    bus.respond(q.GetAttendees, partial(timelines.show_attendees, context))
    bus.respond(q.FindDuplicates, partial(duplicates.find_duplicates, context))
    bus.respond(q.MergeContacts, partial(duplicates.merge_contacts, context))
    bus.respond(q.UndoMerge, partial(duplicates.undo_merge, context))
    bus.respond(q.CountContacts, partial(archive.count_contacts, context))
    bus.respond(q.ExportContacts, partial(archive.export_contacts, context))
    waiting = partial(bus.waiting, e.MessageIngested, e.MessageRemoved)
    bus.respond(q.CompareMessages, partial(comparing.compare_messages, context, waiting))
    bus.respond(q.GetContactsOfMessage, partial(comparing.list_contacts, context))

    r.run_in_background("rescoring", partial(keep_rescoring, context, bus))
    r.run_in_background("claiming", partial(keep_telling, context, bus))


if __name__ == "__main__":
    run("contacts", wire)
