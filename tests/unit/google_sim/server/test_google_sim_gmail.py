"""Reading and sending mail through the Gmail methods."""

import asyncio
import base64
import re
from typing import Any

import aiohttp
import pytest
from google_content import ADA, BEN, NOW
from google_driver import Driver, Response

from libs.google_sim.account import AccountData
from libs.google_sim.server import run_google


async def listed(driver: Driver, **query: Any) -> list[int]:
    """The numbers of the messages that messages.list shows, over all pages."""
    found: list[int] = []
    token: dict[str, str] = {}
    while True:
        response = (await driver.gmail("messages", **query, **token)).body
        found += [int(message["id"], 16) for message in response.get("messages", [])]
        if "nextPageToken" not in response:
            return found
        token = {"pageToken": response["nextPageToken"]}


def headers_of(message: dict[str, Any], name: str) -> list[str]:
    return [header["value"] for header in message["payload"]["headers"] if header["name"] == name]


async def send(driver: Driver, text: str, **body: str) -> Response:
    raw = base64.urlsafe_b64encode(text.encode()).decode()
    return await driver.gmail("messages/send", method="POST", json={"raw": raw, **body})


async def test_messages_are_listed_newest_first_without_spam_and_trash(ada: Driver) -> None:
    assert await listed(ada) == [*range(12), 20]
    assert await listed(ada, includeSpamTrash="true") == [*range(12), 20, 21, 22]


async def test_pages_are_complete_while_new_mail_arrives(ada: Driver) -> None:
    first = (await ada.gmail("messages", maxResults=5)).body
    await ada.control(f"/accounts/{ADA}/messages", json={"raw": "Subject: new\n\nnew"})
    rest = await listed(ada, maxResults=500, pageToken=first["nextPageToken"])
    assert [int(message["id"], 16) for message in first["messages"]] + rest == [*range(12), 20]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("after:{-2h}", [0, 1, 2]),
        ("before:{-10h}", [11, 20]),
        ("in:sent", [20]),
        ("in:anywhere before:{-20h}", [21, 22]),
        ("in:trash", [22]),
        ("rfc822msgid:<letter-3@else.example>", [3]),
        ('"letter 7, about kerning"', [7]),
        ('"kerning about"', []),
        ("kerning subject:letter in:sent", [20]),
        ("LETTER -in:inbox", [20]),
        ("from:zoe after:{-0h}", [0]),
    ],
)
async def test_a_query_finds(ada: Driver, query: str, expected: list[int]) -> None:
    query = re.sub(r"\{-(\d+)h\}", lambda hours: str(int(NOW.timestamp()) - int(hours[1]) * 3600), query)
    assert await listed(ada, q=query) == expected


async def test_a_subject_that_does_not_decode_is_searched_as_it_is(ada: Driver) -> None:
    await ada.control(f"/accounts/{ADA}/messages", json={"raw": "Subject: =?utf-8?b?aaaaa?= zebra\n\ntext"})
    assert len(await listed(ada, q="subject:zebra")) == 1


async def test_labels_must_all_be_there(ada: Driver) -> None:
    assert await listed(ada, labelIds="SENT") == [20]
    assert await listed(ada, labelIds=["SENT", "INBOX"]) == []


@pytest.mark.parametrize("query", [{"maxResults": "x"}, {"pageToken": "%%%"}, {"includeSpamTrash": "perhaps"}])
async def test_a_parameter_that_can_not_be_read_is_refused(ada: Driver, query: dict[str, str]) -> None:
    assert (await ada.gmail("messages", **query)).status == 400


async def test_metadata_shows_the_headers_asked_for_and_no_body(ada: Driver) -> None:
    response = (await ada.gmail(f"messages/{3:016x}", format="metadata", metadataHeaders=["subject", "From"])).body
    assert response["payload"] == {
        "mimeType": "text/plain",
        "headers": [{"name": "From", "value": "Zoe <zoe@else.example>"}, {"name": "Subject", "value": "Letter 3"}],
    }
    assert response["threadId"] == f"{3:016x}"


