"""`pingcrm doctor` reports what is wrong, once, in a sentence with what to do."""

import os
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from libs.local.doctor import Finding, examine
from libs.local.ports import free_port

GOOGLE = {"PINGCRM_GOOGLE_CLIENT_ID": "client", "PINGCRM_GOOGLE_CLIENT_SECRET": "the-client-secret"}


async def findings(folder: Path, **settings: str) -> list[Finding]:
    environment = {"PINGCRM_PORT": str(free_port()), **GOOGLE, **settings}
    return [finding async for finding in examine(environment, folder)]


async def wrong(folder: Path, **settings: str) -> list[str]:
    return [finding.sentence for finding in await findings(folder, **settings) if finding.level == "wrong"]


async def test_a_laptop_with_a_google_client_is_well(tmp_path: Path) -> None:
    assert await wrong(tmp_path) == []


async def test_the_redirect_uri_to_register_is_shown(tmp_path: Path) -> None:
    found = [finding.sentence for finding in await findings(tmp_path, PINGCRM_PUBLIC_URL="https://crm.example.org/")]
    assert any("https://crm.example.org/oauth/google/callback" in sentence for sentence in found)


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("PINGCRM_GOOGLE_CLIENT_SECRET", "", "PINGCRM_GOOGLE_CLIENT_SECRET not set"),
        ("PINGCRM_PUBLIC_URL", "http://crm.example.org", "must begin with https://"),
        ("PINGCRM_PUBLIC_URL", "https://example.org/crm", "must not have a path"),
        ("PINGCRM_PUBLIC_URL", "crm.example.org", "must be a URL"),
        ("PINGCRM_HOST", "0.0.0.0", "say in PINGCRM_PUBLIC_URL"),
        ("PINGCRM_SECRET_KEYS", "short", "Key 1 of PINGCRM_SECRET_KEYS is no Fernet key"),
        ("PINGCRM_POOL_SIZE", "0", "PINGCRM_POOL_SIZE is not valid"),
        ("PINGCRM_PREP_WINDOW_FROM_MINUTES", "50", "no meeting fits"),
        ("PINGCRM_GOOGLE_PUBSUB_TOPIC", "gmail", "write it in full, as projects/PROJECT/topics/NAME"),
        ("PINGCRM_GOOGLE_PUBSUB_TOPIC", "projects/p/topics/t", "nobody listens"),
        ("PINGCRM_GOOGLE_PUBSUB_SUBSCRIPTION", "projects/p/topics/t", "projects/PROJECT/subscriptions/NAME"),
        (
            "PINGCRM_GOOGLE_PUBSUB_SUBSCRIPTION",
            "projects/p/subscriptions/s",
            "needs PINGCRM_GOOGLE_APPLICATION_CREDENTIALS",
        ),
        ("PINGCRM_GOOGLE_PUBSUB_SERVICE_ACCOUNT", "robot@p.iam.gserviceaccount.com", "so Gmail tells nobody"),
        ("PINGCRM_GOOGLE_PUBSUB_SERVICE_ACCOUNT", "robot@p.iam.gserviceaccount.com", "this machine's loopback"),
        ("PINGCRM_NATS_URL", "nats://admin:private@127.0.0.1:1", "NATS at nats://127.0.0.1:1 can't be used"),
        (
            "PINGCRM_POSTGRES_URL",
            "postgresql://a:private@127.0.0.1:1/x",
            "PostgreSQL at postgresql://127.0.0.1:1/x can't be used",
        ),
        ("PINGCRM_REDIS_URL", "redis://:private@127.0.0.1:1/0", "Redis at redis://127.0.0.1:1/0 can't be used"),
    ],
)
async def test_a_mistake_is_reported(tmp_path: Path, name: str, value: str, part: str) -> None:
    sentences = await wrong(tmp_path, **{name: value})
    assert any(part in sentence for sentence in sentences), sentences
    assert not any("private" in sentence for sentence in sentences)


async def test_push_that_is_set_up_is_well_and_shows_what_to_enter_at_google(tmp_path: Path) -> None:
    found = await findings(
        tmp_path,
        PINGCRM_PUBLIC_URL="https://crm.example.org",
        PINGCRM_GOOGLE_PUBSUB_TOPIC="projects/p/topics/t",
        PINGCRM_GOOGLE_PUBSUB_SERVICE_ACCOUNT="robot@p.iam.gserviceaccount.com",
    )
    assert [finding for finding in found if finding.level == "wrong"] == []
    assert any(
        "Pushes are taken at https://crm.example.org/api/v1/hooks/gmail" in finding.sentence for finding in found
    )


async def test_a_key_file_that_can_not_be_used_is_reported(tmp_path: Path) -> None:
    settings = {
        "PINGCRM_GOOGLE_PUBSUB_TOPIC": "projects/p/topics/t",
        "PINGCRM_GOOGLE_PUBSUB_SUBSCRIPTION": "projects/p/subscriptions/s",
        "PINGCRM_GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "key.json"),
    }
    assert [sentence for sentence in await wrong(tmp_path, **settings) if "can't be read" in sentence]
    (tmp_path / "key.json").write_text('{"private_key": "private"}')
    (sentence,) = await wrong(tmp_path, **settings)
    assert "names no service account's key file" in sentence
    (tmp_path / "key.json").write_text('{"client_email": "robot@p.example", "private_key": "private"}')
    assert await wrong(tmp_path, **settings) == []


async def test_a_second_key_that_is_wrong_is_named_by_its_place(tmp_path: Path) -> None:
    keys = f"{Fernet.generate_key().decode()},nonsense"
    assert [s for s in await wrong(tmp_path, PINGCRM_SECRET_KEYS=keys) if "Key 2" in s]


async def test_secrets_that_others_can_read_are_reported(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text("{}")
    (tmp_path / "secrets.json").chmod(0o644)
    assert [s for s in await wrong(tmp_path) if "can be read by others" in s]


async def test_lost_secrets_are_reported(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    assert [s for s in await wrong(tmp_path) if "is lost" in s]
    (tmp_path / "secrets.json").write_text("{")
    assert [s for s in await wrong(tmp_path) if "is damaged" in s]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_folder_that_can_not_be_written_is_reported(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert [s for s in await wrong(tmp_path / "data") if "can't be written" in s]


async def test_no_finding_shows_a_secret(tmp_path: Path) -> None:
    found = " ".join(f.sentence for f in await findings(tmp_path, PINGCRM_ANTHROPIC_API_KEY="the-claude-key"))
    assert "the-client-secret" not in found
    assert "the-claude-key" not in found
