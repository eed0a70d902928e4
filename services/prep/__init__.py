"""prep: the brief that lands in the inbox half an hour before a meeting.

Owns: the record of every brief (`preps`): sent, skipped or failed, why, and what it cost.
Hears: meeting.upcoming, account.disconnected, user.deleted.
Says: prep.sent, prep.skipped, prep.failed.
Answers: prep.preview, prep.send, prep.states, prep.dry_run.
Asks: auth (settings, accounts, tokens), contacts (attendees), sync (meetings as they stand now).

    meeting.upcoming → briefing.brief → sync: as it stands now? → claim (Redis) and lease (row)
                                      → domain/rules.py: a reason to skip?
                                      → writing.write: people, talking points, email
                                      → sending.send: Gmail → the row is settled, prep.sent is owed
"""
