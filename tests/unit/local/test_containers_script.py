"""tests/containers/run.sh, `make containers-test`, where no containers can run: it says why, and is no failure."""

import shutil
import subprocess
from pathlib import Path

import pytest

from libs.local import ROOT

TOOLS = ("bash", "cat", "dirname", "id", "mkdir", "rm", "tar", "uname")
CLIENT_ALONE = "#!/bin/sh\necho 'Cannot connect to the Docker daemon.' >&2\nexit 1\n"


@pytest.mark.parametrize(("client", "reason"), [(None, "docker is not installed"), (CLIENT_ALONE, "")])
def test_without_a_docker_that_can_run_it_is_skipped_with_a_reason(
    tmp_path: Path, client: str | None, reason: str
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for tool in TOOLS:
        (programs / tool).symlink_to(str(shutil.which(tool)))
    if client is not None:
        (programs / "docker").write_text(client)
        (programs / "docker").chmod(0o755)
    done = subprocess.run(
        [str(programs / "bash"), str(ROOT / "tests" / "containers" / "run.sh")],
        capture_output=True, text=True, timeout=60, env={"PATH": str(programs), "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert f"containers-test: skipped, because {reason}" in done.stdout
    assert not (tmp_path / "pingcrm-containers-test").exists()
