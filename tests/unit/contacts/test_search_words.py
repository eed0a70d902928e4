"""What is stored of a text for search, and what a typed text looks for: also in scripts without blanks between words."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contacts.domain.text import MAX_PAIRS, folded, search_terms, searched_words, words


def finds(typed: str, written: str) -> bool:
    """As the index does: each beginning begins a stored word, and what has to stand together does."""
    stored, terms = searched_words(written), search_terms(typed)
    begins = all(any(word.startswith(begin) for word in stored.split()) for begin in terms.begins)
    return bool(terms.begins) and begins and all(stretch in stored for stretch in terms.stretches)


@pytest.mark.parametrize(
    ("typed", "written", "found"),
    [
        ("王", "王小明", True), ("小", "王小明", True), ("明", "王小明", True), ("小明", "王小明", True), ("王明", "王小明", False),
        ("田中", "株式会社田中", True), ("中株", "株式会社田中", False), ("太郎", "山田太郎", True), ("タロウ", "やまだタロウ", True),
        ("김", "김철수", True), ("철수", "김철수", True), ("철", "김철수", True), ("김철ㅅ", "김철수", True), ("ㄱ", "김철수", True),
        ("김수", "김철수", False), ("수철", "김철수", False), ("田中次", "田中 中次", False), ("田中次", "山田中次郎", True),
        ("abc株式", "ABC株式会社", True), ("abc", "株式会社ABC", True), ("会社", "株式会社ABC", True), ("สม", "สมชาย", True),
        ("ชาย", "สมชาย", True), ("ann", "Joanna", False), ("jo", "Joanna", True), ("𠮷", "𠮷野家", True), ("野家", "𠮷野家", True),
        ("", "王小明", False), ("、。", "王小明", False),
    ],
)  # fmt: skip
def test_any_stretch_of_a_name_is_found(typed: str, written: str, found: bool) -> None:
    assert finds(typed, written) is found


def test_words_with_blanks_are_stored_as_they_are() -> None:
    assert searched_words("Zoë Lee", "j.doe@acme.example") == words("Zoë Lee", "j.doe@acme.example")
    assert searched_words("") == ""
    assert search_terms("Zoë LEE").begins == search_terms("Zoë LEE").wholes == ("zoe", "lee")


letters = st.text(alphabet="王小明田中さんタロ김철수각abcé", min_size=1, max_size=12)


@given(letters, st.data())
def test_every_stretch_of_a_word_is_found_that_begins_no_latin_word_in_its_midst(
    written: str, data: st.DataObject
) -> None:
    begin = data.draw(st.integers(0, len(written) - 1))
    end = data.draw(st.integers(begin + 1, len(written)))
    in_the_midst = begin and all(folded(character).isascii() for character in written[begin - 1 : begin + 1])
    if not in_the_midst:
        assert finds(written[begin:end], written)


def test_endless_texts_are_cut_to_what_an_index_takes() -> None:
    random = Random(1)
    note = "".join(chr(random.randrange(0xAC00, 0xD7A3)) for _ in range(50_000))
    assert len(searched_words(note).split()) <= MAX_PAIRS + 1
    terms = search_terms("㌀" * 200 + " " + " ".join(f"w{n}" for n in range(50)))
    assert len(terms.wholes) == 10
    assert all(len(word.encode()) < 2_046 for word in (*terms.wholes, *terms.begins, *terms.stretches))
