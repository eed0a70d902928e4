"""The prose of the AsyncAPI document: what somebody has to know who connects a program of their own."""

from libs.common.integrations import INTEGRATION_STREAM
from libs.common.topology import ACK_WAIT_SECONDS, INTEGRATION_STREAM_BYTES, MAX_PAYLOAD_BYTES

BUS = f"""\
Five services share this bus, and programs of others: **integrations**. An event is a fact in the past tense, published once and \
delivered at least once; a request has one reply. Payloads are JSON; fields are added without notice, so ignore what you don't know.

```
auth ── account.* user.deleted ──► sync contacts prep gateway        Gmail, Calendar ──► sync
sync ── message.* person.* meeting.* ──► contacts ── contact.changed ──► gateway
sync ── meeting.upcoming ──► prep ── prep.* ──► gateway
any integration ── interaction.reported profile.reported ──► contacts
each event of `users.…` ── a copy, by contacts ──► integrations that may have it
```

**An integration** is made on the machine that administers PingCRM: `pingcrm integration create NAME --publish … --subscribe … \
[--user ADDRESS]`. That prints its server, login, password, inbox prefix, stream, consumer and a program that works as it is; \
`pingcrm integration show NAME` prints it again. It can do what it was given and nothing else; everything else the server refuses \
with a permissions violation. It sees the users whom `--user` names; without, every user of the installation, also those to come.

**Inbox.** Replies and pulled messages arrive in an inbox. Its prefix is `_INBOX_` and the login; give it to your client \
(`inbox_prefix` in nats-py), because nobody may read the inboxes of others, and `_INBOX` belongs to nobody.

**Subscribing.** Everything that an integration may have waits for it in the stream `{INTEGRATION_STREAM}`, from its creation on, behind \
one durable pull consumer that is named as the integration. Pull, do your work, acknowledge. What is not acknowledged within \
{ACK_WAIT_SECONDS:.0f} seconds comes again, for ever; handling it twice has to equal handling it once (`Nats-Msg-Id` is the same). \
Messages come as they were published; only behind an outage, or where several replicas of `contacts` run, neighbours may change places: \
of two about one thing the later has the higher `revision` (of an account, `sequence`). \
What everybody has acknowledged is gone. Unacknowledged messages are kept for 14 days, and {INTEGRATION_STREAM_BYTES // 1024 // 1024} MB \
of all integrations together; past that the oldest go. Who takes nothing for a week gets one message `missed.{{integration}}` in place of \
what waited, and reads anew through the HTTP API what it needs. A subject reads \
`users.{{user_id}}.{{account_id}}.{{event}}`. `user.deleted` and `account.disconnected` with `purge` are orders to delete what \
you keep of them; what else waits about them is taken away.

**Publishing.** `interaction.reported.{{integration}}.{{user_id}}`, and the same with `profile.reported`, by a JetStream publish, which \
returns when the stream `EVENTS` has stored it; until then publish again. `ref` is yours, unique per user and platform: reported again, it \
replaces what was reported before. The payload's `user_id` must be that of the subject. `user_id` is printed by `show`, is in every \
subject of `users.…`, and is `id` in `GET /api/v1/me`. A message has at most {MAX_PAYLOAD_BYTES // 1024 // 1024} MB.

**What can't be handled** is tried again after 1, 5, 30, 120 and 600 seconds, and at once given up where it can never succeed (it can't be \
parsed, or claims another user). Then it becomes a dead letter (`pingcrm dead list`, 30 days), and its author gets it back as \
`rejected.{{integration}}.{{event}}`, through the same consumer, with the reason in the header `Pingcrm-Reason`.

**The other channels** are those of the services. They are described for whoever works on PingCRM; integrations can't use them.
"""
SERVER = "JetStream, 2.14 or later. Within the installation's own network; TLS where the operator has set it up."
LOGIN = (
    "The login and password that `pingcrm integration create` and `show` print. `rotate` makes another password: whoever uses the old"
    " one is disconnected, nobody else is. `revoke` takes it away."
)
USER_ID = "The user, a UUID: printed by `pingcrm integration show`, `id` in `GET /api/v1/me`."
ACCOUNT_ID = "The Google account, a UUID; `-` where the event is about no single account."
INTEGRATION = "The name under which it was created."
REJECTED = "What an integration published and nobody could handle, as it was published; the headers tell why."
