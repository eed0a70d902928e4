"""Reports messages of another platform: each line of standard input is one, as JSON with `ref`, `at`, `from`, `name` and `text`.

pingcrm integration create telegram --publish interaction.reported --user you@gmail.com
PINGCRM_BUS_URL=nats://integration-telegram:…@127.0.0.1:… PINGCRM_USER_ID=… python bus_connector.py < messages.jsonl
"""

import asyncio
import json
import os
import sys
from urllib.parse import urlsplit

import nats


async def report(url: str, user_id: str) -> None:
    user = str(urlsplit(url).username)
    name = user.removeprefix("integration-")
    bus = await nats.connect(url, inbox_prefix=f"_INBOX_{user}")
    for line in sys.stdin:
        message = json.loads(line)
        event = {
            "user_id": user_id, "platform": "telegram", "ref": message["ref"], "occurred_at": message["at"],
            "direction": "inbound", "kind": "message", "text": message["text"],
            "identities": [{"kind": "telegram", "value": message["from"], "name": message["name"]}],
        }  # fmt: skip
        # Returns when the event is stored; raises where it is not: then run it again, a `ref` that came before is replaced.
        await bus.jetstream().publish(f"interaction.reported.{name}.{user_id}", json.dumps(event).encode())
    await bus.drain()


if __name__ == "__main__":
    asyncio.run(report(os.environ["PINGCRM_BUS_URL"], os.environ["PINGCRM_USER_ID"]))
