"""deploy/make-env.sh and deploy/pin-images.sh, which run before anything of PingCRM is installed."""

import os
import re
import subprocess
from base64 import urlsafe_b64decode
from pathlib import Path

import pytest

from libs.local import ROOT
from libs.local.secrets import KEYS, NAMES, PASSWORDS

GOOGLE = ["PINGCRM_GOOGLE_CLIENT_ID", "PINGCRM_GOOGLE_CLIENT_SECRET"]


def run(script: str, env_file: Path, *arguments: str, path: str = os.defpath) -> subprocess.CompletedProcess[str]:
    # Under a mask that hides nothing: the script has one of its own.
    return subprocess.run(
        ["sh", "-c", 'umask 0; exec sh "$@"', "sh", str(ROOT / "deploy" / script), *arguments],
        env={"PATH": path, "ENV_FILE": str(env_file)}, capture_output=True, text=True,
    )  # fmt: skip


def values(env_file: Path) -> dict[str, str]:
    lines = [line for line in env_file.read_text().splitlines() if not line.startswith("#")]
    return dict(line.partition("=")[::2] for line in lines)


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    return tmp_path / "env"


def test_it_makes_every_secret_for_its_owner_only(env_file: Path) -> None:
    done = run("make-env.sh", env_file)
    assert done.returncode == 0, done.stderr
    assert env_file.stat().st_mode & 0o777 == 0o600
    made = values(env_file)
    assert set(made) == {*NAMES, *GOOGLE}
    assert len({made[name] for name in NAMES}) == len(NAMES)
    assert all(re.fullmatch("[A-Za-z][A-Za-z0-9]{39}", made[name]) for name in PASSWORDS)
    assert all(len(urlsafe_b64decode(made[name])) == 32 for name in KEYS)
    assert all(name in done.stdout for name in GOOGLE)
    assert not any(made[name] in done.stdout for name in NAMES)
    assert list(env_file.parent.iterdir()) == [env_file]


def test_again_it_adds_what_is_missing_and_changes_nothing_that_is_there(env_file: Path) -> None:
    env_file.write_text(
        "# mine\nPINGCRM_SECRET_KEYS=old\nexport PINGCRM_PORT=8201\nPINGCRM_NATS_PASSWORD=\nPINGCRM_GOOGLE_CLIENT_ID=me"
    )
    env_file.chmod(0o644)
    assert run("make-env.sh", env_file).returncode == 0
    first = env_file.read_text()
    assert first.startswith("# mine\nPINGCRM_SECRET_KEYS=old\nexport PINGCRM_PORT=8201\n")
    assert env_file.stat().st_mode & 0o777 == 0o600
    completed = values(env_file)
    assert completed["PINGCRM_SECRET_KEYS"] == "old"
    assert completed["PINGCRM_GOOGLE_CLIENT_ID"] == "me"
    assert all(completed[name] for name in NAMES)
    assert run("make-env.sh", env_file).returncode == 0
    assert env_file.read_text() == first


def test_with_a_name_the_proxy_serves_it(env_file: Path) -> None:
    assert run("make-env.sh", env_file, "crm.example.org").returncode == 0
    made = values(env_file)
    assert made["PINGCRM_DOMAIN"] == "crm.example.org"
    assert made["PINGCRM_PUBLIC_URL"] == "https://crm.example.org"
    assert made["COMPOSE_PROFILES"] == "proxy"
    assert made["PINGCRM_TRUSTED_PROXIES"]


@pytest.mark.parametrize("name", ["https://crm.example.org", "crm.example.org/", "a b", "$(id)"])
def test_what_is_no_name_of_a_machine_is_refused_and_nothing_made(env_file: Path, name: str) -> None:
    done = run("make-env.sh", env_file, name)
    assert done.returncode == 2
    assert "is no name of a machine" in done.stderr
    assert not env_file.exists()


DOCKER = """\
#!/bin/sh
[ "$1" = image ] || exit 0
name=${5#docker.io/}
echo "mirror.example.org/${name%:*}@sha256:OTHER"
name=${name#library/}
echo "${name%:*}@sha256:DIGEST"
"""
DIGEST, OTHER = "a1" * 32, "b2" * 32


def engine(folder: Path, digest: str = DIGEST, *, podman: bool = False) -> str:
    """A PATH with a `docker` that knows the digests of images, as Docker shows them or as Podman does."""
    program = folder / "bin" / "docker"
    program.parent.mkdir(exist_ok=True)
    script = DOCKER.replace("OTHER", OTHER).replace("DIGEST", digest)
    if podman:
        script = script.replace("name=${name#library/}\n", "").replace('echo "${name', 'echo "docker.io/${name')
    program.write_text(script)
    program.chmod(0o755)
    return f"{program.parent}:{os.defpath}"


@pytest.mark.parametrize("podman", [False, True])
def test_the_images_of_others_are_pinned_to_what_they_are_now(env_file: Path, tmp_path: Path, podman: bool) -> None:
    env_file.write_text("PINGCRM_PORT=8201\n")
    done = run("pin-images.sh", env_file, path=engine(tmp_path, podman=podman))
    assert done.returncode == 0, done.stderr
    assert env_file.stat().st_mode & 0o777 == 0o600
    named = dict(
        re.findall(r"\$\{(PINGCRM_\w+_IMAGE):-(docker\.io/\S+?):[^}]+\}", (ROOT / "docker-compose.yml").read_text())
    )
    assert len(named) == 5
    assert values(env_file) == {
        "PINGCRM_PORT": "8201",
        **{name: f"{image}@sha256:{DIGEST}" for name, image in named.items()},
    }

    newer = "c3" * 32
    assert run("pin-images.sh", env_file, path=engine(tmp_path, newer)).returncode == 0
    assert env_file.read_text().count("PINGCRM_NATS_IMAGE") == 1
    assert values(env_file)["PINGCRM_NATS_IMAGE"] == f"docker.io/library/nats@sha256:{newer}"


def test_without_a_digest_or_a_file_nothing_is_pinned(env_file: Path, tmp_path: Path) -> None:
    assert run("pin-images.sh", env_file, path=engine(tmp_path)).returncode == 1
    env_file.write_text("PINGCRM_PORT=8201\n")
    done = run("pin-images.sh", env_file, path=engine(tmp_path, "beef"))
    assert done.returncode == 1
    assert "does not know the digest of docker.io/" in done.stderr
    assert env_file.read_text() == "PINGCRM_PORT=8201\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "env"]
