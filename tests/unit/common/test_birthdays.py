"""What is read as a birthday, and what is not."""

from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from libs.common.birthdays import Birthday, read_birthday


@pytest.mark.parametrize(
    ("text", "birthday"),
    [
        ("1985-03-21", Birthday(3, 21, 1985)), ("0001-01-01", Birthday(1, 1, 1)), ("9999-12-31", Birthday(12, 31, 9999)),
        ("--12-24", Birthday(12, 24)), ("--01-01", Birthday(1, 1)),
        ("2000-02-29", Birthday(2, 29, 2000)), ("2024-02-29", Birthday(2, 29, 2024)), ("--02-29", Birthday(2, 29)),
    ],
)  # fmt: skip
def test_a_day_is_read_with_its_year_where_that_is_known(text: str, birthday: Birthday) -> None:
    assert read_birthday(text) == birthday


@pytest.mark.parametrize(
    "text",
    [
        "1985-02-29", "1900-02-29", "--02-30", "--04-31", "--13-01", "--00-01", "--01-00", "1985-01-32", "0000-01-01",
    ],
)  # fmt: skip
def test_a_day_that_there_is_not_is_refused(text: str) -> None:
    assert read_birthday(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "", "-", "--", "in spring", "1985", "1985-03", "19850321", "--0321", "85-03-21", "1985-3-21", "-1985-03-21", "-03-21", "---03-21",
        "1985-03-21 ", " 1985-03-21", "1985-03-21\n", "1985-03-21T00:00", "1985/03/21", "1985-W12-4", "+985-03-21", "1_85-03-21",
        "١٩٨٥-٠٣-٢١", "--0३-21", "１９８５-03-21", "1985–03–21",
    ],
)  # fmt: skip
def test_what_is_written_another_way_is_refused(text: str) -> None:
    assert read_birthday(text) is None


@given(st.dates())
def test_every_day_is_read_as_it_is_written(day: date) -> None:
    assert read_birthday(day.isoformat()) == Birthday(day.month, day.day, day.year)
    assert read_birthday(f"--{day:%m-%d}") == Birthday(day.month, day.day)


@example("--02-29")
@example("2023-02-29")
@given(
    st.text() | st.from_regex(r"(\d{4}|-)-\d\d-\d\d", fullmatch=True) | st.text("0123456789-", min_size=7, max_size=10)
)
def test_whatever_is_read_is_a_day_written_so(text: str) -> None:
    birthday = read_birthday(text)
    if birthday:
        day = date(birthday.year or 2000, birthday.month, birthday.day)
        assert text == (day.isoformat() if birthday.year else f"--{day.isoformat()[5:]}")
