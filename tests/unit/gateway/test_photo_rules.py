"""People's photos: whose URLs are fetched, what counts as an image, how long one is kept."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from yarl import URL

from libs.google_sim.people.portraits import portrait
from services.gateway.domain.photos import (
    KEPT,
    KEPT_WITHOUT_PHOTO,
    MAX_BYTES,
    SLOTS,
    Photo,
    kept_form,
    photo_source,
    read_kept,
    read_photo,
    slot_of,
)
from services.gateway.photos import _read

GOOGLES = "https://lh3.googleusercontent.com/a/ABC=s100"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 20


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://lh3.googleusercontent.com/a",
        "https://lh3.googleusercontent.com",
        "https://lh3.googleusercontent.com/",
        "https://lh3.googleusercontent.com:8443/a",
        "https://user@lh3.googleusercontent.com/a",
        "https://user:secret@lh3.googleusercontent.com/a",
        "https://lh3.googleusercontent.com.evil.example/a",
        "https://evil.example/lh3.googleusercontent.com/a",
        "https://evil.example/https://lh3.googleusercontent.com/a",
        "https://lh3.googleusercontent.com@evil.example/a",
        "https://lh3.googleusercontent.com\\@evil.example/a",
        "https://xlh3.googleusercontent.com/a",
        "https://lh3-googleusercontent.com/a",
        "https://googleusercontent.com/a",
        "https://sites.googleusercontent.com/a",
        "https://lh3.googleusercontent.com./a",
        "https://ｌh3.googleusercontent.com/a",
        "https://127.0.0.1/a",
        "https://[::1]/a",
        "https://169.254.169.254/latest/meta-data",
        "https://localhost/a",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        "//lh3.googleusercontent.com/a",
        "https://lh3.googleusercontent.com/a\r\nHost: evil.example",
        "https://lh3.googleusercontent.com/a b\n",
        "https://[lh3.googleusercontent.com/a",
        "https://lh3.googleusercontent.com:x/a",
        f"{GOOGLES}{'x' * 2_000}",
    ],
)
def test_only_a_photo_at_google_is_fetched(url: str) -> None:
    assert photo_source(url) is None
    assert photo_source(url, "http://127.0.0.1:9000") is None


@pytest.mark.parametrize(
    ("url", "root", "source"),
    [
        (GOOGLES, "", GOOGLES),
        ("https://LH4.googleusercontent.com/-x/photo.jpg?sz=50", "", "https://lh4.googleusercontent.com/-x/photo.jpg?sz=50"),
        ("https://lh3.googleusercontent.com/a%2Fb", "", "https://lh3.googleusercontent.com/a%2Fb"),
        (GOOGLES, "http://127.0.0.1:9000/", "http://127.0.0.1:9000/a/ABC=s100"),
        (GOOGLES, "http://127.0.0.1:9000/google", "http://127.0.0.1:9000/google/a/ABC=s100"),
        ("https://lh3.googleusercontent.com/../../x", "http://127.0.0.1:9000", "http://127.0.0.1:9000/x"),
        ("https://lh3.googleusercontent.com//evil.example/x", "http://127.0.0.1:9000", "http://127.0.0.1:9000//evil.example/x"),
    ],
)  # fmt: skip
def test_a_photo_is_fetched_from_google_or_from_who_stands_in_for_it(url: str, root: str, source: str) -> None:
    assert str(photo_source(url, root)) == source


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (portrait("a"), "image/png"),
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0" + b"x" * 20, "image/jpeg"),
        (b"GIF89a" + b"x" * 20, "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVE", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", None),
        (b"<!doctype html><script>alert(1)</script>", None),
        (b" \x89PNG\r\n\x1a\n", None),
        (b"", None),
        (PNG + b"x" * MAX_BYTES, None),
    ],
)
def test_an_image_is_known_by_its_first_bytes(content: bytes, content_type: str | None) -> None:
    photo = read_photo(content)
    assert (photo.content_type if photo else None) == content_type


def test_what_was_fetched_is_kept_for_a_while_and_of_no_photo_for_a_shorter_one() -> None:
    source, other = URL(GOOGLES), URL(f"{GOOGLES}-c")
    photo, second = Photo(PNG, "image/png"), timedelta(seconds=1)
    for found, life in ((photo, KEPT), (None, KEPT_WITHOUT_PHOTO)):
        kept = kept_form(source, found, NOW)
        assert read_kept(kept, source, NOW + life - second) == (True, found)
        assert read_kept(kept, source, NOW + life)[0] is False
        assert read_kept(kept, other, NOW)[0] is False, "another photo of the same slot"
    assert read_kept(b"", source, NOW)[0] is False


def test_a_user_s_photos_take_so_many_places() -> None:
    assert {slot_of(URL(f"{GOOGLES}{number}")) for number in range(20_000)} == set(range(SLOTS))


class LargeBody:
    """A body of a hundred chunks; `read` is how many of them were wanted."""

    read = 0

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        for _ in range(100):
            self.read += 1
            yield b"x" * size


async def test_of_what_is_too_large_for_a_photo_no_more_is_read() -> None:
    body = LargeBody()
    assert await _read(SimpleNamespace(content=body)) == b""  # type: ignore[arg-type]
    assert body.read < 20