async def test_minimal_has_no_payload_and_raw_is_the_whole_text(ada: Driver) -> None:
    assert "payload" not in (await ada.gmail(f"messages/{3:016x}", format="minimal")).body
    raw = base64.urlsafe_b64decode((await ada.gmail(f"messages/{3:016x}", format="raw")).body["raw"])
    assert b"Subject: Letter 3\r\n" in raw
    assert base64.b64decode(raw.rpartition(b"\r\n\r\n")[2]) == b"The text of letter 3, about kerning."


async def test_fields_leave_only_what_they_name(ada: Driver) -> None:
    response = await ada.gmail("messages", maxResults=2, fields="messages(id),nextPageToken")
    assert response.body["messages"] == [{"id": f"{0:016x}"}, {"id": f"{1:016x}"}]
    nested = await ada.gmail(f"messages/{3:016x}", fields="payload/headers(name),id")
    assert set(nested.body) == {"payload", "id"}
    assert nested.body["payload"]["headers"][0] == {"name": "From"}
    assert (await ada.gmail("messages", fields="messages(id")).status == 400


async def test_a_thread_has_its_messages_oldest_first(ada: Driver) -> None:
    response = (await ada.gmail(f"threads/{3:016x}", format="minimal")).body
    assert [int(message["id"], 16) for message in response["messages"]] == [5, 4, 3]
    assert (await ada.gmail("threads/none")).status == 404


async def test_what_does_not_exist_is_not_found(ada: Driver) -> None:
    response = await ada.gmail("messages/none")
    assert (response.status, response.reason) == (404, "notFound")
    assert (await ada.call("/gmail/v1/users/me/nonsense")).status == 404


async def test_nobody_reads_another_mailbox(ada: Driver) -> None:
    assert (await ada.call(f"/gmail/v1/users/{ADA}/profile")).status == 200
    assert (await ada.call(f"/gmail/v1/users/{BEN}/profile")).status == 403


async def test_history_lists_what_happened_in_order(ada: Driver) -> None:
    start = (await ada.gmail("profile")).body["historyId"]
    assert "history" not in (await ada.gmail("history", startHistoryId=start)).body
    new = await ada.control(f"/accounts/{ADA}/messages", json={"raw": "From: x@y.example\nSubject: hi\n\nhi"})
    await ada.control(f"/accounts/{ADA}/messages/{1:016x}/trash")
    await ada.control(f"/accounts/{ADA}/messages/{1:016x}/untrash")
    await ada.control(f"/accounts/{ADA}/messages/{2:016x}/delete")
    response = (await ada.gmail("history", startHistoryId=start)).body
    kinds = [sorted(set(record) - {"id", "messages"}) for record in response["history"]]
    assert kinds == [["messagesAdded"], ["labelsAdded", "labelsRemoved"], ["labelsRemoved"], ["messagesDeleted"]]
    assert response["history"][0]["messagesAdded"][0]["message"]["id"] == new["id"]
    assert response["history"][1]["labelsAdded"][0]["labelIds"] == ["TRASH"]
    assert response["historyId"] == (await ada.gmail("profile")).body["historyId"]
    assert (await ada.gmail(f"messages/{2:016x}")).status == 404


async def test_history_comes_in_pages_and_by_type(ada: Driver) -> None:
    start = (await ada.gmail("profile")).body["historyId"]
    for number in range(5):
        await ada.control(f"/accounts/{ADA}/messages/{number:016x}/trash")
    first = (await ada.gmail("history", startHistoryId=start, maxResults=3)).body
    second = (await ada.gmail("history", startHistoryId=start, maxResults=3, pageToken=first["nextPageToken"])).body
    assert [len(first["history"]), len(second["history"])] == [3, 2]
    assert "nextPageToken" not in second
    added = await ada.gmail("history", startHistoryId=start, historyTypes="messageAdded")
    assert "history" not in added.body


