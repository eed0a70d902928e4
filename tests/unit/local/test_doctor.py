"""`pingcrm doctor` reports what is wrong, once, in a sentence with what to do."""

import errno
import os
import shutil
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.fernet import Fernet

from libs.common.topology import MAX_PAYLOAD_BYTES
from libs.local.data_dir import Runtime, announced
from libs.local.doctor import Finding, examine
from libs.local.doctor.folder import check_data_dir, check_room
from libs.local.doctor.servers import check_clock, check_copies, check_max_payload
from libs.local.ports import free_port, refusal, why_not_served

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
        ("PINGCRM_SECRET_KEYS", "short", "PINGCRM_SECRET_KEYS must be keys of 32 random bytes"),
        ("PINGCRM_WEBHOOK_KEYS", "short", "PINGCRM_WEBHOOK_KEYS must be keys of 32 random bytes"),
        ("PINGCRM_SIGN_UP", "closed", "PINGCRM_SIGN_UP must be first, open, or addresses"),
        ("PINGCRM_OPERATORS", "@example.org", "PINGCRM_OPERATORS must be addresses"),
        ("PINGCRM_TRUSTED_PROXIES", "the proxy", "PINGCRM_TRUSTED_PROXIES must be a list of networks"),
        ("PINGCRM_TRUSTED_PROXIES", "0.0.0.0/0", "trusts everybody"),
        ("PINGCRM_TRUSTED_PROXIES", "10.0.0.1,::/0", "trusts everybody"),
        ("PINGCRM_WEBHOOK_ALLOW", "my network", "PINGCRM_WEBHOOK_ALLOW must be a list of networks"),
        ("PINGCRM_WEBHOOK_ALLOW", "10.0.0.1,0.0.0.0/0", "PINGCRM_WEBHOOK_ALLOW allows everything (0.0.0.0/0)"),
        ("PINGCRM_WEBHOOK_ALLOW", "169.254.169.254", "where clouds answer with a machine's credentials"),
        ("PINGCRM_WEBHOOK_ALLOW", "::/0", "PINGCRM_WEBHOOK_ALLOW allows everything (::/0)"),
        ("PINGCRM_WEBHOOK_ALLOW", "fd00::/8", "where clouds answer with a machine's credentials"),
        ("PINGCRM_API_REQUESTS_PER_MINUTE", "-1", "PINGCRM_API_REQUESTS_PER_MINUTE must be a whole number from 0"),
        ("PINGCRM_POOL_SIZE", "0", "PINGCRM_POOL_SIZE must be a whole number from 1"),
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
        ("PINGCRM_HOST", "192.0.2.7", "which is no address of this machine"),
        ("PINGCRM_STREAM_REPLICAS", "2", "the embedded NATS is a single server"),
        ("PINGCRM_SYNC_REDIS_URL", "cache:6379", "correct PINGCRM_SYNC_REDIS_URL"),
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
    assert [s for s in await wrong(tmp_path, PINGCRM_SECRET_KEYS=keys) if "key 2" in s]


async def test_networks_that_webhooks_may_call_are_shown(tmp_path: Path) -> None:
    found = await findings(tmp_path, PINGCRM_WEBHOOK_ALLOW="10.1.0.0/16, 192.0.2.7")
    (finding,) = [finding for finding in found if "Webhooks" in finding.sentence]
    assert (finding.level, finding.sentence) == (
        "ok", "Webhooks may call the public internet and 10.1.0.0/16, 192.0.2.7/32.",
    )  # fmt: skip
    assert not [finding for finding in await findings(tmp_path) if "Webhooks" in finding.sentence]


async def test_where_traces_are_sent_is_shown_and_what_is_missing_for_it_is_noted(tmp_path: Path) -> None:
    endpoint, headers = "OTEL_EXPORTER_OTLP_ENDPOINT", {"OTEL_EXPORTER_OTLP_HEADERS": "authorization=private"}
    found = await findings(tmp_path, **headers, **{endpoint: "https://ann:private@collector.example.org:4318"})
    assert Finding("ok", "Traces are sent to https://collector.example.org:4318.") in found
    assert not [finding for finding in found if "private" in finding.sentence or "OTEL" in finding.sentence]
    for settings, part in ((headers, "is not used"), ({endpoint: "http://127.0.0.1:4317"}, "over HTTP it is 4318")):
        [note] = [finding for finding in await findings(tmp_path, **settings) if "OTEL" in finding.sentence]
        assert (note.level, part in note.sentence) == ("note", True)


