"""Reading a mailbox: list what is not known, fetch what is pending, follow the history.

sync.py      the run of a mailbox, from wherever the last one got to
listing.py   messages.list → pending rows in the ledger; what a complete listing misses is gone
backlog.py   pending rows, group by group, as far as the listing has come
fetching.py  pending rows → messages of Gmail, or a reason why not
reading.py   what becomes of each message of a group
recording.py message.ingested, and what is written down; a message fails alone
briefs.py    which of the fetched messages are briefs of ours
history.py   history.list → pending rows and message.removed; moves the cursor
audit.py     once a day: what Gmail lists, the ledger and contacts are compared, and made the same
watch.py     the watch of a mailbox, so that Gmail notifies of its changes
push.py      Gmail's notifications → runs
polling.py   the mailboxes whose turn it is → runs
why.py       what became of one message
"""
