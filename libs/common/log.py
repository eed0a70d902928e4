"""Structured logs: one JSON line per thing that happened, or pretty lines on a terminal.

Every line has `event`, `level`, `time`, `service`, and, where they are known, `trace`, `user`, `account` (ids, never addresses).
The trace id begins with the first cause (an HTTP request, a tick) and travels in the `Pingcrm-Trace` header of every message.
The catalogue of events is docs/logs.md. Where traces are exported (telemetry.py), each piece of work under a trace is a span of it.
"""

import logging
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from libs.common.config import Settings
from libs.common.left_out import left_out

with left_out("rich"):  # colours for tracebacks, of which none are printed
    import structlog

TRACE_HEADER = "Pingcrm-Trace"
_trace: ContextVar[str] = ContextVar("trace", default="")

_ADDRESS = re.compile(r"[^\s@<>\"'(),;:=]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_INPUT_VALUE = re.compile(r"input_value=.*?(?=, input_type=|$)")
_QUERY_ARGUMENT = re.compile(r"(invalid input for query argument \$\d+): .*")

Logger = structlog.typing.FilteringBoundLogger


@dataclass(frozen=True)
class Work:
    """A piece of work under a trace, for whoever makes a span of it. `is_first`: nothing caused it, the trace begins here."""

    name: str
    trace: str
    is_first: bool
    fields: Mapping[str, object]


@dataclass(frozen=True)
class Spans:
    """Where work is made spans of. `describe` adds to the span of what is under way."""

    begin: Callable[[Work], AbstractContextManager[None]]
    describe: Callable[[Mapping[str, object]], None]


_spans: Spans | None = None


def make_spans(spans: Spans | None) -> None:
    """From now on each piece of work under a trace is a span; None: no longer."""
    global _spans
    _spans = spans


def describe_span(**fields: object) -> None:
    """What is known of the work under way only now, such as its status: for its span, where there is one."""
    if _spans:
        _spans.describe(fields)


def new_trace() -> str:
    """A fresh trace id: 32 hex digits, all of them by chance, as W3C wants them (samplers choose by the second half)."""
    return token_hex(16)


def current_trace() -> str:
    """The trace id that this task works under; empty outside of any."""
    return _trace.get()


@contextmanager
def traced(trace: str, *, span: str = "", **fields: object) -> Iterator[None]:
    """Work under this trace id (a fresh one where it is empty), with these fields on every line. `span`: what to call it."""
    token = _trace.set(trace or new_trace())
    try:
        with structlog.contextvars.bound_contextvars(trace=_trace.get(), **fields), _span(span, not trace, fields):
            yield
    finally:
        _trace.reset(token)


def _span(name: str, is_first: bool, fields: Mapping[str, object]) -> AbstractContextManager[None]:
    if _spans is None:
        return nullcontext()
    return _spans.begin(Work(name or str(fields.get("subject", "work")), current_trace(), is_first, fields))


def configure(service: str, settings: Settings) -> None:
    """Set up structlog and the standard library's logging for this process. Libraries' own lines appear from WARNING on."""
    pretty = settings.log_format == "pretty" or (settings.log_format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _Service(service),
    ]
    renderers: list[structlog.typing.Processor] = [
        structlog.processors.ExceptionRenderer(_without_rows),
        _without_addresses,
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if pretty
        else structlog.processors.JSONRenderer(default=str),
    ]
    structlog.configure(
        processors=[*shared, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(settings.log_level.upper())),
        logger_factory=lambda *_: _Printer(sys.stderr),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def error_text(error: BaseException) -> str:
    """The error as `Type: its first line`, for a log line, a header or a dead letter: without values, which may be private."""
    return f"{type(error).__name__}: {without_values(str(error).partition(chr(10))[0])}"


def without_values(text: str) -> str:
    """A line of an error's text without addresses and without the values that asyncpg and pydantic quote."""
    plain = _QUERY_ARGUMENT.sub(r"\1: …", _INPUT_VALUE.sub("input_value=…", text))
    return _ADDRESS.sub("…@…", plain) if "@" in plain else plain


def _without_rows(exc_info: structlog.typing.ExcInfo) -> str:
    """A traceback without the row that PostgreSQL quotes (DETAIL), and without values: they may be private."""
    lines = "".join(traceback.format_exception(*exc_info)).splitlines()
    return "\n".join(without_values(line) for line in lines if not line.startswith(("DETAIL:", "CONTEXT:")))


def _without_addresses(_logger: Any, _method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """The last wall: whatever text a line is given, no address of a person stands in it."""
    return {name: without_values(value) if isinstance(value, str) else value for name, value in line.items()}


class _Printer(structlog.PrintLogger):
    """Work goes on where its lines can't be written, as on a full disk: they are missing then, as with the standard library's logging."""

    def msg(self, message: str) -> None:
        with suppress(OSError):
            super().msg(message)

    log = debug = info = warn = warning = fatal = failure = err = error = critical = exception = msg


class _Service:
    """Puts the service's name on each line."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, _logger: Any, _method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
        line.setdefault("service", self._name)
        return line


def get_logger() -> Logger:
    """The logger; fields are bound with `traced` or given with the line."""
    logger: Logger = structlog.get_logger()
    return logger
