"""Traces for OpenTelemetry, where OTEL_EXPORTER_OTLP_ENDPOINT names a collector. Imported then alone (service.py).

The trace id of the logs and of the bus (`Pingcrm-Trace`) is the trace id here. The span of the first cause (an HTTP request, a tick)
has the second half of it as its id, so that whoever works under the trace, in whatever process and however much later, knows its parent
without being told: outboxes, dead letters and requests carry the trace and nothing more.

Database, Redis and HTTP calls become spans through OpenTelemetry's own instrumentations. What a span may carry is a list (ATTRIBUTES):
paths of Google hold addresses, and errors of PostgreSQL quote rows.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry import context as otel_context
from opentelemetry import propagate
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor
from opentelemetry.instrumentation.redis import RedisInstrumentor
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import (
    INVALID_SPAN_ID,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    TraceFlags,
    get_current_span,
    set_span_in_context,
    use_span,
)

from libs.common import __version__
from libs.common.ids import Service
from libs.common.log import Spans, Work, current_trace, make_spans, without_values

_SPAN_ID_MASK = 2**64 - 1
# The work itself; the database (statements have parameters in place of values); whom an HTTP call went to, not what it asked for.
ATTRIBUTES = frozenset(
    {
        "subject", "user", "account", "run", "kind", "status", "outcome",
        "db.system", "db.system.name", "db.name", "db.namespace", "db.statement", "db.query.text", "db.operation.name",
        "http.method", "http.request.method", "http.status_code", "http.response.status_code", "net.peer.name", "server.address",
        "error.type",
    }
)  # fmt: skip
SPAN_IDS: ContextVar[int] = ContextVar("span_id", default=INVALID_SPAN_ID)
"""The id of the span that begins next; 0: any."""


@contextmanager
def exporting(service: Service, exporter: SpanExporter | None = None) -> Iterator[TracerProvider]:
    """Spans of this process, exported for as long as the context lasts; what is left is sent at its end."""
    resource = Resource.create(
        {"service.name": service, "service.namespace": "pingcrm", "service.version": __version__}
    )
    provider = TracerProvider(resource=resource, id_generator=_Ids(), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(Harmless(exporter or OTLPSpanExporter())))
    propagated = propagate.get_global_textmap()
    propagate.set_global_textmap(CompositePropagator([]))  # neither Google nor anybody's webhook is told our traces
    instrumentors = (AioHttpClientInstrumentor(), AsyncPGInstrumentor(), RedisInstrumentor())  # type: ignore[no-untyped-call]
    for instrumentor in instrumentors:
        instrumentor.instrument(tracer_provider=provider)
    token = otel_context.attach(_outside_of_any_trace())
    tracing = _Tracing(provider)
    make_spans(Spans(tracing.begin, tracing.describe))
    try:
        yield provider
    finally:
        make_spans(None)
        otel_context.detach(token)
        for instrumentor in instrumentors:
            instrumentor.uninstrument()
        propagate.set_global_textmap(propagated)
        provider.shutdown()


def _outside_of_any_trace() -> Context:
    """Background loops ask the database every second: calls outside of a trace are children of a span that is not sampled."""
    nobody = SpanContext(trace_id=1, span_id=1, is_remote=True, trace_flags=TraceFlags(TraceFlags.DEFAULT))
    return set_span_in_context(NonRecordingSpan(nobody), Context())


class _Ids(RandomIdGenerator):
    """A trace that begins has the id of the logs, and the span of its cause the second half of it."""

    def generate_trace_id(self) -> int:
        return number_of(current_trace()) or super().generate_trace_id()

    def generate_span_id(self) -> int:
        return SPAN_IDS.get() or super().generate_span_id()


class _Tracing:
    """Makes spans of the work under a trace."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("pingcrm", __version__)

    @contextmanager
    def begin(self, work: Work) -> Iterator[None]:
        trace_id = number_of(work.trace)
        cause = trace_id & _SPAN_ID_MASK
        token = SPAN_IDS.set(cause if work.is_first else INVALID_SPAN_ID)
        try:
            span = self._tracer.start_span(
                work.name,
                context=self._context(work, trace_id, cause),
                kind=SpanKind.SERVER if work.is_first else SpanKind.CONSUMER,
                attributes=_texts(work.fields),
            )
        finally:
            SPAN_IDS.reset(token)
        with use_span(span, end_on_exit=True, record_exception=False):
            yield

    def _context(self, work: Work, trace_id: int, cause: int) -> Context:
        """Below the work of the same trace in this process, else below the cause of the trace, wherever that is."""
        if work.is_first or not cause:
            return Context()
        under_way = get_current_span()
        if under_way.get_span_context().trace_id == trace_id:
            return set_span_in_context(under_way, Context())
        sampled = self._provider.sampler.should_sample(Context(), trace_id, work.name)
        is_sampled = sampled.decision is Decision.RECORD_AND_SAMPLE
        flags = TraceFlags(TraceFlags.SAMPLED if is_sampled else TraceFlags.DEFAULT)
        return set_span_in_context(
            NonRecordingSpan(SpanContext(trace_id, cause, is_remote=True, trace_flags=flags)), Context()
        )

    def describe(self, fields: Mapping[str, object]) -> None:
        get_current_span().set_attributes(_texts(fields))


class Harmless(SpanExporter):
    """Hands on what nobody's privacy depends on: no events (they hold tracebacks), no words of errors, attributes of ATTRIBUTES alone."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export([_harmless(span) for span in spans])

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def number_of(trace: str) -> int:
    """A trace id as OpenTelemetry has it. 0: it is none; whoever publishes on the bus can write anything there."""
    try:
        return max(int(trace, 16), 0) if len(trace) == 32 else 0
    except ValueError:
        return 0


def _harmless(span: ReadableSpan) -> ReadableSpan:
    kept = {name: value for name, value in (span.attributes or {}).items() if name in ATTRIBUTES}
    return ReadableSpan(
        name=without_values(span.name),
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes={name: without_values(value) if isinstance(value, str) else value for name, value in kept.items()},
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _texts(fields: Mapping[str, object]) -> dict[str, str | int]:
    """As attributes have them: numbers, and all else as text."""
    return {name: value if isinstance(value, int) else str(value) for name, value in fields.items()}
