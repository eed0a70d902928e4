"""Which servers a command talks to: those of the environment, else those of a stack that runs on the data folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from libs.local.data_dir import create, read_runtime
from libs.local.environment import Servers, external_servers
from libs.local.secrets import PASSWORDS, Secrets, from_environment, load


class NothingRuns(Exception):
    """Neither the environment nor the data folder names the server that a command needs."""


@dataclass(frozen=True)
class Located:
    """Administrators' URLs; empty where nothing is known."""

    servers: Servers
    data_dir: Path

    def postgres(self) -> str:
        return self._need("postgres", "PINGCRM_POSTGRES_URL")

    def nats(self) -> str:
        return self._need("nats", "PINGCRM_NATS_URL")

    def _need(self, name: str, variable: str) -> str:
        url: str = getattr(self.servers, name)
        if not url:
            raise NothingRuns(
                f"Nothing runs on {self.data_dir}. Start `pingcrm up`, name its --data-dir, or set {variable}."
            )
        return url


def locate(data_dir: Path, environment: Mapping[str, str]) -> Located:
    """The environment's URLs win."""
    runtime = read_runtime(data_dir)
    given = external_servers(environment)
    if runtime is None:
        return Located(given, data_dir)
    servers = Servers(
        given.postgres or runtime.postgres_url,
        given.nats or runtime.nats_url,
        given.redis or runtime.redis_url,
        given.redis_of if given.redis else {**runtime.redis_urls, **given.redis_of},
    )
    return Located(servers, data_dir)


def secrets_for(data_dir: Path, environment: Mapping[str, str]) -> Secrets:
    """A laptop has them in its data folder; a deployment has none and gives its passwords in the environment.

    There a missing password is a mistake, raised when it is used: made up here, nobody else would know it.
    """
    if not (data_dir / "secrets.json").exists():
        given = from_environment(environment)
        if any(name in given for name in PASSWORDS):
            return given
        create(data_dir)
    return load(data_dir, environment)
