"""Contacts: people, and what passed between them and the user.

Owns contacts, addresses, interactions, Google's cards, merges, relationship scores, BCC hashes, and whom the user asked not to record.
Consumes account.connected, account.identified, account.disconnected, user.deleted, settings.changed, message.ingested,
    message.removed, meeting.ingested, meeting.cancelled, person.imported, person.removed, interaction.reported, profile.reported.
Publishes contact.changed, bcc.unclaimed.
Serves contacts.search, contacts.tags, contacts.get, contacts.photo, contacts.create, contacts.update, contacts.delete,
    contacts.rotate_bcc, contacts.timeline, contacts.find_mail, contacts.waiting, contacts.dismiss_waiting, contacts.restore_waiting,
    contacts.add_interaction, contacts.attendees, contacts.duplicates, contacts.merge, contacts.undo_merge, contacts.counts,
    contacts.export, contacts.compare, contacts.compare_meetings, contacts.compare_cards, contacts.of_message, contacts.exclusions,
    contacts.exclude, contacts.exclude_contact, contacts.remove_exclusion, contacts.list_duplicates, contacts.dismiss_duplicate,
    contacts.merges, contacts.unlink_identity, contacts.measure, contacts.dead_letters, contacts.replay_dead_letter.
Requests auth.account_states, auth.settings, sync.handle_again, prep.handle_again, gateway.handle_again.

Everything is a projection of what was seen, so that order and repetition don't matter:

    events ──► observations ──project──► interactions + participants(address) ──reasons──► contacts ◄──resolve── cards

domain/observations.py makes observations of events. projector.py stores them, keeps interactions true to them (domain/projection.py)
and follows up what hangs on those: the names of addresses (names.py), who becomes a contact (contact_reasons.py, by
views/contact_reasons.sql), which scores are due. identity_resolution.py keeps contacts true to addresses and cards
(domain/identity_resolution.py), contact_fields.py what they show. own_addresses.py changes who is me; what follows from that, and from
another rule for contacts, is worked off by rechecks.py. exclusions.py keeps out whom the user asked not to record, exclusion_work.py
removes what was there of them. account_purge.py takes back what one account saw, user_deletion.py everything.
Whatever changes a user's contacts holds the user's lock (context.py); what is much is done in chunks, each a transaction of its own.

What is read goes through views/timeline_lines.sql: timelines.py, attendees.py, contact_views.py and scoring.py, which computes
the scores (domain/scoring.py) that are due, and who is going cold (domain/going_cold.py), in the background. Lists are in
contact_search.py, mail that waits on the user in waiting.py. What the user does is in contact_edits.py and merges.py; who may be
one person is found in the background, too (duplicates.py). What identifies somebody on another platform (domain/identities.py) is an
address as others are: identity_evidence.py keeps by what else its owner may be known, identity_links.py parts it from a contact.
bcc_offers.py publishes whose address may be the user's own.
Of what every service publishes, it stores the copies that integrations get (libs/common/bus/forwarding.py), and limits what waits for them.
"""
