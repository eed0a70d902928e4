import gzip
import json
from base64 import urlsafe_b64decode
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.google_sim.account import Resource
from libs.google_sim.loaders import LoadError, load_mail
from libs.google_sim.loaders.labels import gmail_labels
from libs.google_sim.loaders.mbox import RawMessage, split_mbox
from libs.google_sim.loaders.message import MessageReader
from libs.google_sim.loaders.threads import base_subject
from tests.support.strategies import hostile_forms

OWNER = "me@home.example"
ENVELOPE = b"From 1780000000000000000@xxx Mon Jan 05 10:00:00 +0000 2026"


def written(**headers: str) -> bytes:
    message = EmailMessage()
    for name, value in {"From": "Ann <ann@x.org>", "To": OWNER, "Subject": "Hello", **headers}.items():
        message[name.replace("_", "-")] = value
    message.set_content("Tom & Jerry's <plan>\nFrom the start\n")
    return bytes(message)


def load(tmp_path: Path, *messages: bytes, name: str = "takeout.mbox") -> list[Resource]:
    path = tmp_path / name
    path.write_bytes(
        b"".join(ENVELOPE + b"\n" + message.replace(b"\nFrom ", b"\n>From ") + b"\n" for message in messages)
    )
    return load_mail(path, OWNER, ["alias@home.example"])


def header(message: Resource, name: str) -> str:
    return next(header["value"] for header in message["payload"]["headers"] if header["name"] == name)


def test_a_message_becomes_a_resource_as_gmail_shows_it(tmp_path: Path) -> None:
    (message,) = load(tmp_path, written(Date="Mon, 05 Jan 2026 10:00:00 +0100"))
    assert message["labelIds"] == ["INBOX"]
    assert message["internalDate"] == "1767603600000"
    assert message["snippet"] == "Tom &amp; Jerry&#39;s &lt;plan&gt; From the start"
    assert header(message, "From") == "Ann <ann@x.org>"
    assert urlsafe_b64decode(message["payload"]["body"]["data"]).endswith(b"\nFrom the start\n")
    assert len(message["id"]) == 16
    assert message["threadId"] == message["id"]


def test_mail_from_the_owner_or_an_alias_is_sent_mail(tmp_path: Path) -> None:
    messages = load(tmp_path, written(From="ME@home.example"), written(From="M <alias@home.example>"), written())
    assert [message["labelIds"] for message in messages] == [["SENT"], ["SENT"], ["INBOX"]]


def test_takeout_labels_and_threads_are_taken_as_they_are(tmp_path: Path) -> None:
    (message,) = load(tmp_path, written(X_Gmail_Labels="Spam,Opened,Friends", X_GM_THRID="1780000000000000001"))
    assert message["labelIds"] == ["SPAM", "Label_Friends"]
    assert message["threadId"] == f"{1780000000000000001:016x}"


def test_labels_are_known_in_other_languages() -> None:
    assert gmail_labels("=?UTF-8?Q?Entw=C3=BCrfe,Ge=C3=B6ffnet?=") == ["DRAFT"]
    assert gmail_labels("Skräppost,Papperskorgen,送信済み") == ["SPAM", "TRASH", "SENT"]


def test_without_a_date_the_envelope_gives_the_time(tmp_path: Path) -> None:
    (message,) = load(tmp_path, written())
    assert message["internalDate"] == "1767607200000"


def test_the_time_of_receipt_goes_before_the_date(tmp_path: Path) -> None:
    (message,) = load(
        tmp_path, written(Received="by mx; Mon, 05 Jan 2026 11:00:00 +0000", Date="Thu, 01 Jan 1970 00:00:00 +0000")
    )
    assert message["internalDate"] == "1767610800000"


def test_replies_are_threaded_by_reference_and_subject(tmp_path: Path) -> None:
    first, reply, bare, stranger = load(
        tmp_path,
        written(Message_ID="<1@x>", Date="Mon, 05 Jan 2026 10:00:00 +0000"),
        written(Message_ID="<2@x>", In_Reply_To="<1@x>", Subject="Re: Hello", Date="Mon, 05 Jan 2026 11:00:00 +0000"),
        written(Message_ID="<3@x>", Subject="SV: hello", Date="Mon, 05 Jan 2026 12:00:00 +0000"),
        written(Message_ID="<4@x>", References="<1@x>", Subject="Another matter"),
    )
    assert reply["threadId"] == bare["threadId"] == first["threadId"] == first["id"]
    assert stranger["threadId"] == stranger["id"]
    assert base_subject("Re: AW: [List] Hello  there") == "hello there"


def test_copies_stay_apart_and_ids_stay_the_same(tmp_path: Path) -> None:
    messages = load(tmp_path, written(), written(), written(Subject="Other"))
    assert len({message["id"] for message in messages}) == 3
    assert [message["id"] for message in load(tmp_path, written(), written(), written(Subject="Other"))] == [
        message["id"] for message in messages
    ]


