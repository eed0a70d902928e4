"""How much a statement reads, as PostgreSQL itself counts it: the same on an idle machine and on a busy one."""

from collections.abc import Iterator
from typing import Any

from libs.common.db import Connection, Record


class CountingConnection:
    """Stands for a connection of a store's functions, and counts the rows that every node of their plans has passed on or put aside,
    and the pages that were read for them.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.rows = 0
        self.pages = 0

    async def fetch(self, statement: str, *values: Any) -> list[Record]:
        await self._count(statement, values)
        return await self._connection.fetch(statement, *values)

    async def fetchrow(self, statement: str, *values: Any) -> Record | None:
        await self._count(statement, values)
        return await self._connection.fetchrow(statement, *values)

    async def fetchval(self, statement: str, *values: Any) -> Any:
        await self._count(statement, values)
        return await self._connection.fetchval(statement, *values)

    async def _count(self, statement: str, values: tuple[Any, ...]) -> None:
        (plan,) = await self._connection.fetchval(
            f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {statement}", *values
        )
        self.pages += plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"]
        for node in _nodes(plan["Plan"]):
            aside = sum(number for name, number in node.items() if name.startswith("Rows Removed by"))
            self.rows += round((node["Actual Rows"] + aside) * node["Actual Loops"])


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)
