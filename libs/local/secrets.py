"""The passwords and keys of an installation: generated once, never defaults. Each is named as in the environment."""

import json
import secrets
import string
from base64 import urlsafe_b64encode
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from libs.common.ids import SERVICES, Service
from libs.local.private_file import write_private

ADMIN = "admin"
POSTGRES_ADMIN = "PINGCRM_POSTGRES_PASSWORD"
REDIS_ADMIN = "PINGCRM_REDIS_PASSWORD"
SECRET_KEYS = "PINGCRM_SECRET_KEYS"  # noqa: S105 -- a name


def postgres_password_name(service: Service) -> str:
    return f"PINGCRM_{service.upper()}_POSTGRES_PASSWORD"


def nats_password_name(user: str) -> str:
    """`user` is `admin`, `connector` or a service."""
    return "PINGCRM_NATS_PASSWORD" if user == ADMIN else f"PINGCRM_{user.upper()}_NATS_PASSWORD"


def redis_password_name(service: Service) -> str:
    return f"PINGCRM_{service.upper()}_REDIS_PASSWORD"


NATS_USERS: tuple[str, ...] = (ADMIN, *SERVICES, "connector")
PASSWORDS: tuple[str, ...] = (
    POSTGRES_ADMIN,
    *(postgres_password_name(service) for service in SERVICES),
    *(nats_password_name(user) for user in NATS_USERS),
    REDIS_ADMIN,
    *(redis_password_name(service) for service in SERVICES),
)
NAMES: tuple[str, ...] = (*PASSWORDS, SECRET_KEYS)


class MissingSecret(KeyError):
    """A secret is neither in the environment nor in the data folder; the message names it."""

    def __str__(self) -> str:
        return str(self.args[0])


class Secrets(Mapping[str, str]):
    """Name → value. Its text form shows no values."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> str:
        try:
            return self._values[name]
        except KeyError:
            raise MissingSecret(f"{name} is not set: `pingcrm secrets` makes a complete set.") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Secrets({', '.join(self._values)})"

    def postgres(self, service: Service) -> str:
        """The password of a service's role."""
        return self[postgres_password_name(service)]

    def nats(self, user: str) -> str:
        """The password of a NATS user: `admin`, `connector` or a service."""
        return self[nats_password_name(user)]

    def redis(self, service: Service) -> str:
        """The password of a service's Redis user."""
        return self[redis_password_name(service)]


def generate() -> Secrets:
    """A complete set, fresh from the system's random source."""
    return Secrets({**{name: _password() for name in PASSWORDS}, SECRET_KEYS: _fernet_key()})


def from_environment(environment: Mapping[str, str]) -> Secrets:
    """The secrets that the environment holds; what is missing raises when it is used."""
    return Secrets({name: environment[name] for name in NAMES if environment.get(name)})


def load(data_dir: Path, environment: Mapping[str, str]) -> Secrets:
    """Those of the data folder, completed and written (0600) where some are missing; the environment's win."""
    file = data_dir / "secrets.json"
    try:
        kept: dict[str, str] = json.loads(file.read_text())
    except FileNotFoundError:
        kept = {}
    except ValueError as error:
        # Made anew, the databases behind the old ones could not be opened any more: never overwrite.
        raise MissingSecret(f"{file} is damaged ({error}). Restore it from a backup.") from error
    complete = {**generate(), **kept}
    if complete != kept:
        write_private(file, json.dumps(complete, indent=2) + "\n")
    return Secrets({**complete, **from_environment(environment)})


def as_env_file(values: Secrets, without: Collection[str] = ()) -> str:
    """The form that `docker compose --env-file` and `EnvironmentFile=` read, without the names in `without`."""
    return "".join(f"{name}={values[name]}\n" for name in NAMES if name not in without)


def names_in(env_file: str) -> frozenset[str]:
    """The names that the text of an env file gives a value."""
    lines = (line.strip().removeprefix("export ").partition("=") for line in env_file.splitlines())
    return frozenset(name.strip() for name, _, value in lines if value.strip() and not name.startswith("#"))


def _password(length: int = 40) -> str:
    """Letters and digits, a letter first: safe in URLs, shells and NATS configuration, where 12k would be a number."""
    letters = string.ascii_letters
    return secrets.choice(letters) + "".join(secrets.choice(letters + string.digits) for _ in range(length - 1))


def _fernet_key() -> str:
    return urlsafe_b64encode(secrets.token_bytes(32)).decode()
