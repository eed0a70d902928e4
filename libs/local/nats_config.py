"""The configuration file of a NATS server: users and what each may publish and subscribe to, out of topology.py."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from libs.common.topology import MAX_PAYLOAD_BYTES, Permissions, all_permissions, integration_permissions
from libs.local.integrations import Integration
from libs.local.secrets import ADMIN, Secrets, nats_password_name

Password = Callable[[str], str]
"""The password of a user as it is written in the file."""

EMBEDDED_HEADER = """\
# Written at each start from libs/common/topology.py.
"""
DEPLOYED_HEADER = """\
# The NATS server of a deployment. Written by `pingcrm nats-config --env`; a test compares.
# Passwords come from the environment: `pingcrm secrets` makes them.
"""


@dataclass(frozen=True)
class Membership:
    """A server's place in a cluster: its name there, its port for the other servers, and theirs."""

    name: str
    port: int
    others: tuple[int, ...]


def embedded(
    host: str,
    port: int,
    store: str,
    passwords: dict[str, str],
    integrations: Sequence[Integration] = (),
    membership: Membership | None = None,
) -> str:
    """For one machine: loopback, with the passwords in the file (write it 0600). `membership`: where it is one of several."""
    server = [
        f"server_name: {membership.name if membership else 'pingcrm'}",
        f"listen: {json.dumps(f'{host}:{port}')}",
        f"jetstream {{ store_dir: {json.dumps(store)}, max_memory_store: 64MB }}",
    ]
    if membership:
        server += _cluster(host, membership, passwords[ADMIN])
    logins = _integrations(integrations, passwords[ADMIN])
    return EMBEDDED_HEADER + _render(server, lambda user: json.dumps(passwords[user]), logins)


def _cluster(host: str, membership: Membership, password: str) -> list[str]:
    """Servers of a cluster ask each other for the administrator's password: who is one of them sees everything."""
    routes = [json.dumps(f"nats-route://{ADMIN}:{password}@{host}:{port}") for port in membership.others]
    return [
        "cluster {",
        "  name: pingcrm",
        f"  listen: {json.dumps(f'{host}:{membership.port}')}",
        f"  authorization {{ user: {ADMIN}, password: {json.dumps(password)} }}",
        f"  routes: [{', '.join(routes)}]",
        "}",
    ]


def deployed(secrets: Secrets | None = None, integrations: Sequence[Integration] = (), key: str = "") -> str:
    """For a server of its own: all interfaces; monitoring, which asks for no password, for health checks in the same container.

    Passwords are references to the server's environment, or those in `secrets`; those of integrations, derived from `key`, stand there.
    """
    logins = _integrations(integrations, key)
    server = [
        'listen: "0.0.0.0:4222"',
        'http: "127.0.0.1:8222"',
        'jetstream { store_dir: "/data" }',
    ]
    if secrets is None:
        return DEPLOYED_HEADER + _render(server, lambda user: f"${nats_password_name(user)}", logins)
    return _render(server, lambda user: json.dumps(secrets.nats(user)), logins)


def _integrations(integrations: Sequence[Integration], key: str) -> list[str]:
    return [
        _user(integration_permissions(integration.name, integration.grants), json.dumps(integration.password(key)))
        for integration in integrations
    ]


def _render(server: Sequence[str], password: Password, integrations: Sequence[str]) -> str:
    server = [*server, f"max_payload: {MAX_PAYLOAD_BYTES}"]
    users = [f"    {{ user: {ADMIN}, password: {password(ADMIN)} }}"]
    users += [_user(permissions, password(permissions.user)) for permissions in all_permissions()]
    users += integrations
    return "\n".join([*server, "", "authorization {", "  users = [", *users, "  ]", "}", ""])


def _user(permissions: Permissions, password: str) -> str:
    lines = [
        "    {",
        f"      user: {permissions.user}, password: {password}",
        "      permissions {",
        f"        publish {{ allow: {_subjects(permissions.publish)} }}",
        f"        subscribe {{ allow: {_subjects(permissions.subscribe)} }}",
    ]
    if permissions.may_respond:
        lines.append("        allow_responses: true")
    return "\n".join([*lines, "      }", "    }"])


def _subjects(subjects: Sequence[str]) -> str:
    rows = "".join(f"          {json.dumps(subject)}\n" for subject in subjects)
    return f"[\n{rows}        ]"
