"""The keys of an installation, which are never in its backups: copied into a file of their own, and taken from one."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import Collection, Mapping
from pathlib import Path

from libs.local import ROOT
from libs.local.backup.failures import Unrestorable
from libs.local.private_file import write_private
from libs.local.secrets import FILE, KEYS, SECRET_KEYS


def parse_keys(text: str) -> dict[str, str]:
    """The keys in a secrets.json, or in a file of the form of an .env; of either nothing else."""
    try:
        parsed = json.loads(text)
    except ValueError:
        lines = (line.strip().removeprefix("export ").partition("=") for line in text.splitlines())
        parsed = {name.strip(): value.strip().strip("'\"") for name, _, value in lines}
    found = parsed if isinstance(parsed, dict) else {}
    return {name: found[name] for name in KEYS if isinstance(found.get(name), str) and found[name]}


def read_keys(file: Path) -> dict[str, str]:
    """Raises OSError, or Unrestorable where no key is in the file."""
    keys = parse_keys(file.read_text(errors="replace"))
    if not keys:
        raise Unrestorable(f"{file} has none of {', '.join(KEYS)}: name a copy of secrets.json or of the .env.")
    return keys


def write_keys(file: Path, keys: Mapping[str, str]) -> None:
    """A copy for us alone, in the form of an .env. Keys that are in it already stay, behind: older backups hang on them."""
    earlier = parse_keys(file.read_text(errors="replace")) if file.exists() else {}
    write_private(file, "".join(f"{name}={value}\n" for name, value in joined(keys, earlier).items()))


def joined(first: Mapping[str, str], second: Mapping[str, str]) -> dict[str, str]:
    """The keys of both, those of `first` in front: the foremost seals, all open."""
    found = {name: _split(first.get(name, "")) + _split(second.get(name, "")) for name in KEYS}
    return {name: ",".join(dict.fromkeys(keys)) for name, keys in found.items() if keys}


def keep_keys(data_dir: Path, secrets: Mapping[str, str]) -> None:
    """Put the keys of these in the place of the folder's own; its passwords stay."""
    file = data_dir / FILE
    keys = {name: secrets[name] for name in KEYS if name in secrets}
    write_private(file, json.dumps({**json.loads(file.read_text()), **keys}, indent=2) + "\n")


async def ids_of(keys: Mapping[str, str]) -> Collection[str]:
    """The ids of the keys that open the accounts' tokens. Raises Unrestorable where one is no key."""
    if not keys.get(SECRET_KEYS):
        return ()
    shell = {name: value for name, value in os.environ.items() if name == "PATH" or name.startswith("PYTHON")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.auth.key_ids", cwd=ROOT, stdout=PIPE, stderr=PIPE, start_new_session=True,
        env={**shell, SECRET_KEYS: keys[SECRET_KEYS]},
    )  # fmt: skip
    printed, complaint = await process.communicate()
    if process.returncode != 0:
        raise Unrestorable(complaint.decode(errors="replace").strip().rpartition("\n")[2])
    return printed.decode().split()


def _split(keys: str) -> list[str]:
    return [key.strip() for key in keys.split(",") if key.strip()]
