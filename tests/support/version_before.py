"""The code of the version before: what ran when the newest migration of a service was not there yet. Out of git's history."""

import subprocess
import tarfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest

from libs.common.ids import Service
from libs.local import ROOT
from libs.local.schemas import migrations_of

FOLDERS = ("libs", "services", "deploy")


@dataclass(frozen=True)
class VersionBefore:
    """`commit` is the last one on the main line that does not have `migration`, the newest of a service."""

    commit: str
    migration: Path

    def unpack(self, folder: Path) -> None:
        """Its code, to be run from that folder."""
        packed = subprocess.run(
            ["git", "archive", "--format=tar", self.commit, *FOLDERS], cwd=ROOT, capture_output=True, check=True
        ).stdout
        with tarfile.open(fileobj=BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
        assert not (folder / self.migration.relative_to(ROOT)).exists()


def version_before(service: Service) -> VersionBefore:
    """Skips the test where the history does not reach back that far."""
    migration = max(migrations_of(service).glob("*.sql"))
    if _git("rev-parse", "--git-dir") is None:
        pytest.skip("this is no git repository: there is no version before this one")
    # Of a merge, what it brought to the main line. Nothing: the migration is not committed yet.
    added = _git("log", "--first-parent", "-m", "--diff-filter=A", "--format=%H", "--", str(migration))
    commit = _git("rev-parse", "--verify", "--quiet", f"{added.split()[-1]}^1^{{commit}}" if added else "HEAD^{commit}")
    if not commit:
        pytest.skip(f"the clone is shallow: the version before {migration.name} of {service} is not in it")
    return VersionBefore(commit, migration)


def _git(*arguments: str) -> str | None:
    """What it prints; None where it fails, or is not there."""
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
