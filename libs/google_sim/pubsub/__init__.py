"""A stand-in for Cloud Pub/Sub, as far as Gmail's notifications go: topics, push with signed tokens, pull with deadlines.

topics.py         topics, subscriptions, messages and their leases; the faults that they meet on the way
notifications.py  changes of watched mailboxes → at most one message a second and mailbox
pushing.py        push subscriptions: a signed request for each message, again until its status is 2xx
"""
