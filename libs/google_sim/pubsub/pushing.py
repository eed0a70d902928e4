"""Push subscriptions: each message is a request with a token that Google signs, repeated until its status is 2xx."""

import asyncio
import hashlib
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field

import aiohttp

from libs.google_sim.oauth.authority import Authority
from libs.google_sim.pubsub.topics import Message, PubSub, Push, Subscription

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 60.0
TIMEOUT_SECONDS = 10.0


@dataclass
class Pusher:
    """Delivers to all push subscriptions, many messages at once, in no promised order."""

    pubsub: PubSub
    authority: Authority
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)
    _http: aiohttp.ClientSession | None = None

    def serve(self, subscription: Subscription) -> None:
        """Begin to deliver the messages of a push subscription, until `close`."""
        self._begin(self._keep_delivering(subscription))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._http is not None:
            await self._http.close()

    async def _keep_delivering(self, subscription: Subscription) -> None:
        assert subscription.push is not None, "only push subscriptions are served"
        while True:
            await subscription.arrived.wait()
            subscription.arrived.clear()
            while subscription.waiting:
                self._begin(self._deliver(subscription, subscription.push, subscription.waiting.popleft()))

    async def _deliver(self, subscription: Subscription, push: Push, message: Message) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            subscription.counters.delivered += 1
            if await self._post(subscription.name, push, message):
                subscription.counters.acknowledged += 1
                return
            subscription.counters.refused += 1
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _post(self, name: str, push: Push, message: Message) -> bool:
        """Whether the endpoint has taken the message."""
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS))
        claims = {"sub": str(int(hashlib.sha256(push.email.encode()).hexdigest()[:16], 16)), "email": push.email}
        headers = {"Authorization": f"Bearer {self.authority.id_token(claims, push.audience, None)}"}
        body = {"message": message.resource(), "subscription": name}
        with suppress(aiohttp.ClientError, TimeoutError, OSError):
            async with self._http.post(push.endpoint, json=body, headers=headers) as response:
                return 200 <= response.status < 300
        return False

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
