"""Structured logs: one JSON line per thing that happened, or pretty lines on a terminal.

Every line has `event`, `level`, `time`, `service`, and, where they are known, `trace`, `user`, `account` (ids, never addresses).
The trace id begins with the first cause (an HTTP request, a tick) and travels in the `Pingcrm-Trace` header of every message.
The catalogue of events is docs/logs.md.
"""

import logging
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import structlog

from libs.common.config import Settings
from libs.common.ids import new_id

TRACE_HEADER = "Pingcrm-Trace"
_trace: ContextVar[str] = ContextVar("trace", default="")

_INPUT_VALUE = re.compile(r"input_value=.*?(?=, input_type=|$)")
_QUERY_ARGUMENT = re.compile(r"(invalid input for query argument \$\d+): .*")

Logger = structlog.typing.FilteringBoundLogger


def new_trace() -> str:
    """A fresh trace id: 32 hex digits."""
    return new_id().hex


def current_trace() -> str:
    """The trace id that this task works under; empty outside of any."""
    return _trace.get()


@contextmanager
def traced(trace: str, **fields: object) -> Iterator[None]:
    """Work under this trace id (a fresh one where it is empty), with these fields on every line."""
    token = _trace.set(trace or new_trace())
    try:
        with structlog.contextvars.bound_contextvars(trace=_trace.get(), **fields):
            yield
    finally:
        _trace.reset(token)


def configure(service: str, settings: Settings) -> None:
    """Set up structlog and the standard library's logging for this process. Libraries' own lines appear from WARNING on."""
    pretty = settings.log_format == "pretty" or (settings.log_format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _Service(service),
    ]
    renderers: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer()]
        if pretty
        else [structlog.processors.ExceptionRenderer(_without_rows), structlog.processors.JSONRenderer(default=str)]
    )
    structlog.configure(
        processors=[*shared, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(settings.log_level.upper())),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def _without_rows(exc_info: structlog.typing.ExcInfo) -> str:
    """A traceback without the values that PostgreSQL (DETAIL), asyncpg and pydantic (input_value) quote: they may be private."""
    lines = "".join(traceback.format_exception(*exc_info)).splitlines()
    kept = (line for line in lines if not line.startswith(("DETAIL:", "CONTEXT:")))
    return "\n".join(_QUERY_ARGUMENT.sub(r"\1: …", _INPUT_VALUE.sub("input_value=…", line)) for line in kept)


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
