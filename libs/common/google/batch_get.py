"""Many messages and threads in few requests; what fails passingly is requested again, and only that."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from yarl import URL

from libs.common.errors import Outage, Throttled
from libs.common.google import batch
from libs.common.google.errors import Gone, NotReady, Rejected, Unauthorized, error_of
from libs.common.google.session import Session, read_object
from libs.common.resources.gmail import FetchItem, GmailMessage
from libs.common.resources.reading import Resource
from libs.common.scopes import GMAIL_READ
from libs.common.time_slice import TimeSlice

# So much of what the quota gives an import asks for at a time. Calls of equal size leave of each minute what is too little for another
# one: of a second's units, that was a whole per cent of the quota.
REQUESTED_SECONDS = 0.4

# What became of a fetch item. Gone, Rejected, NotReady are final; Outage and Throttled mean that it could not be had now.
FetchResult = tuple[GmailMessage, ...] | Exception

_FINAL = (Gone, Rejected)
_PASSING = (
    Unauthorized,
    Throttled,
    Outage,
    NotReady,
)  # most urgent first: the pause that one of them demands is good for all


@dataclass(frozen=True)
class Template:
    """The path and query of a GET for one id. Made once per process: building a request from its discovery document takes
    0.2 ms, filling in an id nothing."""

    before: str
    after: str
    units: int
    read: Callable[[Resource], tuple[GmailMessage, ...]]

    @classmethod
    def of(
        cls, method: Any, units: int, read: Callable[[Resource], tuple[GmailMessage, ...]], **params: object
    ) -> "Template":
        request = method(validate=False, userId="me", id="ID-GOES-HERE", **params)
        before, _, after = URL(request.url, encoded=True).raw_path_qs.partition("ID-GOES-HERE")
        return cls(before, after, units, read)

    def path(self, resource_id: str) -> str:
        return f"{self.before}{quote(resource_id, safe='')}{self.after}"


@dataclass(frozen=True)
class BatchGetter:
    """How messages and threads are requested: their templates, the API's root, and how many go into one request."""

    message: Template
    thread: Template
    root: str
    size: int

    async def batch_get(self, session: Session, items: Sequence[FetchItem]) -> list[FetchResult]:
        """What became of each item, in their order. What ends the account's work is raised."""
        chunks = [_Chunk(self, session, some) for some in self._divided(items, _most_units(session))]
        results = await asyncio.gather(*(chunk.results() for chunk in chunks), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return [fetched for result in results if not isinstance(result, BaseException) for fetched in result]

    def _divided(self, items: Sequence[FetchItem], most_units: float) -> Iterator[list[FetchItem]]:
        """The items of one request after the other."""
        some: list[FetchItem] = []
        units = 0
        for item in items:
            price = self.template(item).units
            if some and (len(some) == self.size or units + price > most_units):
                yield some
                some, units = [], 0
            some.append(item)
            units += price
        if some:
            yield some

    def template(self, item: FetchItem) -> Template:
        return self.thread if item.whole_thread else self.message


def _most_units(session: Session) -> float:
    """An import requests no more at a time than its quota gives in a moment: what has to be spread out needs no large
    requests, and new mail that comes in between does not find them in its way."""
    per_second = session.mailbox.throttle.units_per_second
    return per_second * REQUESTED_SECONDS if session.priority == "backfill" and per_second else float("inf")


@dataclass
class _Chunk:
    """The items of one request. With each try fewer of them are left."""

    batch_getter: BatchGetter
    session: Session
    items: Sequence[FetchItem]
    scope: str = GMAIL_READ
    repeatable: bool = True
    _settled: dict[int, FetchResult] = field(default_factory=dict)
    _failing: dict[int, Exception] = field(default_factory=dict)

    async def results(self) -> list[FetchResult]:
        try:
            await self.session.call_with_retries(self)
        except Unauthorized:
            raise
        except _PASSING as error:
            for at in self._left():  # when to come back is good to know for all of them
                self._settled[at] = error if isinstance(error, Throttled) else self._failing.get(at, error)
        return [self._settled[at] for at in range(len(self.items))]

    @property
    def units(self) -> int:
        return sum(self.batch_getter.template(self.items[at]).units for at in self._left())

    @property
    def parts(self) -> int:
        return len(self._left())

    async def attempt(self, token: str) -> None:
        left = self._left()
        paths = [self.batch_getter.template(self.items[at]).path(self.items[at].id) for at in left]
        self._failing.clear()
        results = await (self._get_each(token, paths) if len(left) == 1 else self._get_batch(token, paths))
        reading = TimeSlice()
        for at, result in zip(left, results, strict=True):
            await reading.pause_if_over()
            if isinstance(result, _PASSING):
                self._failing[at] = result
            elif isinstance(result, Exception) and not isinstance(result, _FINAL):
                raise result  # it is about the account, not about this message
            else:
                self._settled[at] = (
                    result if isinstance(result, Exception) else self.batch_getter.template(self.items[at]).read(result)
                )
        if self._failing:
            raise _most_urgent(self._failing.values())

    async def _get_batch(self, token: str, paths: Sequence[str]) -> list[Resource | Exception]:
        try:
            headers, result = await self.session.request(
                "POST", self._url("/batch/gmail/v1"), token, self.units, batch.build(paths), batch.CONTENT_TYPE
            )
        except _FINAL:
            return await self._get_each(token, paths)  # one of them makes the whole unacceptable
        parts = batch.parse(headers.get("Content-Type", ""), result)
        reading = TimeSlice()
        read: list[Resource | Exception] = []
        for number in range(len(paths)):
            read.append(_read(parts.get(number)))
            await reading.pause_if_over()
        return read

    async def _get_each(self, token: str, paths: Sequence[str]) -> list[Resource | Exception]:
        results: list[Resource | Exception] = []
        for at, path in zip(self._left(), paths, strict=True):
            units = self.batch_getter.template(self.items[at]).units
            try:
                _, result = await self.session.request("GET", self._url(path), token, units)
            except _FINAL as error:
                results.append(error)
            else:
                results.append(read_object(result))
        return results

    def _url(self, path: str) -> URL:
        return URL(self.batch_getter.root + path, encoded=True)

    def _left(self) -> list[int]:
        return [at for at in range(len(self.items)) if at not in self._settled]


def _read(part: batch.PartResponse | None) -> Resource | Exception:
    """A part's JSON object, or what went wrong with it."""
    if part is None:
        return Outage("Google did not answer a part of the batch.")
    if not 200 <= part.status < 300:
        return error_of(part.status, part.headers, part.body, datetime.now(UTC))
    try:
        return read_object(part.body)
    except Outage as outage:
        return outage


def _most_urgent(failures: Iterable[Exception]) -> Exception:
    """A new token first, then the longest pause that was demanded."""

    def urgency(failure: Exception) -> tuple[int, float]:
        kind = next(rank for rank, kind in enumerate(_PASSING) if isinstance(failure, kind))
        requested_wait = failure.retry_after if isinstance(failure, Throttled) else None
        return kind, -requested_wait.total_seconds() if requested_wait else 0.0

    return min(failures, key=urgency)
