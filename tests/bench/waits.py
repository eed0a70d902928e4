"""How long somebody waits for a search, and for a page of a timeline, at the gateway; in milliseconds."""

from time import perf_counter
from uuid import UUID

from libs.local.demo.person import Person, Unexpected

# What people type: a letter, the beginning of everybody's name, names, a company, what nobody is called.
QUERIES = (
    "p",
    "pers",
    "person 7",
    "Pérson 4711",
    "person 99999",
    "firm7",
    "p123@firm123",
    "firm12 person",
    "nobody at all",
)


async def search_times(person: Person, count: int) -> list[float]:
    """Each of so many searches of the person's contacts."""
    return [
        await milliseconds(person, "/api/v1/contacts", q=QUERIES[number % len(QUERIES)], limit="20")
        for number in range(count)
    ]


async def page_times(person: Person, contact_id: UUID, count: int, **wanted: str) -> list[float]:
    """Pages of 50 from the newest line backwards, as somebody scrolls; at the end of the timeline once more."""
    found: list[float] = []
    cursor = ""
    while len(found) < count:
        begun = perf_counter()
        page = await person.call(
            "GET", f"/contacts/{contact_id}/interactions", limit=50, cursor=cursor or None, **wanted
        )
        found.append((perf_counter() - begun) * 1000)
        cursor = page["next_cursor"] or ""
    return found


async def milliseconds(person: Person, path: str, **query: str) -> float:
    """One request. Raises Unexpected where it is not answered with 200."""
    begun = perf_counter()
    async with person.http.get(person.url + path, params=query) as response:
        await response.read()
        if response.status != 200:
            raise Unexpected(f"{path} answered {response.status}.")
    return (perf_counter() - begun) * 1000
