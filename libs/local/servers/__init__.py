"""PostgreSQL, NATS and Valkey out of Python wheels, on free loopback ports, each with its data in one folder."""

from libs.local.servers.nats import Nats
from libs.local.servers.postgres import Postgres
from libs.local.servers.server import Server, ServerFailed
from libs.local.servers.valkey import Valkey

__all__ = ["Nats", "Postgres", "Server", "ServerFailed", "Valkey"]
