"""People and what passed between them and the user: contacts, addresses, interactions, scores, BCC addresses.

Hears `account.*`, `settings.changed`, `user.deleted` (who is me), `message.*`, `meeting.*`, `person.*` (what sync saw),
`interaction.reported`, `profile.reported` (other platforms). Says `contact.changed`, `bcc.unclaimed`. Answers every `contacts.*` question.

Everything is a projection of what was seen, so that order and repetition don't matter:

    facts ──► sightings ──project──► interactions + participants(address) ──wanted──► contacts ◄──group── cards

`recording.py` keeps interactions true to the sightings, `regrouping.py` keeps contacts true to addresses and cards,
`identity.py` follows changes of who is me. The rules are in `domain/` and, set-based, in the views of the schema.
"""
