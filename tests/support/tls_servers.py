"""PostgreSQL, NATS and Redis that speak TLS alone, and only with clients who show a certificate of our CA.

NATS' wheel can; those of PostgreSQL and Valkey are built without TLS, so these two come from the system. Skips where it has none.
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import asyncpg
import nats
import nats.errors
import pytest
import redis.asyncio
import redis.exceptions

from libs.common.tls import TlsFiles, context_of, with_tls_files
from libs.local.ports import LOOPBACK
from libs.local.process import run_apart
from libs.local.servers import Server, ServerFailed
from libs.local.servers.nats import program as nats_program
from libs.local.servers.unprivileged import Unprivileged, find_unprivileged
from tests.support.certificates import Authority

HOST = "localhost"  # the only name that the servers' certificates have
PASSWORD = "a-password-of-the-test"


class TlsServer(Server):
    """What a client needs is `files`; `url(host)` asks for TLS."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        super().__init__(folder)
        self.shown = authority.issue(HOST)
        self.ca = authority.certificate
        client = authority.issue("client")
        self.files = TlsFiles(authority.certificate, client.certificate, client.key)

    def url(self, host: str = HOST) -> str:
        raise NotImplementedError

    @property
    def admin_url(self) -> str:
        return with_tls_files(self.url(), self.files)


class TlsPostgres(TlsServer):
    name: ClassVar[str] = "PostgreSQL"
    program_name: ClassVar[str] = "postgres"
    _user: Unprivileged | None = None

    def url(self, host: str = HOST) -> str:
        return f"postgresql://postgres:{PASSWORD}@{host}:{self.port}/postgres?sslmode=verify-full"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def workplace(self) -> Path:
        return self.data

    def as_user(self) -> Sequence[str]:
        return self._user.prefix if self._user else ()

    async def prepare(self) -> None:
        self.data.mkdir(mode=0o700)
        self.folder.chmod(0o711)
        self._user = find_unprivileged(self._program("postgres"), self.data)
        password = self.folder / "password"
        password.write_text(PASSWORD)
        for path in (self.data, password):
            os.chown(path, *self._user.owner)
        done = run_apart(
            [*self.as_user(), str(self._program("initdb")), f"--pgdata={self.data}", "--username=postgres", "--no-sync",
             "--auth=scram-sha-256", f"--pwfile={password}", "--encoding=UTF8", "--locale=C"],
            cwd=Path("/"),
        )  # fmt: skip
        if done.returncode != 0:
            raise ServerFailed(done.stderr)
        (self.data / "pg_hba.conf").write_text(
            "hostssl all certified all cert\nhostssl all all all scram-sha-256 clientcert=verify-ca\n"
        )
        for source, name in (
            (self.shown.certificate, "server.crt"),
            (self.shown.key, "server.key"),
            (self.ca, "root.crt"),
        ):
            shutil.copy(source, self.data / name)
        (self.data / "server.key").chmod(0o600)
        for path in self.data.iterdir():
            os.chown(path, *self._user.owner)

    def command(self) -> Sequence[str]:
        settings = {
            "listen_addresses": LOOPBACK, "port": str(self.port), "unix_socket_directories": "", "fsync": "off", "ssl": "on",
            "ssl_ca_file": "root.crt", "shared_buffers": "16MB",
        }  # fmt: skip
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self._program("postgres")), "-D", str(self.data), *options]

    @staticmethod
    def _program(name: str) -> Path:
        """Of the newest version that is installed as Debian does it, else on the path."""
        found = [*sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True), shutil.which(name)]
        for path in filter(None, found):
            config = run_apart([str(Path(path).parent / "pg_config"), "--configure"])
            if "ssl" in config.stdout:
                return Path(path)
        pytest.skip("no PostgreSQL with TLS is installed on this system")

    async def probe(self) -> Exception | None:
        try:
            connection = await asyncpg.connect(self.admin_url, timeout=5)
        except (OSError, asyncpg.PostgresError) as error:
            return error
        await connection.close()
        return None


class TlsNats(TlsServer):
    name: ClassVar[str] = "NATS"
    program_name: ClassVar[str] = "nats-server"
    logins: ClassVar[str] = f'{{ user: auth, password: "{PASSWORD}" }}'
    verify: ClassVar[str] = "verify"

    def url(self, host: str = HOST) -> str:
        return f"tls://auth:{PASSWORD}@{host}:{self.port}"

    async def prepare(self) -> None:
        (self.folder / "nats.conf").write_text(f"""
            listen: "{LOOPBACK}:{self.port}"
            authorization {self.logins}
            tls {{
              cert_file: "{self.shown.certificate}", key_file: "{self.shown.key}", ca_file: "{self.ca}", {self.verify}: true
            }}
        """)

    def command(self) -> Sequence[str]:
        return [nats_program(), "--config", str(self.folder / "nats.conf")]

    async def probe(self) -> Exception | None:
        try:
            connection = await nats.connect(
                self.url(), tls=context_of(self.files), allow_reconnect=False, connect_timeout=2, error_cb=_ignore
            )
        except (OSError, TimeoutError, nats.errors.Error) as error:
            return error
        await connection.close()
        return None


class MappingNats(TlsNats):
    """Whose certificate is for `client` is the user of that name, without a password."""

    logins: ClassVar[str] = "{ users: [{ user: client }] }"
    verify: ClassVar[str] = "verify_and_map"

    def url(self, host: str = HOST) -> str:
        return f"tls://{host}:{self.port}"


class TlsRedis(TlsServer):
    name: ClassVar[str] = "Redis"
    program_name: ClassVar[str] = "redis-server"

    def url(self, host: str = HOST) -> str:
        return f"rediss://:{PASSWORD}@{host}:{self.port}/0"

    def command(self) -> Sequence[str]:
        settings = {
            "bind": LOOPBACK, "port": "0", "tls-port": str(self.port), "requirepass": PASSWORD, "save": "",
            "tls-cert-file": str(self.shown.certificate), "tls-key-file": str(self.shown.key), "tls-ca-cert-file": str(self.ca),
            "tls-auth-clients": "yes", "dir": str(self.folder),
        }  # fmt: skip
        return [self._program(), *(part for name, value in settings.items() for part in (f"--{name}", value))]

    @staticmethod
    def _program() -> str:
        for name in ("valkey-server", "redis-server"):
            if (found := shutil.which(name)) and b"SSL_CTX_new" in Path(found).read_bytes():
                return found
        pytest.skip("no Redis or Valkey with TLS is installed on this system")

    async def prepare(self) -> None:
        self._program()

    async def probe(self) -> Exception | None:
        async with redis.asyncio.Redis.from_url(self.admin_url, socket_timeout=2, socket_connect_timeout=2) as client:
            try:
                await client.ping()
            except (redis.exceptions.RedisError, OSError) as error:
                return error
        return None


async def _ignore(_: Exception) -> None:
    """A refused connection is a result of the probe, not an error to print."""
