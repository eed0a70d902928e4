"""Mail out of mbox (Google Takeout's too), maildir, single messages, or JSON lines of Gmail message resources."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from libs.google_sim.account import Resource
from libs.google_sim.loaders.files import LoadError, json_lines, kind, open_bytes
from libs.google_sim.loaders.mbox import RawMessage, split_mbox
from libs.google_sim.loaders.message import MessageReader
from libs.google_sim.loaders.threads import assign_threads

_JSON = ("jsonl", "ndjson", "json")
_FIRST_HISTORY_ID = 1_000_000


def load_mail(path: str | Path, owner: str, aliases: Iterable[str] = ()) -> list[Resource]:
    """The Gmail message resources of a file or folder, in its order; every message has an id of its own.

    A folder is a maildir (`cur`, `new`), or holds `.mbox`, `.eml` and further folders. `owner` and `aliases` tell
    sent mail from received. Raises LoadError for what can't be opened; a message that can't be parsed is still
    there, with what could be read of it.
    """
    path = Path(path)
    if kind(path) in _JSON:
        return _with_own_ids(json_lines(path))
    reader = MessageReader(owner, aliases)
    messages = [reader.read(raw) for raw in _raw_messages(path)]
    assign_threads(messages)
    for number, message in enumerate(messages):
        message["historyId"] = str(_FIRST_HISTORY_ID + number)
    return messages


def _with_own_ids(resources: Iterable[Resource]) -> list[Resource]:
    """Resources as they are; one whose id was there before gets the next free one, so that nothing is lost."""
    kept: dict[object, Resource] = {}
    for number, resource in enumerate(resources):
        identifier = resource.get("id")
        if not isinstance(identifier, str):
            kept[number] = resource
            continue
        unused = identifier
        while unused in kept:
            unused = f"{(int(unused, 16) + 1) % 2**64:016x}" if _is_hex(unused) else f"{unused}0"
        kept[unused] = resource if unused == identifier else {**resource, "id": unused}
    return list(kept.values())


def _is_hex(text: str) -> bool:
    return 0 < len(text) <= 16 and all(char in "0123456789abcdef" for char in text)


def _raw_messages(path: Path) -> Iterator[RawMessage]:
    if path.is_dir():
        for entry in sorted(path.iterdir()):
            in_maildir = path.name in ("cur", "new") and entry.is_file()
            if in_maildir or (entry.is_file() and kind(entry) == "eml"):
                yield _single(entry)
            elif entry.is_file() and kind(entry) == "mbox":
                yield from _split(entry)
            elif entry.is_dir() and entry.name != "tmp":
                yield from _raw_messages(entry)
    elif kind(path) == "eml":
        yield _single(path)
    elif kind(path) in ("mbox", "mbx") or _starts_as_mbox(path):
        yield from _split(path)
    else:
        raise LoadError(f"{path} is no mail file. Give an .mbox, .eml or .jsonl file (also .gz), or a maildir.")


def _single(path: Path) -> RawMessage:
    with open_bytes(path) as file:
        return RawMessage(envelope=b"", content=file.read())


def _split(path: Path) -> Iterator[RawMessage]:
    with open_bytes(path) as file:
        yield from split_mbox(file)


def _starts_as_mbox(path: Path) -> bool:
    with open_bytes(path) as file:
        return file.read(5) == b"From "
