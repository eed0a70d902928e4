"""Gmail's notifications: that a watched mailbox has changed, and up to which history id."""

import asyncio

import orjson

from libs.google_sim.gmail.mailbox import Record
from libs.google_sim.hosted_account import Account
from libs.google_sim.pubsub.topics import PubSub

PAUSE_SECONDS = 1.0


class Notifier:
    """At most one notification a second and mailbox; what happens sooner is published together, when the second is over."""

    def __init__(self, pubsub: PubSub) -> None:
        self.pause_seconds = PAUSE_SECONDS
        self._pubsub = pubsub
        self._notified_at: dict[str, float] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def changed(self, account: Account, record: Record, now: float) -> None:
        """Notify of a record that was added to the account's history, if the mailbox is watched for its labels."""
        if account.watch is None or int(account.watch["expiration"]) <= now * 1000:
            return
        wanted = account.watch["labelIds"]
        if not wanted or not record.stored.labels.isdisjoint(wanted):
            self.notify(account)

    def notify(self, account: Account) -> None:
        """Publish where the mailbox stands, now or when its second is over."""
        if account.address in self._timers:
            return
        loop = asyncio.get_running_loop()
        wait = self._notified_at.get(account.address, -self.pause_seconds) + self.pause_seconds - loop.time()
        if wait <= 0:
            self._publish(account)
        else:
            self._timers[account.address] = loop.call_later(wait, self._publish, account)

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()

    def _publish(self, account: Account) -> None:
        self._timers.pop(account.address, None)
        self._notified_at[account.address] = asyncio.get_running_loop().time()
        if account.watch is not None:
            notification = {"emailAddress": account.address, "historyId": account.mailbox.history_id}
            self._pubsub.publish(account.watch["topicName"], orjson.dumps(notification))
