"""The control API: what happens beyond the product's reach (mail arrives, a token is revoked, a fault begins).

app.py       the application: all routes, and how errors are written
requests.py  what the handlers share: the world, the JSON body, the account that a path names
mail.py      messages: deliver, trash, label, delete, and what was sent
calendar.py  events: put, change, cancel
people.py    contacts: put, delete
access.py    grants and tokens: revoke, expire, policy
faults.py    quota, fault rules and counters
pubsub.py    subscriptions, service accounts, delivery faults and counters
oracle.py    what a correct sync yields
"""
