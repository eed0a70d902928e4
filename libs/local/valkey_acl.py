"""The users of a Valkey or Redis server, out of cache_access.py: each service's login opens the keys of its own namespaces."""

from hashlib import sha256

from libs.common.cache_access import COMMANDS, NAMESPACES
from libs.common.ids import SERVICES, Service
from libs.local.secrets import REDIS_ADMIN, Secrets, redis_password_name

DEPLOYED_HEADER = """\
#!/bin/sh
# The Valkey of docker-compose.yml. Written by `pingcrm redis-acl --env`; a test compares.
# Passwords come from the environment: `pingcrm secrets` makes them. They stay in memory, in a file for this user alone: a command line can
# be read by everybody on the machine.
"""


def rules(service: Service) -> tuple[str, ...]:
    """What the user of a service may do, without its password. Valid from Redis 7.2 on."""
    keys = (f"~{namespace}:*" for namespace in NAMESPACES[service])
    commands = (f"+{command}" for command in COMMANDS)
    return ("on", *keys, "resetchannels", "-@all", *commands)


def acl(secrets: Secrets) -> str:
    """A line for each service, as an ACL file and as a server's configuration read it. It holds hashes of the passwords."""
    return "".join(_line(service, secrets.redis(service)) for service in SERVICES)


def deployed() -> str:
    """A script that starts Valkey with these users, their passwords out of its environment. Its arguments are Valkey's.

    It keeps its data where it starts, in its container that is the volume. Half of the container's memory: what writes the file anew may
    need the same again.
    """
    settings = {
        "appendonly": "yes",
        "maxmemory": "256mb",
        "maxmemory-policy": "noeviction",
        "requirepass": f"${REDIS_ADMIN}",
    }
    users = (" ".join(("user", service, f">${redis_password_name(service)}", *rules(service))) for service in SERVICES)
    lines = "".join(f"{line}\n" for line in (*map(" ".join, settings.items()), *users))
    file = '"${TMPDIR:-/tmp}/valkey.conf"'
    return f'{DEPLOYED_HEADER}set -eu\numask 077\ncat > {file} <<END\n{lines}END\nexec valkey-server {file} "$@"\n'


def _line(service: Service, password: str) -> str:
    return " ".join(("user", service, f"#{sha256(password.encode()).hexdigest()}", *rules(service))) + "\n"