async def test_a_webhook_key_that_also_opens_tokens_is_reported(tmp_path: Path) -> None:
    key = Fernet.generate_key().decode()
    (sentence,) = await wrong(tmp_path, PINGCRM_SECRET_KEYS=key, PINGCRM_WEBHOOK_KEYS=key)
    assert "must not have what opens tokens" in sentence
    assert key not in sentence


@pytest.mark.parametrize(
    ("settings", "level", "part"),
    [
        ({}, "ok", "Whoever signs in first owns this PingCRM"),
        ({"PINGCRM_SIGN_UP": "open"}, "note", "everybody with a Google account may become a user"),
        ({"PINGCRM_SIGN_UP": "Ann@Example.org,@berg.example"}, "ok", "lets in ann@example.org, @berg.example"),
        ({"PINGCRM_OPERATORS": "ann@example.org"}, "ok", "The owner and ann@example.org operate"),
        ({"PINGCRM_PUBLIC_URL": "https://crm.example.org"}, "note", "PINGCRM_TRUSTED_PROXIES is not set"),
    ],
)
async def test_who_may_sign_in_and_from_where_is_shown(
    tmp_path: Path, settings: dict[str, str], level: str, part: str
) -> None:
    found = await findings(tmp_path, **settings)
    assert [finding.level for finding in found if part in finding.sentence] == [level]


async def test_a_named_proxy_needs_no_note(tmp_path: Path) -> None:
    settings = {"PINGCRM_PUBLIC_URL": "https://crm.example.org", "PINGCRM_TRUSTED_PROXIES": "10.0.0.0/8"}
    assert not [found for found in await findings(tmp_path, **settings) if "TRUSTED_PROXIES" in found.sentence]


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
    assert [s for s in await wrong(tmp_path / "data") if "can't be used (Permission denied)" in s]


async def test_beside_a_running_product_its_own_address_is_the_one_to_register(tmp_path: Path) -> None:
    servers = {"postgres_url": "", "nats_url": "", "redis_url": ""}
    running = Runtime(pid=os.getpid(), url="http://127.0.0.1:8201", health_ports={}, **servers)
    with announced(tmp_path, running):
        found = [finding.sentence for finding in await findings(tmp_path, PINGCRM_PORT="8025")]
    [sentence] = [sentence for sentence in found if "redirect URI" in sentence]
    assert "http://127.0.0.1:8201/oauth/google/callback" in sentence
    assert "People reach PingCRM at http://127.0.0.1:8201." in found


async def test_the_port_of_the_command_line_is_the_one_to_register(tmp_path: Path) -> None:
    port = free_port()
    found = [finding.sentence async for finding in examine(GOOGLE, tmp_path, port)]
    assert [sentence for sentence in found if f"http://127.0.0.1:{port}/oauth/google/callback" in sentence]


async def test_an_installation_without_a_google_client_has_something_to_do_and_may_start(tmp_path: Path) -> None:
    found = await findings(tmp_path, PINGCRM_GOOGLE_CLIENT_ID="", PINGCRM_GOOGLE_CLIENT_SECRET="")
    assert [finding.level for finding in found if "nobody can sign in" in finding.sentence] == ["todo"]
    assert [finding for finding in found if finding.level == "wrong"] == []


@pytest.mark.parametrize(
    ("left_bytes", "left_files", "level", "part"),
    [
        (0, 10**6, "wrong", "is full (0 MB left): make room, or choose another with --data-dir"),
        (511 * 2**20, 10**6, "wrong", "is full (511 MB left)"),
        (512 * 2**20, 10**6, "note", "Only 512 MB are left"),
        (10 * 2**30, 10**6, None, ""),
        (10 * 2**30, 7, "wrong", "takes only 7 more files: choose another with --data-dir"),
    ],
)
def test_a_full_disk_is_reported(left_bytes: int, left_files: int, level: str | None, part: str) -> None:
    found = list(check_room(Path("/srv/pingcrm"), left_bytes, left_files))
    assert [finding.level for finding in found] == ([level] if level else [])
    assert all(part in finding.sentence and "/srv/pingcrm" in finding.sentence for finding in found)


