"""Handing a brief to Gmail: how long its response is waited for."""

import asyncio
from typing import Any, cast

import pytest

from libs.common.errors import Outage, Throttled
from services.prep import sending
from services.prep.sending import SEND_TIMEOUT_SECONDS, Unconfirmed, _send
from services.prep.store.preps import LEASE


class Gmail:
    """Raises what it is given; without that it never replies."""

    def __init__(self, failure: Exception | None = None) -> None:
        self._failure = failure

    async def send(self, _: bytes) -> str:
        if self._failure:
            raise self._failure
        await asyncio.Event().wait()
        return ""


async def test_a_gmail_that_never_replies_has_not_confirmed_before_the_lease_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert LEASE.total_seconds() > SEND_TIMEOUT_SECONDS
    monkeypatch.setattr(sending, "SEND_TIMEOUT_SECONDS", 0.02)
    async with asyncio.timeout(10):  # only to end what hangs
        with pytest.raises(Unconfirmed):
            await _send(cast(Any, Gmail()), b"")


@pytest.mark.parametrize(("failure", "raised"), [(Outage("away"), Unconfirmed), (Throttled("slower"), Throttled)])
async def test_only_what_gmail_certainly_did_not_send_is_no_matter_of_doubt(
    failure: Outage, raised: type[Outage]
) -> None:
    with pytest.raises(raised) as caught:
        await _send(cast(Any, Gmail(failure)), b"")
    assert type(caught.value) is raised
