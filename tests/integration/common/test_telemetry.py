"""Traces as a collector gets them: one tree per cause under the ids of the logs, with nothing private, and nothing outside of a trace."""

import asyncio
from collections import Counter
from collections.abc import Sequence

import aiohttp
import asyncpg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from libs.common.db import open_pool
from libs.common.events import MessageIngested
from libs.common.log import current_trace, describe_span, traced
from libs.common.telemetry import exporting
from tests.conftest import ServiceSettings
from tests.support.bus import ACCOUNT, OpenBus, alive, message

PRIVATE = "ann.private@example.com"


async def work_for_a_message(bus: OpenBus, service_settings: ServiceSettings) -> tuple[str, str]:
    """A cause publishes a message; its handler asks the database, Redis and an HTTP server. The trace, and what HTTP was sent."""
    contacts, sync = bus("contacts"), bus("sync")
    pool = await open_pool(service_settings("contacts"))
    done, headers = asyncio.Event(), dict[str, str]()

    async def respond(request: web.Request) -> web.Response:
        headers.update(request.headers)
        return web.Response(status=403)

    async def handle(_: MessageIngested) -> None:
        await pool.fetchval("SELECT $1::text", PRIVATE)
        with pytest.raises(asyncpg.DataError):
            await pool.fetchval("SELECT $1::integer", PRIVATE)
        await contacts.cache.get(PRIVATE)
        async with aiohttp.ClientSession() as http, http.get(server.make_url(f"/calendars/{PRIVATE}?q={PRIVATE}")):
            pass
        done.set()

    app = web.Application()
    app.router.add_get("/calendars/{id}", respond)
    contacts.subscribe(MessageIngested, handle)
    async with TestServer(app) as server, alive(contacts, sync):
        with traced("", span="POST /sync"):
            trace = current_trace()
            describe_span(status=202, reason=PRIVATE)
            await sync.publish(message("a"))
        await asyncio.wait_for(done.wait(), 20)
        await pool.fetchval("SELECT 1")  # outside of any trace
    await pool.close()
    return trace, str(headers)


def names(spans: Sequence[ReadableSpan]) -> Counter[str]:
    return Counter(span.name for span in spans)


async def test_a_trace_is_a_tree_below_its_cause_and_names_nobody(
    bus: OpenBus, service_settings: ServiceSettings
) -> None:
    exporter = InMemorySpanExporter()
    with exporting("contacts", exporter) as provider:
        trace, sent = await work_for_a_message(bus, service_settings)
        await asyncio.to_thread(provider.force_flush)
        spans = exporter.get_finished_spans()
    by_id = {span.context.span_id: span for span in spans}
    assert {f"{span.context.trace_id:032x}" for span in spans} == {trace}, names(spans)
    (cause,) = [span for span in spans if span.parent is None]
    assert (cause.name, dict(cause.attributes or {})) == ("POST /sync", {"status": 202})
    assert cause.context.span_id == int(trace[16:], 16)
    (handled,) = [span for span in spans if span.name == MessageIngested.subject]
    assert handled.parent is not None
    assert by_id[handled.parent.span_id] is cause
    assert (handled.attributes or {})["account"] == str(ACCOUNT)
    below = [span for span in spans if span.parent and span.parent.span_id == handled.context.span_id]
    assert {span.status.is_ok for span in below} == {True, False}
    assert len([span for span in below if "GET" in span.name]) >= 1
    assert len([span for span in below if "SELECT" in span.name]) == 2, names(below)
    assert len(below) >= 4, names(below)
    written = " ".join(span.to_json() for span in spans)
    assert PRIVATE not in written
    assert "calendars" not in written
    assert "raceparent" not in sent


async def test_without_a_collector_work_is_no_span() -> None:
    exporter = InMemorySpanExporter()
    with exporting("contacts", exporter):
        pass
    with traced("", span="GET /"):
        describe_span(status=200)
    assert exporter.get_finished_spans() == ()
