"""How calls to a user's webhook are signed."""

from uuid import UUID

from pydantic import SecretStr

from libs.common.ids import UserId
from services.gateway.domain.webhook_delivery import webhook_secret, webhook_signature

USER = UserId(UUID(int=1))


def test_webhook_secrets_differ_by_user_and_key_and_reveal_nothing_of_the_key() -> None:
    old, new = SecretStr("first-key"), SecretStr("second-key")
    secrets = {webhook_secret(key, UserId(UUID(int=user))) for key in (old, new) for user in (1, 2)}
    assert len(secrets) == 4
    assert all("key" not in secret for secret in secrets)
    assert webhook_secret(old, USER) == webhook_secret(old, USER)


def test_a_signature_covers_time_and_body_and_has_one_code_per_key() -> None:
    header = webhook_signature(["a", "b"], 1767225600, b"{}")
    time, first, second = header.split(",")
    assert time == "t=1767225600"
    assert first.startswith("v1=")
    assert first != second
    assert webhook_signature(["a"], 1767225601, b"{}").partition(",")[2] != first
    assert webhook_signature(["a"], 1767225600, b"{ }").partition(",")[2] != first