async def test_expired_history_is_not_found(ada: Driver) -> None:
    start = (await ada.gmail("profile")).body["historyId"]
    await ada.control(f"/accounts/{ADA}/expire", json={"what": "history"})
    assert (await ada.gmail("history", startHistoryId=start)).status == 404
    current = (await ada.gmail("profile")).body["historyId"]
    assert (await ada.gmail("history", startHistoryId=current)).status == 200
    assert (await ada.gmail("history")).status == 400


async def test_mail_to_myself_is_one_message_with_both_labels(ada: Driver) -> None:
    text = f"From: {ADA}\nTo: {ADA}\nSubject: =?utf-8?q?Pr=C3=A9p?=\nMessage-ID: <mine@pingcrm>\nX-PingCRM-Prep: t\n\nbody one"
    sent = (await send(ada, text)).body
    assert set(sent["labelIds"]) == {"SENT", "INBOX", "UNREAD"}
    stored = (await ada.gmail(f"messages/{sent['id']}")).body
    assert headers_of(stored, "X-Google-Original-Message-ID") == ["<mine@pingcrm>"]
    assert headers_of(stored, "Message-ID")[0].endswith("@mail.gmail.com>")
    assert headers_of(stored, "X-PingCRM-Prep") == ["t"]
    assert await listed(ada, q='in:sent "body one"') == [int(sent["id"], 16)]
    recorded = (await ada.control("/sent", "GET"))["sent"]
    assert [(mail["account"], dict(mail["headers"])["Subject"], mail["text"]) for mail in recorded] == [
        (ADA, "Prép", "body one")
    ]


async def test_bcc_stays_with_the_sender_and_a_plus_address_shows_in_delivered_to(ada: Driver) -> None:
    text = f"From: {ADA}\nTo: someone@else.example\nBcc: ben+k7@work.example\nSubject: s\n\nb"
    sent = (await send(ada, text)).body
    mine = (await ada.gmail(f"messages/{sent['id']}")).body
    assert headers_of(mine, "Bcc") == ["ben+k7@work.example"]
    assert set(sent["labelIds"]) == {"SENT"}
    await ada.sign_in(BEN)
    arrived = (await ada.gmail("messages")).body["messages"]
    theirs = (await ada.gmail(f"messages/{arrived[0]['id']}")).body
    assert len(arrived) == 1
    assert headers_of(theirs, "Delivered-To") == ["ben+k7@work.example"]
    assert headers_of(theirs, "Bcc") == []
    assert headers_of(theirs, "Message-ID") == headers_of(mine, "Message-ID")
    assert "INBOX" in theirs["labelIds"]


async def test_mail_can_arrive_over_time(ada: Driver) -> None:
    letters = [{"raw": f"From: zoe@else.example\nTo: {ADA}\nSubject: tick {number}\n\nb"} for number in range(3)]
    before = len((await ada.gmail("messages")).body["messages"])
    response = await ada.control(f"/accounts/{ADA}/messages", json={"messages": letters, "every_seconds": 0.2})
    assert response == {"messages": 3, "seconds": 0.4}
    counts = []
    async with asyncio.timeout(10):
        while not counts or counts[-1] < before + 3:
            counts.append(len((await ada.gmail("messages")).body["messages"]))
            await asyncio.sleep(0.01)
    assert sorted(set(counts) - {before}) == [before + 1, before + 2, before + 3]


async def test_a_reply_joins_its_thread(ada: Driver) -> None:
    text = f"From: {ADA}\nTo: zoe@else.example\nIn-Reply-To: <letter-4@else.example>\nSubject: Re: Letter\n\nyes"
    assert (await send(ada, text)).body["threadId"] == f"{3:016x}"


async def test_gmail_writes_the_account_as_the_author(ada: Driver) -> None:
    sent = (await send(ada, f"From: mallory@else.example\nTo: {BEN}\nSubject: s\n\nb")).body
    assert headers_of((await ada.gmail(f"messages/{sent['id']}")).body, "From") == [f"Ada <Lovelace> <{ADA}>"]


