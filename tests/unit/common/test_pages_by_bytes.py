"""A list is cut into pages of at most so many items and bytes: nothing is lost, doubled or left alone for no reason."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from libs.common.pagination import PAGE_BYTES, cut_page, decode_page_token, json_bytes
from libs.common.requests.contacts.people import Phone

Item = tuple[int, str]
items = st.lists(st.text(max_size=60), max_size=40).map(lambda texts: list(enumerate(texts)))
limits = st.integers(1, 12)
budgets = st.integers(1, 300)


def position(item: Item) -> tuple[int]:
    return (item[0],)


def pages(all_items: list[Item], limit: int, budget: int) -> list[tuple[Item, ...]]:
    """All pages, read as a client reads them: from token to token."""
    found: list[tuple[Item, ...]] = []
    token: str | None = None
    while not found or token is not None:
        after = decode_page_token(token, int)
        begin = after[0] + 1 if after else 0
        page, token = cut_page(all_items[begin : begin + limit + 1], limit, position, budget_bytes=budget)
        found.append(page)
    return found


def bytes_of(page: tuple[Item, ...]) -> int:
    return sum(json_bytes(item) + 1 for item in page)


@given(items, limits, budgets)
def test_from_token_to_token_every_item_comes_once_and_in_order(all_items: list[Item], limit: int, budget: int) -> None:
    assert [item for page in pages(all_items, limit, budget) for item in page] == all_items


@given(items, limits, budgets)
def test_a_page_keeps_to_both_limits_but_has_always_an_item(all_items: list[Item], limit: int, budget: int) -> None:
    for page in pages(all_items, limit, budget):
        assert len(page) <= limit
        assert len(page) == 1 or bytes_of(page) <= budget
        assert page or not all_items


@given(items, limits, budgets)
def test_a_page_takes_all_that_fits(all_items: list[Item], limit: int, budget: int) -> None:
    found = pages(all_items, limit, budget)
    for page, following in pairwise(found):
        assert len(page) == limit or bytes_of((*page, following[0])) > budget


@given(items, limits, budgets)
def test_the_last_page_has_no_token_and_the_others_have_one(all_items: list[Item], limit: int, budget: int) -> None:
    page, token = cut_page(all_items[: limit + 1], limit, position, budget_bytes=budget)
    assert (token is None) == (len(page) == len(all_items))


def test_an_item_larger_than_a_page_comes_alone() -> None:
    large = "x" * PAGE_BYTES
    page, token = cut_page([(0, large), (1, "small")], 10, position)
    assert page == ((0, large),)
    assert decode_page_token(token, int) == (0,)


def test_the_size_of_an_item_is_what_it_has_on_the_wire() -> None:
    phone = Phone(shown="٠٣٠ 1234567", e164=None)
    assert json_bytes(phone) == len(phone.model_dump_json().encode())
    assert json_bytes({"name": "ä"}) == len('{"name":"ä"}'.encode())
    assert json_bytes(Phone(shown="\n" * 100)) > 200  # escaped


def test_rows_are_cut_by_the_size_of_what_is_shown_of_them() -> None:
    shown = [(number, Phone(shown="x" * 100)) for number in range(5)]
    page, token = cut_page(
        shown, 10, lambda pair: (pair[0],), size_bytes=lambda pair: json_bytes(pair[1]), budget_bytes=300
    )
    assert [number for number, _ in page] == [0, 1]
    assert decode_page_token(token, int) == (1,)
