"""What `pingcrm doctor` has to say of TLS: files that can't be used, and what goes to another machine in clear."""

from pathlib import Path

import pytest

from libs.common.config import settings_from
from libs.local.doctor.encryption import check_tls
from libs.local.doctor.finding import Finding
from tests.support.certificates import Authority

CA, CERTIFICATE, KEY = "PINGCRM_TLS_CA", "PINGCRM_TLS_CERT", "PINGCRM_TLS_KEY"


def findings(**environment: object) -> list[Finding]:
    return list(check_tls(settings_from({name: str(value) for name, value in environment.items()})))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


def test_files_that_fit_together_are_well_where_a_url_asks_for_tls(authority: Authority) -> None:
    client = authority.issue("client")
    files = {CA: authority.certificate, CERTIFICATE: client.certificate, KEY: client.key}
    assert findings(**files, PINGCRM_NATS_URL="tls://admin:private@bus:4222") == []
    [note] = findings(**files)
    assert (note.level, note.sentence.partition(",")[0]) == ("note", "PINGCRM_TLS_CA is not used")
    client.key.chmod(0o644)
    [note] = findings(**files, PINGCRM_NATS_URL="tls://admin:private@bus:4222")
    assert (note.level, note.sentence) == ("note", f"{client.key} can be read by others: chmod 600 it.")


def test_a_key_without_its_certificate_or_of_another_one_is_wrong(authority: Authority, tmp_path: Path) -> None:
    first, other = authority.issue("first"), authority.issue("other")
    assert [finding.level for finding in findings(**{KEY: first.key})] == ["wrong"]
    [wrong] = findings(**{CERTIFICATE: first.certificate, KEY: other.key})
    assert wrong.level == "wrong"
    assert wrong.sentence.startswith(
        "PINGCRM_TLS_CERT, PINGCRM_TLS_KEY must be PEM files, a certificate with its own key"
    )
    (tmp_path / "ca.pem").write_text("nothing of the kind")
    [wrong] = findings(**{CA: tmp_path / "ca.pem"})
    assert wrong.sentence.startswith("PINGCRM_TLS_CA must be PEM files")


@pytest.mark.parametrize(
    ("name", "url", "part"),
    [
        ("PINGCRM_POSTGRES_URL", "postgresql://ann:private@db/crm", "add ?sslmode=verify-full"),
        ("PINGCRM_POSTGRES_URL", "postgresql://ann:private@db/crm?sslmode=prefer", "add ?sslmode=verify-full"),
        ("PINGCRM_POSTGRES_URL", "postgresql://ann:private@db/crm?sslmode=require", "does not compare the name"),
        ("PINGCRM_POSTGRES_URL", "postgresql://ann:private@db/crm?sslmode=verify-full", ""),
        ("PINGCRM_POSTGRES_URL", "postgresql://ann:private@127.0.0.1/crm", ""),
        ("PINGCRM_NATS_URL", "nats://ann:private@bus:4222", "begin it with tls://"),
        ("PINGCRM_NATS_URL", "tls://ann:private@bus:4222,nats://ann:private@bus-2:4222", "begin it with tls://"),
        ("PINGCRM_NATS_URL", "tls://ann:private@bus:4222,tls://ann:private@bus-2:4222", ""),
        ("PINGCRM_NATS_URL", "nats://ann:private@localhost:4222", ""),
        ("PINGCRM_REDIS_URL", "redis://:private@cache:6379/0", "begin it with rediss://"),
        ("PINGCRM_REDIS_URL", "rediss://:private@cache:6379/0", ""),
        ("PINGCRM_REDIS_URL", "unix:///run/valkey.sock", ""),
    ],
)
def test_what_goes_to_another_machine_in_clear_is_noted_with_the_remedy(name: str, url: str, part: str) -> None:
    found = findings(**{name: url})
    assert [finding.level for finding in found] == (["note"] if part else [])
    assert all(part in finding.sentence and "private" not in finding.sentence for finding in found)
