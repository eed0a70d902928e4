"""A service's process is given its own logins and secrets, and nobody else's."""

import pytest

from libs.common.config import Settings
from libs.common.ids import SERVICES, Service
from libs.local.environment import Servers, external_servers, reachable_host, service_environment, settings_of
from libs.local.secrets import POSTGRES_ADMIN, SECRET_KEYS, WEBHOOK_KEYS, generate

SECRETS = generate()
SERVERS = Servers(
    "postgresql://postgres:admin-pw@db:5432/pingcrm",
    "nats://admin:admin-pw@bus:4222",
    "redis://:admin-pw@cache:6379/0",
    {service: f"redis://{service}:its-own@cache:6379/0" for service in SERVICES},
)
SETTINGS = {
    "PINGCRM_GOOGLE_CLIENT_ID": "the-client",
    "PINGCRM_GOOGLE_CLIENT_SECRET": "the-client-secret",
    "PINGCRM_ANTHROPIC_API_KEY": "the-claude-key",
    "PINGCRM_LOG_LEVEL": "DEBUG",
    "OTEL_TRACES_SAMPLER": "always_on",
    "PINGCRM_SIGN_UP": "@example.org",
    "PINGCRM_OPERATORS": "ann@example.org",
    "PINGCRM_TRUSTED_PROXIES": "10.0.0.0/8",
    "PINGCRM_DATA_DIR": "/srv/pingcrm",
}
SHELL = {
    "PATH": "/bin", "PYTHONPATH": "/src", "AWS_SECRET_ACCESS_KEY": "stray", "ANTHROPIC_API_KEY": "stray",
    "OTEL_EXPORTER_OTLP_TIMEOUT": "10",
    "PINGCRM_POSTGRES_URL": SERVERS.postgres, "PINGCRM_GATEWAY_NATS_PASSWORD": "stray",
}  # fmt: skip


def environment_of(service: Service) -> dict[str, str]:
    return service_environment(service, SHELL, SETTINGS, SERVERS, SECRETS)


@pytest.mark.parametrize("service", SERVICES)
def test_it_has_its_own_logins(service: Service) -> None:
    environment = environment_of(service)
    assert (
        environment["PINGCRM_POSTGRES_URL"]
        == f"postgresql://pingcrm_{service}:{SECRETS.postgres(service)}@db:5432/pingcrm"
    )
    assert environment["PINGCRM_NATS_URL"] == f"nats://{service}:{SECRETS.nats(service)}@bus:4222"
    assert environment["PINGCRM_REDIS_URL"] == f"redis://{service}:its-own@cache:6379/0"


@pytest.mark.parametrize("service", SERVICES)
def test_it_has_nobody_elses_password_and_no_administrators(service: Service) -> None:
    text = "\n".join(environment_of(service).values())
    others = [other for other in SERVICES if other != service]
    foreign = [SECRETS.postgres(other) for other in others] + [
        SECRETS.nats(other) for other in (*others, "admin", "connector")
    ]
    assert not [secret for secret in (*foreign, SECRETS[POSTGRES_ADMIN], "admin-pw", "stray") if secret in text]


@pytest.mark.parametrize(
    ("name", "readers"),
    [
        (SECRET_KEYS, {"auth"}),
        (WEBHOOK_KEYS, {"gateway"}),
        ("PINGCRM_SIGN_UP", {"auth"}),
        ("PINGCRM_OPERATORS", {"auth"}),
        ("PINGCRM_TRUSTED_PROXIES", {"gateway"}),
        ("PINGCRM_DATA_DIR", set()),
        ("PINGCRM_GOOGLE_CLIENT_ID", {"auth"}),
        ("PINGCRM_GOOGLE_CLIENT_SECRET", {"auth"}),
        ("PINGCRM_ANTHROPIC_API_KEY", {"prep"}),
        ("PINGCRM_LOG_LEVEL", set(SERVICES)),
        ("OTEL_TRACES_SAMPLER", set(SERVICES)),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", set(SERVICES)),
        ("PATH", set(SERVICES)),
        ("PYTHONPATH", set(SERVICES)),
        ("AWS_SECRET_ACCESS_KEY", set()),
        ("ANTHROPIC_API_KEY", set()),
    ],
)
def test_a_variable_reaches_exactly_those_who_need_it(name: str, readers: set[str]) -> None:
    assert {service for service in SERVICES if name in environment_of(service)} == readers


def test_a_chosen_key_wins_over_the_generated_key() -> None:
    environment = service_environment("auth", {}, {SECRET_KEYS: "mine"}, SERVERS, SECRETS)
    assert environment[SECRET_KEYS] == "mine"


def test_every_server_of_a_cluster_gets_the_login() -> None:
    cluster = Servers(SERVERS.postgres, "nats://admin:x@a:4222, nats://admin:x@b:4222", SERVERS.redis)
    url = service_environment("sync", {}, {}, cluster, SECRETS)["PINGCRM_NATS_URL"]
    login = f"sync:{SECRETS.nats('sync')}"
    assert url == f"nats://{login}@a:4222,nats://{login}@b:4222"


def test_a_redis_of_ones_own_may_have_one_login_for_all_and_others_for_some() -> None:
    environment = {
        "PINGCRM_REDIS_URL": "redis://:shared@cache:6379/0",
        "PINGCRM_AUTH_REDIS_URL": "redis://auth:own@cache:6379/0",
    }
    servers = external_servers(environment)
    urls = {
        service: service_environment(service, environment, {}, servers, SECRETS)["PINGCRM_REDIS_URL"]
        for service in SERVICES
    }
    assert urls.pop("auth") == environment["PINGCRM_AUTH_REDIS_URL"]
    assert set(urls.values()) == {environment["PINGCRM_REDIS_URL"]}


def test_options_of_a_database_url_stay() -> None:
    servers = Servers("postgresql://root:x@[::1]:5432/crm?sslmode=require", SERVERS.nats, SERVERS.redis)
    url = service_environment("prep", {}, {}, servers, SECRETS)["PINGCRM_POSTGRES_URL"]
    assert url == f"postgresql://pingcrm_prep:{SECRETS.postgres('prep')}@[::1]:5432/crm?sslmode=require"


def test_empty_variables_and_those_that_are_no_settings_are_left_out() -> None:
    assert settings_of({"PINGCRM_LOG_LEVEL": "", "PINGCRM_PORT": "1", "PINGCRM_NONSENSE": "1", "PORT": "1"}) == {
        "PINGCRM_PORT": "1"
    }


def test_what_a_service_is_given_makes_valid_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment_of("auth").items():
        monkeypatch.setenv(name, value)
    assert Settings().google_client_secret.get_secret_value() == "the-client-secret"


@pytest.mark.parametrize(
    ("host", "reachable"), [("0.0.0.0", "127.0.0.1"), ("::", "127.0.0.1"), ("::1", "[::1]"), ("10.1.2.3", "10.1.2.3")]
)
def test_a_server_on_all_interfaces_is_reached_on_loopback(host: str, reachable: str) -> None:
    assert reachable_host(host) == reachable
