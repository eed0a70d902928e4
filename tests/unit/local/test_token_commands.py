"""`pingcrm token`: what a person types arrives at the command of `auth` as it was meant."""

import os
from argparse import Namespace
from uuid import UUID

import pytest
from typer.testing import CliRunner

from libs.common.requests import TOKEN_SCOPES
from libs.local.cli import app
from libs.local.token_commands import Scope
from services.auth.token_command import parser

SERVERS = {
    "PINGCRM_POSTGRES_URL": "postgresql://auth@db/pingcrm",
    "PINGCRM_NATS_URL": "nats://auth@bus",
    "PINGCRM_REDIS_URL": "redis://auth@cache",
}
ID = UUID(int=7)


class Became(Exception):
    """The process has become another."""


@pytest.mark.parametrize(
    ("typed", "arrived"),
    [
        (
            ("create", "my script", "--user", "a@b.example", "--scope", "read", "--scope", "write", "--days", "9"),
            {"action": "create", "name": "my script", "user": "a@b.example", "scope": ["read", "write"], "days": 9},
        ),
        (
            ("create", "--", "--days"),
            {"action": "create", "name": "--days", "user": None, "scope": None, "days": 365},
        ),
        (("list",), {"action": "list", "user": None, "as_json": False}),
        (("list", "--user=-", "--json"), {"action": "list", "user": "-", "as_json": True}),
        (("revoke", str(ID), "--user", "a@b"), {"action": "revoke", "id": ID, "user": "a@b"}),
    ],
)
def test_what_is_typed_is_what_auth_carries_out(
    typed: tuple[str, ...], arrived: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    became: list[list[str]] = []

    def execve(_: str, arguments: list[str], environment: dict[str, str]) -> None:
        assert environment["PINGCRM_POSTGRES_URL"] == SERVERS["PINGCRM_POSTGRES_URL"]
        became.append(arguments)
        raise Became

    monkeypatch.setattr(os, "execve", execve)
    monkeypatch.setattr(os, "chdir", lambda _: None)
    ended = CliRunner().invoke(app, ["token", *typed], env=SERVERS)
    assert isinstance(ended.exception, Became), ended.output
    assert became[0][1:4] == ["-m", "libs.local.foreground", "services.auth.token_command"]
    assert parser().parse_args(became[0][4:]) == Namespace(**arrived)


def test_every_scope_can_be_chosen() -> None:
    assert tuple(Scope) == TOKEN_SCOPES


@pytest.mark.parametrize(
    "typed",
    [("create",), ("create", "x", "--scope", "all"), ("create", "x", "--days", "0"), ("revoke", "x"), ("revoke",)],
)
def test_what_can_be_no_token_is_wrong_usage(typed: tuple[str, ...]) -> None:
    assert CliRunner().invoke(app, ["token", *typed], env=SERVERS).exit_code == 2