@pytest.mark.parametrize("body", [{}, {"raw": ""}, {"raw": "a"}, {"raw": "U3ViamVjdDogeAoKeQ=="}])
async def test_mail_without_content_or_recipient_is_refused(ada: Driver, body: dict[str, str]) -> None:
    assert (await ada.gmail("messages/send", method="POST", json=body)).status == 400


async def test_watch_returns_its_end(ada: Driver) -> None:
    response = (await ada.gmail("watch", method="POST", json={"topicName": "projects/p/topics/t"})).body
    assert int(response["expiration"]) > NOW.timestamp() * 1000 + 6 * 86_400_000
    assert (await ada.gmail("stop", method="POST")).status == 204
    assert (await ada.gmail("watch", method="POST", json={})).status == 400


async def test_aliases_are_send_as_addresses(ada: Driver) -> None:
    response = (await ada.gmail("settings/sendAs")).body
    assert [alias["sendAsEmail"] for alias in response["sendAs"]] == [ADA, "ada@lovelace.example"]


async def test_gzip_is_for_those_who_ask_twice(ada: Driver) -> None:
    url = f"{ada.server.url}/gmail/v1/users/me/messages"
    headers = {"Authorization": f"Bearer {ada.token}", "Accept-Encoding": "gzip"}
    async with ada.http.get(url, headers=headers) as plain:
        assert "Content-Encoding" not in plain.headers
        expected = await plain.json()
    async with ada.http.get(url, headers={**headers, "User-Agent": "pingcrm (gzip)"}) as packed:
        assert packed.headers["Content-Encoding"] == "gzip"
        assert await packed.json() == expected


async def test_each_part_of_a_batch_has_its_own_response(ada: Driver) -> None:
    calls = [("a", f"messages/{1:016x}?format=minimal"), ("b", "messages/none"), ("c", "profile")]
    body = "".join(
        f"--x\r\nContent-Type: application/http\r\nContent-ID: <{name}>\r\n\r\nGET /gmail/v1/users/me/{path}\r\n\r\n"
        for name, path in calls
    )
    headers = {"Authorization": f"Bearer {ada.token}", "Content-Type": 'multipart/mixed; boundary="x"'}
    url = f"{ada.server.url}/batch/gmail/v1"
    async with ada.http.post(url, data=f"{body}--x--", headers=headers) as response:
        assert response.status == 200
        reader = aiohttp.MultipartReader.from_response(response)
        found = {}
        while (part := await reader.next()) is not None:
            assert isinstance(part, aiohttp.BodyPartReader)
            found[part.headers["Content-ID"]] = (await part.text()).split("\r\n")[0]
    assert found == {
        "<response-a>": "HTTP/1.1 200 OK",
        "<response-b>": "HTTP/1.1 404 Not Found",
        "<response-c>": "HTTP/1.1 200 OK",
    }


async def test_malformed_messages_are_served_as_they_are() -> None:
    broken: list[Any] = [
        {"id": "a1", "threadId": "a1", "labelIds": ["INBOX"], "internalDate": "soon", "payload": "none"},
        {"threadId": 5, "labelIds": None, "internalDate": "5", "payload": {"headers": [None, {"name": 1}]}},
        {"id": "a3", "payload": {"headers": "x", "parts": 3, "body": {"data": "é"}}},
    ]
    async with (
        run_google([AccountData(ADA, "Ada", "1" * 21, messages=broken)]) as server,
        aiohttp.ClientSession() as http,
    ):
        driver = Driver(server, http)
        await driver.sign_in(ADA)
        ids = [message["id"] for message in (await driver.gmail("messages", q='"word"')).body.get("messages", [])]
        assert ids == []
        ids = [message["id"] for message in (await driver.gmail("messages")).body["messages"]]
        assert len(ids) == 3
        served = [(await driver.gmail(f"messages/{message_id}")).body for message_id in ids]
        assert all(message in served for message in broken)
        for message_id in ids:
            for form in ("metadata", "minimal", "raw"):
                response = await driver.gmail(f"messages/{message_id}", format=form, metadataHeaders="From")
                assert response.status == 200
