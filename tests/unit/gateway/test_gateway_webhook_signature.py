"""How calls to a user's webhook are signed: by the Standard Webhooks specification."""

from base64 import b64decode
from uuid import UUID

from pydantic import SecretStr

from libs.common.ids import UserId
from services.gateway.domain.webhook_delivery import WebhookMessage, signed_headers, webhook_secret

USER = UserId(UUID(int=1))


def test_webhook_secrets_differ_by_user_and_key_and_reveal_nothing_of_the_key() -> None:
    old, new = SecretStr("first-key"), SecretStr("second-key")
    secrets = {webhook_secret(key, UserId(UUID(int=user))) for key in (old, new) for user in (1, 2)}
    assert len(secrets) == 4
    assert all("key" not in secret for secret in secrets)
    assert webhook_secret(old, USER) == webhook_secret(old, USER)
    for secret in secrets:
        assert secret.startswith("whsec_")
        assert len(b64decode(secret.removeprefix("whsec_"), validate=True)) == 24, "as many bytes as it has to have"


def test_a_call_is_signed_as_in_the_example_of_the_specification() -> None:
    message = WebhookMessage("msg_p5jXN8AQM9LWM0D4loKWxJek", "test", b'{"test": 2432232314}')
    assert signed_headers(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], message, 1614265330) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_signature_covers_id_time_and_body_and_there_is_one_per_secret() -> None:
    secrets = [webhook_secret(SecretStr(key), USER) for key in ("a", "b")]
    message = WebhookMessage("id", "type", b"{}")

    def signature(of: WebhookMessage, timestamp: int = 1767225600) -> str:
        return signed_headers(secrets, of, timestamp)["webhook-signature"]

    first, second = signature(message).split(" ")
    assert first.startswith("v1,")
    assert first != second
    others = [
        signature(message, 1767225601), signature(message._replace(body=b"{ }")), signature(message._replace(id="ie")),
    ]  # fmt: skip
    assert not {first, second} & {code for other in others for code in other.split(" ")}
