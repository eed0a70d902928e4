"""Mail out of mbox (Google Takeout's too, in its zip), maildir, single messages, or JSON lines of Gmail message resources."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

from libs.google_sim.account import Resource
from libs.google_sim.loaders.files import (
    LoadError,
    Source,
    is_archive,
    is_link,
    json_lines,
    kind,
    lines_of,
    opened_zip,
    read_bytes,
)  # fmt: skip
from libs.google_sim.loaders.labels import drafts_label
from libs.google_sim.loaders.mbox import RawMessage, begins_as_mail, split_mbox
from libs.google_sim.loaders.message import MessageReader
from libs.google_sim.loaders.threads import assign_threads

_JSON = ("jsonl", "ndjson", "json")
MBOX = ("mbox", "mbx")
_SINGLE = ("eml", "emlx")
# Folders that only hold a mail folder's files: maildir's, and those inside Apple Mail's `.mbox` folders.
_STRUCTURE = re.compile(r"cur|new|Messages|Data|[0-9]|[0-9A-F]{8}-[0-9A-F-]{27}", re.IGNORECASE)
_FIRST_HISTORY_ID = 1_000_000


def load_mail(path: str | Path, owner: str, aliases: Iterable[str] = ()) -> list[Resource]:
    """The Gmail message resources of a file or folder, in its order; every message has an id of its own.

    A folder or zip is a maildir (`cur`, `new`), or holds mbox files (of any name: Thunderbird's have no suffix), `.eml`, `.emlx`
    and further folders, Apple Mail's `Name.mbox` among them. `owner` and `aliases` tell sent mail from received. Raises
    LoadError for what can't be opened, and where no message is found; a message that can't be parsed is still there,
    with what could be read of it.
    """
    path = Path(path)
    reader = MessageReader(owner, aliases)
    is_json = kind(path) in _JSON
    messages = _with_own_ids(json_lines(path)) if is_json else [reader.read(raw) for raw in _raw_messages(path)]
    if not messages:
        raise LoadError(
            f"There is no mail in {path}. Give an mbox, .eml or .jsonl file, or a folder or zip that holds mail."
        )
    if is_json:
        return messages
    _add_sent(messages, reader)
    assign_threads(messages)
    for number, message in enumerate(messages):
        message["historyId"] = str(_FIRST_HISTORY_ID + number)
    return messages


def _with_own_ids(resources: Iterable[Resource]) -> list[Resource]:
    """Resources as they are; where an id was there before, the next free one is taken, so that nothing is lost."""
    kept: dict[object, Resource] = {}
    last_taken: dict[str, str] = {}  # so that a file of copies takes linear time
    for number, resource in enumerate(resources):
        identifier = resource.get("id")
        if not isinstance(identifier, str):
            kept[number] = resource
            continue
        unused = last_taken.get(identifier, identifier)
        while unused in kept:
            unused = f"{(int(unused, 16) + 1) % 2**64:016x}" if _is_hex(unused) else f"{unused}0"
        last_taken[identifier] = unused
        kept[unused] = resource if unused == identifier else {**resource, "id": unused}
    return list(kept.values())


def _is_hex(text: str) -> bool:
    return 0 < len(text) <= 16 and all(char in "0123456789abcdef" for char in text)


def _add_sent(messages: list[Resource], reader: MessageReader) -> None:
    """SENT for what the owner wrote and what never arrived anywhere, however Takeout calls it; drafts get DRAFT."""
    own = [message for message in messages if reader.is_own_copy(message["payload"]["headers"])]
    drafts = drafts_label([message["labelIds"] for message in messages], [message["labelIds"] for message in own])
    for message in own:
        labels: list[str] = message["labelIds"]
        if drafts and drafts in labels:
            message["labelIds"] = ["DRAFT", *(label for label in labels if label != drafts)]
        elif not {"SENT", "DRAFT", "CHAT"} & set(labels):
            message["labelIds"] = ["SENT", *labels]


def _raw_messages(path: Path) -> Iterator[RawMessage]:
    if is_archive(path):
        with opened_zip(path) as root:
            yield from _of_folder(root, "")
    elif path.is_dir():
        yield from _of_folder(path, "")
    elif kind(path) in _SINGLE:
        yield from _single(path, "")
    elif kind(path) in MBOX or _starts_as_mbox(path):
        yield from _split(path, _file_folder(path, ""))
    else:
        raise LoadError(
            f"{path} is no mail file. Give an .mbox, .eml or .jsonl file (also .gz), a zip of them, or a maildir."
        )


def _of_folder(path: Source, around: str) -> Iterator[RawMessage]:
    """The messages below a folder. `around`: the name of the mail folder that it belongs to."""
    name = _folder_name(path, around)
    for entry in sorted(cast(Iterator[Source], path.iterdir()), key=lambda entry: entry.name):
        if entry.is_dir():
            if entry.name != "tmp" and not is_link(entry):
                yield from _of_folder(entry, name)
        elif not entry.is_file():
            continue
        elif is_archive(entry):
            with opened_zip(cast(Path, entry)) as root:
                yield from _of_folder(root, name)
        elif (path.name in ("cur", "new") and not entry.name.startswith(".")) or kind(entry) in _SINGLE:
            yield from _single(entry, name)
        elif kind(entry) in MBOX or (isinstance(entry, Path) and _starts_as_mbox(entry)):
            yield from _split(entry, _file_folder(entry, name))


def _folder_name(path: Source, around: str) -> str:
    if around and _STRUCTURE.fullmatch(path.name):
        return around
    if path.name.lower().endswith((".mbox", ".sbd")):
        return path.name.rpartition(".")[0]
    return path.name.rpartition(".")[2]  # maildir++ writes `.Archive.2024`


def _file_folder(path: Source, around: str) -> str:
    """The mail folder that an mbox file is: its name, or in `Sent.mbox/mbox` that of the folder around it."""
    if path.name == "mbox":
        return around or (_folder_name(path.absolute().parent, "") if isinstance(path, Path) else "")
    name = path.name.removesuffix(".gz")
    return name.rpartition(".")[0] if kind(path) in MBOX else name


def _single(path: Source, folder: str) -> Iterator[RawMessage]:
    content = read_bytes(path)
    if kind(path) == "emlx":  # Apple Mail: the length, the message, then Apple's own properties
        length, _, rest = content.partition(b"\n")
        if length.strip().isdigit() and len(length) < 20:
            content = rest[: int(length)]
    if begins_as_mail(content.lstrip()[:1_000]):
        yield RawMessage(envelope=b"", content=content, folder=folder)


def _split(path: Source, folder: str) -> Iterator[RawMessage]:
    for number, raw in enumerate(split_mbox(lines_of(path))):
        if number == 0 and not raw.envelope and not begins_as_mail(raw.content.lstrip()[:1_000]):
            return  # it is only called as mail is
        yield raw._replace(folder=folder)


def _starts_as_mbox(path: Path) -> bool:
    """Whether the first line that is not empty begins an mbox, whatever the file is called."""
    for line in lines_of(path):
        if line.strip():
            return line.removeprefix(b"\xef\xbb\xbf").startswith(b"From ")
    return False
