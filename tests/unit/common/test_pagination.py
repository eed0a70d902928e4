"""Page tokens: what a list gave out is read back, anything else is refused."""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from uuid import UUID

import pytest

from libs.common.errors import Refused
from libs.common.pagination import decode_page_token, encode_page_token

AT = datetime(2026, 1, 1, tzinfo=UTC)


def raw(json: str) -> str:
    return urlsafe_b64encode(json.encode()).decode()


def test_a_page_token_gives_back_its_position() -> None:
    id_ = UUID(int=5)
    assert decode_page_token(encode_page_token(3, AT.isoformat(), id_), int, datetime, UUID) == (3, AT, id_)
    assert decode_page_token(None, int) is None


@pytest.mark.parametrize(
    "broken",
    ["", "?", "e30", "W10", "not base64", encode_page_token("x", 5), encode_page_token(1), encode_page_token(True, UUID(int=1)), "ÿ",
     raw(f'[{2**70},"{UUID(int=1)}"]'), encode_page_token(1.5, UUID(int=1))],
)  # fmt: skip
def test_a_broken_page_token_is_refused(broken: str) -> None:
    with pytest.raises(Refused) as refused:
        decode_page_token(broken, int, UUID)
    assert refused.value.status == 400