async def test_the_disk_of_the_folder_is_the_one_that_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=0 if path == tmp_path else 2**40))
    assert [sentence for sentence in await wrong(tmp_path / "new" / "data") if "is full (0 MB left)" in sentence]


def test_a_folder_that_nothing_can_be_written_to_is_reported_also_to_root() -> None:
    [finding] = check_data_dir(Path("/proc/pingcrm"), {})
    assert finding.sentence.startswith("The data folder /proc/pingcrm can't be used (")


@pytest.mark.parametrize("name", ['a "good" one', "two\nlines", "back\\slash"])
def test_a_folder_whose_name_the_servers_can_not_read_is_reported(tmp_path: Path, name: str) -> None:
    [finding] = check_data_dir(tmp_path / name, {})
    assert finding.sentence.endswith(
        "has double quotes, backslashes or line breaks in its name: choose another with --data-dir or PINGCRM_DATA_DIR."
    )


def test_nothing_is_left_of_what_is_tried_in_the_folder(tmp_path: Path) -> None:
    assert [finding.level for finding in check_data_dir(tmp_path / "data", {})] == ["ok"]
    assert list(tmp_path.iterdir()) == []


def test_secrets_that_are_about_to_be_made_anew_are_not_missed(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    assert [finding.level for finding in check_data_dir(tmp_path, {}, new_secrets=True)] == ["ok"]


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (OSError(errno.EADDRINUSE, "taken"), "Port 80 is taken by another program: choose another with --port or PINGCRM_PORT."),
        (OSError(errno.EADDRNOTAVAIL, "none"), "PINGCRM_HOST is here, which is no address of this machine: unset it"),
        (socket.gaierror(-2, "unknown"), "PINGCRM_HOST is here, which is no address of this machine: unset it"),
        (OSError(errno.EACCES, "denied"), "Port 80 is for administrators: choose one above 1023"),
        (OSError(errno.EAFNOSUPPORT, "no IPv6"), "Nobody can listen at port 80 of here (no IPv6): check PINGCRM_HOST"),
    ],
)  # fmt: skip
def test_why_nobody_can_listen_there_has_a_sentence_of_its_own(error: OSError, part: str) -> None:
    assert refusal(error, 80, "here").startswith(part)


async def test_a_port_is_free_taken_or_on_no_address_of_ours() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert "is taken" in str(await why_not_served(port, seconds=0.0))
    assert await why_not_served(port) is None
    assert "no address of this machine" in str(await why_not_served(port, "192.0.2.7"))


@pytest.mark.parametrize(("copies", "clustered", "count"), [(1, False, 0), (3, True, 0), (2, False, 1)])
def test_a_single_nats_server_keeps_one_copy(copies: int, clustered: bool, count: int) -> None:
    found = list(check_copies(copies, "NATS", clustered=clustered))
    assert [finding.level for finding in found] == ["wrong"] * count


async def test_no_finding_shows_a_secret(tmp_path: Path) -> None:
    found = " ".join(f.sentence for f in await findings(tmp_path, PINGCRM_ANTHROPIC_API_KEY="the-claude-key"))
    assert "the-client-secret" not in found
    assert "the-claude-key" not in found


def test_a_nats_server_that_carries_too_little_is_noted() -> None:
    (finding,) = check_max_payload(1_048_576)
    assert finding.level == "note"
    assert finding.sentence.startswith("NATS carries messages of at most 1,048,576 bytes: set max_payload to 8388608")
    assert list(check_max_payload(MAX_PAYLOAD_BYTES)) == []


@pytest.mark.parametrize(
    ("ahead_seconds", "part"),
    [
        (0.0, ""), (1.9, ""), (-1.9, ""), (2.0, "is 2 s ahead of that of PostgreSQL"), (-2.0, "is 2 s behind that of PostgreSQL"),
        (3_600.0, "is 3,600 s ahead of that of PostgreSQL"),
    ],
)  # fmt: skip
def test_a_clock_that_goes_wrong_is_noted(ahead_seconds: float, part: str) -> None:
    found = list(check_clock(ahead_seconds))
    assert [finding.level for finding in found] == (["note"] if part else [])
    assert all(part in finding.sentence and "NTP" in finding.sentence for finding in found)
