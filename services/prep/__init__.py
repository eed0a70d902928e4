"""Prep: the brief that lands in the inbox half an hour before a meeting.

Owns the record of every brief (`preps`): sent, skipped or failed, why, and what it cost; and of every call of the model (`model_calls`).
Consumes meeting.upcoming, account.disconnected, user.deleted.
Publishes prep.sent, prep.skipped, prep.failed.
Serves prep.preview, prep.send, prep.states, prep.dry_run, prep.forecast, prep.brief_tokens, prep.model_calls, prep.measure,
    prep.handle_again.
Requests auth.settings, auth.accounts, auth.token, sync.meeting, sync.meetings, contacts.attendees.

    meeting.upcoming → handlers/meetings.py → gathering.py: the meeting as it stands now
                     → briefing.py: one attempt, under the lease of leasing.py (a key in Redis, a row in `preps`)
                     → domain/rules.py: a reason to skip?
                     → writing.py: people, talking points (model_calls.py or domain/talking_points/), email by rendering.py and templates/
                     → sending.py: Gmail, at most once
                     → outcomes.py: the row is settled, and prep.sent goes to the outbox, in one transaction
"""
