"""What is published together is bounded in number and in bytes, and comes in order."""

from hypothesis import given
from hypothesis import strategies as st

from libs.common.bus.payloads import BYTES_AT_ONCE, PUBLISHES_AT_ONCE, EncodedEvent, in_chunks

sizes = st.lists(st.sampled_from([1, 10, 1_000_000, BYTES_AT_ONCE, BYTES_AT_ONCE + 1]), max_size=30)
EMPTY = EncodedEvent("a", b"", {}, broadcast=False)


@given(sizes, st.integers(0, 1_200))
def test_chunks_hold_everything_in_order_and_within_their_limits(large: list[int], small: int) -> None:
    body = b"x" * (BYTES_AT_ONCE + 1)
    messages = [EncodedEvent(str(number), body[:size], {}, broadcast=False) for number, size in enumerate(large)]
    messages += [EMPTY] * small
    chunks = list(in_chunks(messages))
    assert [message for chunk in chunks for message in chunk] == messages
    for chunk in chunks:
        assert 1 <= len(chunk) <= PUBLISHES_AT_ONCE
        assert len(chunk) == 1 or sum(message.size_bytes for message in chunk) <= BYTES_AT_ONCE
