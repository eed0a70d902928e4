"""Everything that the product keeps anywhere, searched for what names a person: rows of every schema, messages of every stream, Redis."""

from collections.abc import AsyncIterator, Collection

import asyncpg
import nats
import redis.asyncio
from nats.js.errors import NotFoundError

from tests.support.privacy import found_in
from tests.support.product import Product

MARKS = frozenset({"auth.removed_accounts", "contacts.purged", "gateway.deleted_users", "sync.forgotten"})
"""Tables that keep the ids of who is gone, and nothing else, so that what comes late about them does nothing."""

_COLUMNS = """
    SELECT table_schema || '.' || table_name AS name, array_agg(column_name::text) AS columns, array_agg(data_type::text) AS types
    FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
    WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema') GROUP BY 1 ORDER BY 1
"""


async def traces(it: Product, wanted: Collection[str], *, but: Collection[str] = ()) -> list[str]:
    """Where any of these texts stands, but in these tables."""
    found: list[str] = []
    async for place, text in everything_kept(it):
        if place not in but:
            found += found_in(place, text, wanted)
    return found


async def everything_kept(it: Product) -> AsyncIterator[tuple[str, str]]:
    """(place, all that is kept there)."""
    connection = await asyncpg.connect(it.stack.admin_postgres_url)
    try:
        for table in await connection.fetch(_COLUMNS):
            columns = zip(table["columns"], table["types"], strict=True)
            shown = [f"encode({name}, 'escape')" if kind == "bytea" else f"{name}::text" for name, kind in columns]
            rows = await connection.fetch(f"SELECT concat_ws(' ', {', '.join(shown)}) AS text FROM {table['name']}")
            yield table["name"], "\n".join(row["text"] for row in rows)
    finally:
        await connection.close()
    async for kept in _streams(it):
        yield kept
    async for kept in _redis(it):
        yield kept


async def _streams(it: Product) -> AsyncIterator[tuple[str, str]]:
    """Every stream; those of key-value and object stores are streams, too."""
    client = await nats.connect(it.stack.admin_nats_url)
    try:
        js = client.jetstream()
        for stream in await js.streams_info():
            name, texts, sequence = stream.config.name or "", [], 1
            while True:
                try:
                    message = await js.get_msg(name, sequence, subject=">", next=True)
                except NotFoundError:
                    break
                texts.append(f"{message.subject} {message.headers} {(message.data or b'').decode(errors='replace')}")
                sequence = (message.seq or sequence) + 1
            yield f"stream {name}", "\n".join(texts)
    finally:
        await client.close()


async def _redis(it: Product) -> AsyncIterator[tuple[str, str]]:
    assert it.stack.valkey is not None
    async with redis.asyncio.Redis.from_url(
        it.stack.valkey.admin_url, decode_responses=True, encoding_errors="replace"
    ) as client:
        async for key in client.scan_iter():
            match await client.type(key):
                case "string":
                    value = await client.get(key)
                case "hash":
                    value = str(await client.hgetall(key))
                case "list":
                    value = str(await client.lrange(key, 0, -1))
                case "set":
                    value = str(await client.smembers(key))
                case "zset":
                    value = str(await client.zrange(key, 0, -1))
                case "none":  # it has expired this moment
                    continue
                case kind:
                    raise AssertionError(f"{key} is a {kind}, which nothing here reads")
            yield "Redis", f"{key} {value}"
