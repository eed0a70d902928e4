"""Writes what happens to a spreadsheet file: one line of CSV per event, each exactly once, however often it comes.

pingcrm integration create sheet --subscribe message.ingested,meeting.upcoming,contact.changed
PINGCRM_BUS_URL=nats://integration-sheet:…@127.0.0.1:… python bus_listener.py events.csv
"""

import asyncio
import csv
import json
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

import nats
import nats.errors


def lines_of(file: Path) -> set[str]:
    """The keys of the lines that are there: a program that was stopped in between gets the same events again."""
    with file.open(newline="") as lines:
        return {line[0] for line in csv.reader(lines)}


async def listen(url: str, file: Path) -> None:
    user = str(urlsplit(url).username)
    name = user.removeprefix("integration-")
    bus = await nats.connect(url, inbox_prefix=f"_INBOX_{user}", max_reconnect_attempts=-1)
    waiting = await bus.jetstream().pull_subscribe_bind(name, stream="INTEGRATIONS")
    file.touch()
    written = lines_of(file)
    with file.open("a", newline="") as lines:
        sheet = csv.writer(lines)
        while True:
            try:
                messages = await waiting.fetch(100, timeout=30)
            except nats.errors.TimeoutError:
                continue
            for message in messages:
                key = message.headers["Nats-Msg-Id"]
                if key not in written:
                    kind, _, subject = message.subject.partition(".")
                    event = message.headers if kind == "rejected" else json.loads(message.data)
                    what = subject.split(".", 2)[2] if kind == "users" else message.subject
                    sheet.writerow([key, message.metadata.timestamp.isoformat(), what, json.dumps(event)])
                    written.add(key)
            lines.flush()
            for message in messages:
                await message.ack()


if __name__ == "__main__":
    asyncio.run(listen(os.environ["PINGCRM_BUS_URL"], Path(sys.argv[1])))
