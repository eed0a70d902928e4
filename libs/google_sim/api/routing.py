"""One table of API methods: path, scopes and quota units as in Google's reference, and handler."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import unquote

import orjson

from libs.google_sim.account import Resource
from libs.google_sim.errors import GoogleError, invalid
from libs.google_sim.hosted_account import Account
from libs.google_sim.query import Query
from libs.google_sim.world import World


@dataclass
class Call:
    """One authorized call: what a method is given."""

    world: World
    account: Account
    path: dict[str, str]
    query: Query
    body: bytes = b""

    @cached_property
    def json(self) -> dict[str, Any]:
        """Read the body as a JSON object; an empty body is an empty object. Raises GoogleError 400."""
        try:
            value = orjson.loads(self.body) if self.body else {}
        except orjson.JSONDecodeError as error:
            raise GoogleError(400, "parseError", "Parse Error") from error
        if not isinstance(value, dict):
            raise invalid("Root element must be a message.")
        return value


ResponseBody = Resource | None  # None: 204 No Content
Handler = Callable[[Call], ResponseBody]


@dataclass(frozen=True)
class Method:
    """A method of the discovery documents. Any one of `scopes` is enough. `units`: Gmail quota, 0 elsewhere."""

    id: str
    verb: str
    template: str
    scopes: frozenset[str]
    units: int
    handler: Handler = field(compare=False)


class Router:
    """Finds the method of a path by its segments; cheap enough for every part of a batch."""

    def __init__(self, methods: list[Method]) -> None:
        self.methods = {method.id: method for method in methods}
        self._by_length: dict[tuple[str, int], list[tuple[list[str], Method]]] = {}
        for method in methods:
            segments = method.template.split("/")
            self._by_length.setdefault((method.verb, len(segments)), []).append((segments, method))

    def find(self, verb: str, raw_path: str) -> tuple[Method, dict[str, str]] | None:
        """Return the method of a path that is still percent-encoded, and the values of its variables."""
        segments = raw_path.strip("/").split("/")
        for template, method in self._by_length.get((verb, len(segments)), ()):
            path: dict[str, str] = {}
            for expected, segment in zip(template, segments, strict=True):
                if expected[0] == "{":
                    path[expected[1:-1]] = unquote(segment)
                elif expected != segment:
                    break
            else:
                return method, path
        return None
