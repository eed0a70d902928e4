"""Settings that are lists: what they are split into, and what is no entry."""

import pytest
from pydantic import ValidationError

from libs.common.config import Settings


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("", ("first",)),  # a variable that is set to nothing opens nothing
        ("first", ("first",)),
        ("Open", ("open",)),
        ("ann@example.org", ("ann@example.org",)),
        (" Ann.Lee+crm@GoogleMail.com , @Example.ORG,", ("annlee@gmail.com", "@example.org")),
        ("@bücher.example", ("@xn--bcher-kva.example",)),
    ],
)
def test_who_may_sign_up_is_a_word_or_a_list_of_canonical_entries(written: str, rule: tuple[str, ...]) -> None:
    settings = Settings(sign_up=written)
    assert settings.sign_up == rule
    assert Settings(**settings.model_dump()).sign_up == rule, "what was read once is read the same again"


@pytest.mark.parametrize(
    "written", ["first,open", "open,ann@example.org", "closed", "example.org", "@", "ann@", "a b@c.d"]
)
def test_what_is_neither_word_nor_list_is_refused(written: str) -> None:
    with pytest.raises(ValidationError):
        Settings(sign_up=written)


def test_operators_are_addresses_and_no_domains() -> None:
    assert Settings(operators="Ann@Example.org, bob@example.org").operators == ("ann@example.org", "bob@example.org")
    with pytest.raises(ValidationError):
        Settings(operators="@example.org")


def test_trusted_proxies_are_addresses_and_networks() -> None:
    settings = Settings(trusted_proxies="10.0.0.0/8, 192.0.2.1,2001:db8::/32")
    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32"]
    assert Settings(**settings.model_dump()).trusted_proxies == settings.trusted_proxies
    assert Settings(trusted_proxies="").trusted_proxies == ()


def test_networks_of_webhooks_are_read_as_those_of_proxies_and_there_are_none_at_first() -> None:
    assert [str(network) for network in Settings(webhook_allow="10.0.0.0/8,::1").webhook_allow] == [
        "10.0.0.0/8", "::1/128",
    ]  # fmt: skip
    assert Settings().webhook_allow == ()
    with pytest.raises(ValidationError, match="name addresses or networks"):
        Settings(webhook_allow="10.0.0.1/8")


@pytest.mark.parametrize("written", ["proxy", "10.0.0.1/8", "10.0.0.0/33", "*"])
def test_what_is_no_network_is_refused(written: str) -> None:
    with pytest.raises(ValidationError, match="name addresses or networks"):
        Settings(trusted_proxies=written)


def test_a_url_of_postgresql_may_list_hosts_and_one_of_nats_servers() -> None:
    standby = "postgresql://ann:pw@127.0.0.1:20001,127.0.0.1:20002/pingcrm?target_session_attrs=read-write"
    servers = "nats://ann:pw@127.0.0.1:4222, nats://ann:pw@127.0.0.1:4223"
    settings = Settings(postgres_url=standby, nats_url=servers)
    assert (settings.postgres_url, settings.nats_url) == (standby, servers)
    with pytest.raises(ValidationError, match="nats:// is missing"):
        Settings(nats_url=f"{servers},http://127.0.0.1:4224")
