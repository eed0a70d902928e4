"""What Google answers over HTTP, beside the control API.

routing.py   the table of API methods: path, scopes, quota units, handler
dispatch.py  one call from path to response: authorization, quota, faults, the `fields` parameter
gmail.py, calendar.py, people.py  the methods of the three APIs; sending.py  what `messages.send` does
oauth.py     consent page, token, revoke, certs (templates/ holds the page)
pubsub.py    pull and acknowledge
"""
