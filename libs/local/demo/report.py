"""The demo's result: what the oracle expects beside what PingCRM shows."""

from typing import Any

from rich.console import Console
from rich.table import Table

from libs.local.demo.google import LocalGoogle
from libs.local.demo.person import Person

ROWS = {
    "messages": "Messages on timelines",
    "contacts": "Contacts",
    "imported": "Google contacts imported",
    "meetings": "Meetings",
    "meeting_interactions": "Meetings on timelines",
    "set_aside": "Messages set aside, with a reason",
    "preps": "Prep emails sent",
}


async def count_actual(person: Person, google: LocalGoogle) -> dict[str, int]:
    """The same numbers as the oracle's, counted through the API and in the Sent folders."""
    counts = (await person.call("GET", "/me"))["counts"]
    ever = {"from": "0002-01-01T00:00:00Z", "to": "9998-12-31T00:00:00Z", "limit": 200}
    meetings = [meeting async for meeting in person.all("/meetings", **ever)]
    set_aside = 0
    for account in (await person.call("GET", "/accounts"))["items"]:
        audit = await person.call("GET", f"/accounts/{account['id']}/audit")
        set_aside += audit["by_state"].get("set_aside", 0)
    return {
        "messages": counts["messages"],
        "contacts": counts["contacts"],
        "imported": counts["imported"],
        "meetings": len(meetings),
        "meeting_interactions": counts["meetings"],
        "set_aside": set_aside,
        "preps": len(await google.briefs()),
    }


def shown_numbers(expected: dict[str, Any]) -> dict[str, int]:
    """The oracle's numbers that the table shows."""
    return {key: expected[key] for key in ROWS}


def print_comparison(console: Console, expected: dict[str, int], counted: dict[str, int]) -> bool:
    """Print the table; whether all rows agree."""
    table = Table(title="What a correct sync yields, and what PingCRM shows", title_justify="left")
    for heading, align in (("", "left"), ("expected (oracle)", "right"), ("actual", "right"), ("", "left")):
        table.add_column(heading, justify=align)  # type: ignore[arg-type]
    for key, title in ROWS.items():
        agrees = expected[key] == counted[key]
        mark = "[green]ok[/]" if agrees else f"[red]differs by {counted[key] - expected[key]:+,}[/]"
        table.add_row(title, f"{expected[key]:,}", f"{counted[key]:,}", mark)
    console.print(table)
    return expected == counted
