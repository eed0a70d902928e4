"""Who may do what in Redis: the namespaces of keys that each service works in, and the commands that it needs for that.

`cache.py` puts a key into a namespace; `libs/local/valkey_acl.py` makes the users of it, so that the login of a service opens nothing
of another's.
"""

from collections.abc import Mapping
from typing import Literal, assert_never

from libs.common.ids import SERVICES, Service

Namespace = Service | Literal["google", "meeting_prep"]
"""What a key begins with, before the first colon."""


def namespaces_of(service: Service) -> tuple[Namespace, ...]:
    """Its own first.

    `google` is shared by those who read and send mail: Gmail's quota is counted for all of them together. `meeting_prep` is prep's,
    under the name that people and programs know its keys by.
    """
    match service:
        case "sync":
            return ("sync", "google")
        case "prep":
            return ("prep", "meeting_prep", "google")
        case "auth" | "contacts" | "gateway":
            return (service,)
        case _:
            assert_never(service)


NAMESPACES: Mapping[Service, tuple[Namespace, ...]] = {service: namespaces_of(service) for service in SERVICES}

# What cache.py and the scripts call, and what its client calls by itself. None of them lists keys, reads other connections or changes
# the server: those would see past the namespaces.
COMMANDS: tuple[str, ...] = (
    "get", "set", "getdel", "del", "incrby", "pexpire", "pttl",
    "hget", "hmget", "hset", "hgetall", "hdel", "hincrby", "time",
    "evalsha", "script|load", "multi", "exec", "discard",
    "ping", "select", "client|setinfo", "client|setname",
)  # fmt: skip
