"""Whose variables `pingcrm doctor` looks at: those of `up`, of one service, or of the migration of a deployment."""

from pathlib import Path

import pytest

from libs.common.config import settings_from
from libs.common.config.definitions import definitions
from libs.common.ids import SERVICES
from libs.local.doctor.encryption import check_tls
from libs.local.doctor.place import place_of
from libs.local.doctor.settings import CHECKS, check_settings
from libs.local.secrets import postgres_password_name

ADMIN = {"PINGCRM_POSTGRES_URL": "postgresql://postgres:x@db/crm", "PINGCRM_NATS_URL": "nats://admin:x@bus:4222"}
PASSWORDS = {postgres_password_name(service): "x" for service in SERVICES}


@pytest.mark.parametrize(
    ("environment", "place"),
    [
        ({}, "up"),
        ({"PINGCRM_PORT": "8025"}, "up"),
        (ADMIN, "up"),
        (PASSWORDS, "up"),
        ({**ADMIN, **PASSWORDS}, "migrate"),
        ({**ADMIN, **PASSWORDS, "PINGCRM_REDIS_URL": ""}, "migrate"),
        ({**ADMIN, **PASSWORDS, "PINGCRM_REDIS_URL": "redis://:x@cache"}, "up"),
        ({**ADMIN, **PASSWORDS, "PINGCRM_PREP_POSTGRES_PASSWORD": ""}, "up"),
        ({"PINGCRM_POSTGRES_URL": "postgresql://pingcrm_sync:x@db/crm"}, "sync"),
        ({"PINGCRM_POSTGRES_URL": "postgresql://pingcrm_auth@a,b/crm?sslmode=verify-full"}, "auth"),
        ({"PINGCRM_POSTGRES_URL": "postgresql://pingcrm:x@db/crm"}, "up"),
        ({"PINGCRM_POSTGRES_URL": "postgresql://pingcrm_other:x@db/crm"}, "up"),
    ],
)
def test_whose_variables_they_are(environment: dict[str, str], place: str, tmp_path: Path) -> None:
    assert place_of(environment, tmp_path / "none") == place


def test_a_folder_with_secrets_is_of_a_machine_that_starts_everything(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text("{}")
    assert place_of({**ADMIN, **PASSWORDS}, tmp_path) == "up"


def test_every_check_goes_by_a_setting_that_there_is_and_somebody_reads() -> None:
    assert [name for _, name in CHECKS if not definitions()[name].readers] == []


def test_the_migration_is_looked_at_for_its_servers_only(tmp_path: Path) -> None:
    settings = settings_from({**ADMIN, "PINGCRM_HOST": "0.0.0.0", "PINGCRM_TLS_CA": str(tmp_path / "none")})
    assert list(check_settings(settings, "migrate")) == list(check_tls(settings))


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_looked_at_for_what_it_reads(service: str) -> None:
    settings = settings_from({"PINGCRM_PUBLIC_URL": "https://crm.example.org", "PINGCRM_SIGN_UP": "open"})
    found = {finding.sentence.split()[0] for finding in check_settings(settings, service)}  # type: ignore[arg-type]
    assert ("PINGCRM_SIGN_UP" in found) == (service == "auth")
    assert ("PINGCRM_TRUSTED_PROXIES" in found) == (service == "gateway")
    assert ("PINGCRM_ANTHROPIC_API_KEY" in found) == (service == "prep")
