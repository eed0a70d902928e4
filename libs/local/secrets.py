"""The passwords and keys of an installation: generated once, never defaults. Each is named as in the environment."""

import json
import secrets
import string
from base64 import urlsafe_b64encode
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from libs.common.ids import SERVICES, Service
from libs.local.data_dir import Unusable
from libs.local.private_file import write_private

FILE = "secrets.json"
ADMIN = "admin"
POSTGRES_ADMIN = "PINGCRM_POSTGRES_PASSWORD"
REDIS_ADMIN = "PINGCRM_REDIS_PASSWORD"
SECRET_KEYS = "PINGCRM_SECRET_KEYS"  # noqa: S105 -- a name
WEBHOOK_KEYS = "PINGCRM_WEBHOOK_KEYS"


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
KEYS: tuple[str, ...] = (SECRET_KEYS, WEBHOOK_KEYS)
NAMES: tuple[str, ...] = (*PASSWORDS, *KEYS)


class LostSecrets(Exception):
    """The data folder has data and no key to it; the message states what that means and what to do."""


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
    return Secrets({name: _fernet_key() if name in KEYS else _password() for name in NAMES})


def from_environment(environment: Mapping[str, str]) -> Secrets:
    """The secrets that the environment holds; what is missing raises when it is used."""
    return Secrets({name: environment[name] for name in NAMES if environment.get(name)})


def load(data_dir: Path, environment: Mapping[str, str]) -> Secrets:
    """Those of the data folder, completed and written (0600) where some are missing; the environment's win.

    Raises Unusable, MissingSecret where the file is damaged, LostSecrets where what is missing can't just be made anew.
    """
    kept = _read(data_dir)
    if lost := why_lost(data_dir, environment):
        raise LostSecrets(lost)
    complete = {**generate(), **kept}
    if complete != kept:
        write_private(data_dir / FILE, _as_json(complete))
    return Secrets({**complete, **from_environment(environment)})


def why_lost(data_dir: Path, environment: Mapping[str, str]) -> str | None:
    """A sentence where the data of the folder can't be opened with the secrets that there are; None where it can.

    Raises MissingSecret where the file is damaged, Unusable where the folder can't be read.
    """
    if not data_dir.is_dir():
        return None  # new, or no folder at all, which making it will report
    known = {**_read(data_dir), **from_environment(environment)}
    used = any((data_dir / name).exists() for name in ("postgres", "nats", "valkey", "logs"))
    closed = POSTGRES_ADMIN not in known and (data_dir / "postgres" / "data" / "PG_VERSION").exists()
    if not closed and (SECRET_KEYS in known or not used):
        return None
    return (
        f"{data_dir} holds the data of an earlier run, but its {FILE} with the passwords and keys is lost. Restore that file from a"
        " backup. Without one, `pingcrm up --new-secrets` makes new ones for the data; but the permissions of the Google accounts"
        " can't be opened any more: each has to be connected again. Who checks signatures of webhooks needs the new secret."
    )


@dataclass(frozen=True)
class Renewal:
    """Secrets of a data folder that lost some: `secrets` is the complete set, `keep` writes down what of it is the folder's."""

    data_dir: Path
    secrets: Secrets
    _stored: Mapping[str, str] = field(repr=False)

    def keep(self) -> None:
        """Only when the data is open to them: cut off before, the next start begins again. A damaged file is kept aside."""
        file = self.data_dir / FILE
        try:
            _read(self.data_dir)
        except MissingSecret:
            file.rename(file.with_suffix(".damaged"))
        write_private(file, _as_json(self._stored))


def renew(data_dir: Path, environment: Mapping[str, str]) -> Renewal:
    """What is lost, made anew; what is left stays. Nothing is written."""
    try:
        kept = _read(data_dir)
    except MissingSecret:
        kept = {}
    stored = {**generate(), **kept}
    return Renewal(data_dir, Secrets({**stored, **from_environment(environment)}), stored)


def _read(data_dir: Path) -> dict[str, str]:
    file = data_dir / FILE
    try:
        kept = json.loads(file.read_text())
        if not isinstance(kept, dict):
            raise ValueError("it is no object")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise Unusable(data_dir, error) from error
    except ValueError as error:
        # Made anew, what is sealed under the old ones could not be opened any more: never overwritten unasked.
        raise MissingSecret(
            f"{file} is damaged ({error}). Restore it from a backup, or make a new one with `pingcrm up --new-secrets`."
        ) from error
    return kept


def _as_json(values: Mapping[str, str]) -> str:
    return json.dumps(dict(values), indent=2) + "\n"


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
