"""Contacts, full and incremental."""

import pytest
from google_content import ADA, person
from google_driver import Driver, Response

PEOPLE = f"/accounts/{ADA}/people"


def names(response: Response) -> list[str]:
    assert response.status == 200, response.body
    return [person["resourceName"] for person in response.body.get("connections", [])]


async def sync_token(ada: Driver) -> str:
    return str((await ada.connections(requestSyncToken="true")).body["nextSyncToken"])


async def test_people_show_the_fields_asked_for(ada: Driver) -> None:
    response = await ada.connections(personFields="names")
    assert response.body["connections"][0] == {
        "resourceName": "people/c0",
        "etag": "%0",
        "names": [{"displayName": "Person 0"}],
    }
    assert (response.body["totalItems"], response.body["totalPeople"]) == (5, 5)
    assert "nextSyncToken" not in response.body


@pytest.mark.parametrize("query", [{"personFields": ""}, {"personFields": "shoeSize"}, {"pageToken": "x"}])
async def test_a_listing_needs_known_fields(ada: Driver, query: dict[str, str]) -> None:
    assert (await ada.connections(**query)).status == 400


async def test_pages_are_complete_while_people_change(ada: Driver) -> None:
    first = await ada.connections(pageSize=2, requestSyncToken="true")
    assert "nextSyncToken" not in first.body
    await ada.control(f"{PEOPLE}/people/c0", "DELETE")
    await ada.control(f"{PEOPLE}/people/c9", "PUT", person(9))
    token = first.body["nextPageToken"]
    second = await ada.connections(pageSize=2, requestSyncToken="true", pageToken=token)
    token = second.body["nextPageToken"]
    third = await ada.connections(pageSize=2, requestSyncToken="true", pageToken=token)
    assert names(first) + names(second) + names(third) == [f"people/c{n}" for n in (0, 1, 2, 3, 4, 9)]
    later = await ada.connections(syncToken=third.body["nextSyncToken"])
    assert set(names(later)) == {"people/c0", "people/c9"}


async def test_a_sync_token_lists_what_changed(ada: Driver) -> None:
    token = await sync_token(ada)
    assert names(await ada.connections(syncToken=token)) == []
    await ada.control(f"{PEOPLE}/people/c1", "PUT", {**person(1), "names": [{"displayName": "New"}]})
    await ada.control(f"{PEOPLE}/people/c2", "DELETE")
    response = await ada.connections(syncToken=token)
    assert names(response) == ["people/c1", "people/c2"]
    assert response.body["connections"][0]["names"] == [{"displayName": "New"}]
    assert response.body["connections"][1]["metadata"]["deleted"] is True
    assert names(await ada.connections(syncToken=response.body["nextSyncToken"])) == []
    assert "people/c2" not in names(await ada.connections())


async def test_an_expired_token_is_named_in_the_reason(ada: Driver) -> None:
    token = await sync_token(ada)
    await ada.control(f"/accounts/{ADA}/expire", json={"what": "people"})
    response = await ada.connections(syncToken=token)
    assert response.status == 400
    assert response.body["error"]["details"][0]["reason"] == "EXPIRED_SYNC_TOKEN"
    assert (await ada.connections(syncToken=await sync_token(ada))).status == 200


async def test_a_token_goes_with_the_fields_it_was_made_for(ada: Driver) -> None:
    token = await sync_token(ada)
    assert (await ada.connections(syncToken=token, personFields="names")).status == 400
