"""Running a program that refuses to be root, when we are root.

Two ways. `nobody`, where that user can reach the program and its data. Else (a clone or data below a folder of mode 0700)
a user namespace in which root's files belong to user 65534: the kernel still sees root as their owner, the program does not.
"""

import os
import pwd
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from libs.local.process import run_apart

NAMESPACE_ID = 65534


class NoUnprivilegedUser(Exception):
    """We are root and found no way to run a program as somebody else."""


@dataclass(frozen=True)
class Unprivileged:
    """`prefix` is put in front of a command; `owner` is who must own the program's data, as (uid, gid) seen from outside."""

    prefix: tuple[str, ...]
    owner: tuple[int, int]


def find_unprivileged(program: Path, folder: Path) -> Unprivileged:
    """How to run `program` on `folder` (which exists). Raises NoUnprivilegedUser."""
    if os.geteuid() != 0:
        return Unprivileged((), (os.geteuid(), os.getegid()))
    for candidate in (_nobody(), _namespace()):
        if candidate and _works(candidate.prefix, program, folder):
            return candidate
    raise NoUnprivilegedUser(
        f"{program.name} refuses to run as root, and neither the user nobody can enter {folder} nor are user namespaces "
        "allowed here. Run PingCRM as another user, or choose a --data-dir that other users may enter."
    )


def give_ownership(folder: Path, owner: tuple[int, int]) -> None:
    """Make `owner` own the folder and all in it; nothing where that is so already."""
    if (folder.stat().st_uid, folder.stat().st_gid) == owner:
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, *owner, follow_symlinks=False)


def _nobody() -> Unprivileged | None:
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return None
    try:
        user = pwd.getpwnam("nobody")
    except KeyError:
        return None
    prefix = (setpriv, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--")
    return Unprivileged(prefix, (user.pw_uid, user.pw_gid))


def _namespace() -> Unprivileged | None:
    unshare = shutil.which("unshare")
    if unshare is None:
        return None
    return Unprivileged((unshare, "-U", f"--map-user={NAMESPACE_ID}", f"--map-group={NAMESPACE_ID}", "--"), (0, 0))


def _works(prefix: Sequence[str], program: Path, folder: Path) -> bool:
    """Whether the program can be run, and the folder around its data be entered, that way."""
    script = 'test -x "$2" && exec "$1" --version'
    command = [*prefix, "sh", "-c", script, "sh", str(program), str(folder.parent)]
    return run_apart(command, cwd=Path("/")).returncode == 0
