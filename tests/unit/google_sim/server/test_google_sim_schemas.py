"""Every answer against the schemas of Google's own discovery documents."""

from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from discovery_schema import Discovery
from google_driver import Driver

from libs.google_sim.api.dispatch import ROUTER
from libs.google_sim.sample import sample
from libs.google_sim.server import run_google

DOCUMENTS = {name.split(".")[0]: Discovery(name) for name in ("gmail.v1", "calendar.v3", "people.v1")}
ALL_FIELDS = "names,emailAddresses,phoneNumbers,organizations,photos,birthdays,urls,metadata,nicknames,addresses"


def checked(api: str, schema: str, value: Any) -> Any:
    assert DOCUMENTS[api].problems(value, schema) == []
    return value


def test_the_checker_finds_what_is_wrong() -> None:
    gmail = DOCUMENTS["gmail"]
    assert gmail.problems({"historyId": 5}, "Profile") == ["Profile.historyId: 5 is no string"]
    assert gmail.problems({"historyId": "-5"}, "Profile") == ["Profile.historyId: '-5' is no uint64"]
    assert gmail.problems({"colour": 5}, "Profile") == ["Profile.colour is unknown"]
    assert gmail.problems({"messages": [{"payload": {"headers": [{"name": 1}]}}]}, "Thread") == [
        "Thread.messages[0].payload.headers[0].name: 1 is no string"
    ]


@pytest.mark.parametrize("method", ROUTER.methods.values(), ids=lambda method: str(method.id))
def test_paths_and_scopes_are_those_of_the_discovery_documents(method: Any) -> None:
    document = DOCUMENTS[method.id.split(".")[0]]
    official = document.methods()[method.id]
    base = document.document["servicePath"]
    path = (base + official.get("flatPath", official["path"])).replace("people/{peopleId}", "people/me")
    assert method.template == path
    assert method.verb == official["httpMethod"]
    assert method.scopes <= set(official["scopes"])


async def test_every_response_about_the_sample_is_valid() -> None:
    accounts = sample(datetime.now(UTC))
    async with run_google(accounts) as server, aiohttp.ClientSession() as http:
        for account in accounts:
            driver = Driver(server, http)
            await driver.sign_in(account.address)
            await mail_is_valid(driver, account.address)
            await calendars_are_valid(driver)
            await contacts_are_valid(driver)


async def mail_is_valid(driver: Driver, address: str) -> None:
    profile = checked("gmail", "Profile", (await driver.gmail("profile")).body)
    checked("gmail", "ListLabelsResponse", (await driver.gmail("labels")).body)
    checked("gmail", "ListSendAsResponse", (await driver.gmail("settings/sendAs")).body)
    watch = await driver.gmail("watch", method="POST", json={"topicName": "projects/p/topics/t"})
    checked("gmail", "WatchResponse", watch.body)
    page = (await driver.gmail("messages", maxResults=500, includeSpamTrash="true")).body
    checked("gmail", "ListMessagesResponse", page)
    assert page["messages"]
    for message in page["messages"]:
        for form in ("full", "metadata", "minimal", "raw"):
            checked("gmail", "Message", (await driver.gmail(f"messages/{message['id']}", format=form)).body)
    for thread in {message["threadId"] for message in page["messages"]}:
        checked("gmail", "Thread", (await driver.gmail(f"threads/{thread}", format="metadata")).body)
    first = page["messages"][0]["id"]
    await driver.control(f"/accounts/{address}/messages", json={"raw": f"From: x@y.example\nTo: {address}\n\nhi"})
    await driver.control(f"/accounts/{address}/messages/{first}/trash")
    await driver.control(f"/accounts/{address}/messages/{first}/delete")
    history = (await driver.gmail("history", startHistoryId=profile["historyId"])).body
    checked("gmail", "ListHistoryResponse", history)
    assert len(history["history"]) == 3
    raw = "VG86IHpvZUBlbHNlLmV4YW1wbGUKCmI="
    sent = await driver.gmail("messages/send", method="POST", json={"raw": raw})
    checked("gmail", "Message", sent.body)


async def calendars_are_valid(driver: Driver) -> None:
    calendars = checked("calendar", "CalendarList", (await driver.call("/calendar/v3/users/me/calendarList")).body)
    for entry in calendars["items"]:
        name = entry["id"].replace("@", "%40")
        full = checked("calendar", "Events", (await driver.events(name, singleEvents="true", maxResults=2500)).body)
        assert full["items"]
        await driver.control(f"/accounts/{entry['id']}/calendars/{name}/events/{full['items'][0]['id']}", "DELETE")
        token = full["nextSyncToken"]
        incremental = checked(
            "calendar", "Events", (await driver.events(name, singleEvents="true", syncToken=token)).body
        )
        assert [event["status"] for event in incremental["items"]] == ["cancelled"]


async def contacts_are_valid(driver: Driver) -> None:
    response = await driver.connections(personFields=ALL_FIELDS, pageSize=1000, requestSyncToken="true")
    people = checked("people", "ListConnectionsResponse", response.body)
    assert people["connections"]
