"""The configuration file of a NATS server: users and what each may publish and subscribe to, out of topology.py."""

import json
from collections.abc import Callable, Sequence

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


def embedded(
    host: str, port: int, store: str, passwords: dict[str, str], integrations: Sequence[Integration] = ()
) -> str:
    """For one machine: loopback, with the passwords in the file (write it 0600)."""
    server = [
        "server_name: pingcrm",
        f"listen: {json.dumps(f'{host}:{port}')}",
        f"jetstream {{ store_dir: {json.dumps(store)}, max_memory_store: 64MB }}",
    ]
    logins = _integrations(integrations, passwords[ADMIN])
    return EMBEDDED_HEADER + _render(server, lambda user: json.dumps(passwords[user]), logins)


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
