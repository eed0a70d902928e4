"""The users of a Valkey or Redis server, out of cache_access.py: each service's login opens the keys of its own namespaces."""

from hashlib import sha256

from libs.common.cache_access import COMMANDS, NAMESPACES
from libs.common.ids import SERVICES, Service
from libs.local.secrets import Secrets


def rules(service: Service) -> tuple[str, ...]:
    """What the user of a service may do, without its password. Valid from Redis 7.2 on."""
    keys = (f"~{namespace}:*" for namespace in NAMESPACES[service])
    commands = (f"+{command}" for command in COMMANDS)
    return ("on", *keys, "resetchannels", "-@all", *commands)


def acl(secrets: Secrets) -> str:
    """A line for each service, as an ACL file and as a server's configuration read it. It holds hashes of the passwords."""
    return "".join(_line(service, secrets.redis(service)) for service in SERVICES)


def _line(service: Service, password: str) -> str:
    return " ".join(("user", service, f"#{sha256(password.encode()).hexdigest()}", *rules(service))) + "\n"