def test_a_sentence_that_begins_with_from_parts_no_message() -> None:
    lines = [
        ENVELOPE + b"\n",
        b"Subject: a\n",
        b"\n",
        b"\n",
        b"From here on it rains.\n",
        b"\n",
        ENVELOPE + b"\n",
        b"b: c\n",
    ]
    assert [raw.content for raw in split_mbox(lines)] == [b"Subject: a\n\n\nFrom here on it rains.\n", b"b: c\n"]


def test_single_messages_maildirs_and_gzip_are_read(tmp_path: Path) -> None:
    (tmp_path / "box" / "cur").mkdir(parents=True)
    (tmp_path / "box" / "new").mkdir()
    (tmp_path / "box" / "cur" / "1:2,S").write_bytes(written())
    (tmp_path / "box" / "new" / "2").write_bytes(written(Subject="New"))
    (tmp_path / "one.eml").write_bytes(written())
    (tmp_path / "zipped.mbox.gz").write_bytes(gzip.compress(ENVELOPE + b"\n" + written()))
    assert [len(load_mail(tmp_path / name, OWNER)) for name in ("box", "one.eml", "zipped.mbox.gz")] == [2, 1, 1]


def test_resources_are_served_as_they_are_but_never_two_with_one_id(tmp_path: Path) -> None:
    path = tmp_path / "mail.jsonl"
    resources = [{"id": "00ff", "payload": None}, {"id": "00ff", "x": 1}, {"noid": True}]
    path.write_text("\n".join(json.dumps(resource) for resource in resources))
    loaded = load_mail(path, OWNER)
    assert loaded[0] == resources[0]
    assert loaded[2] == resources[2]
    assert loaded[1]["id"] != "00ff"
    assert loaded[1]["x"] == 1


@pytest.mark.parametrize(
    ("name", "content"), [("a.jsonl", "{}\nnot json\n"), ("a.pdf", "%PDF"), ("a.jsonl.gz", "plain")]
)
def test_a_file_that_cannot_be_loaded_is_a_clear_error(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(LoadError, match=name):
        load_mail(tmp_path / name, OWNER)
    with pytest.raises(LoadError, match=r"missing\.mbox"):
        load_mail(tmp_path / "missing.mbox", OWNER)


@given(
    st.one_of(
        st.binary(max_size=400),
        st.lists(
            st.sampled_from(
                [
                    b"From: =?x?y?z?= <a@b>\r\n",
                    b"Content-Type: multipart/mixed; boundary=x\r\n",
                    b"--x\r\n",
                    b"--x--\r\n",
                    b"\r\n",
                    b"Content-Type: text/plain; charset=no-such\r\n",
                    b"Content-Transfer-Encoding: base64\r\n",
                    b"\xff\xfe\x00\r\n",
                    b"Date: Mon, 99 Foo 99999 25:61\r\n",
                    b"Content-Type: message/rfc822\r\n",
                    b"Content-Disposition: a; filename*=u''%E4\r\n",
                    b"Received: by x; Mon, 1 Jan 0001 00:00:00 +2359\r\n",
                    b" folded\r\n",
                    b"X-Gmail-Labels: =?utf-8?b?x?=\r\n",
                    b"nonsense\r\n",
                ]
            )
            | st.builds(
                lambda name, form: f"{name}: {form}\r\n".encode(),
                st.sampled_from(["From", "Subject", "Date"]),
                hostile_forms(),
            ),
            max_size=14,
        ).map(b"".join),
    )
)
def test_no_message_crashes_the_load(content: bytes) -> None:
    message = MessageReader(OWNER, []).read(RawMessage(b"From broken", content))
    json.dumps(message).encode()
    json.dumps(message, ensure_ascii=False).encode()  # no lone surrogates
    assert int(message["internalDate"]) is not None
    assert isinstance(message["payload"]["headers"], list)


@given(
    st.lists(
        st.tuples(st.text(alphabet="abc äé", max_size=20), st.text(alphabet="ab\n>From ", max_size=60)), max_size=6
    )
)
def test_a_written_mbox_loads_as_many_messages_with_their_texts(mails: list[tuple[str, str]]) -> None:
    lines: list[bytes] = []
    for subject, text in mails:
        body = text.encode().split(b"\n")
        quoted = [b">" + line if line.lstrip(b">").startswith(b"From ") else line for line in body]
        lines += [ENVELOPE, f"Subject: {subject}".encode(), b"", *quoted, b""]
    found = list(split_mbox([line + b"\n" for line in lines]))
    assert [raw.content.partition(b"\n\n")[2] for raw in found] == [text.encode() + b"\n" for _, text in mails]
