"""People's photos: which URLs are Google's, what an image looks like, and how one is kept for a while. Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from yarl import URL

MAX_BYTES = 200_000
MAX_URL = 2_000
KEPT, KEPT_WITHOUT_PHOTO = timedelta(days=1), timedelta(hours=1)
SLOTS = 256
"""So many photos are kept for one user; another one takes the place of one of them."""

_GOOGLES = re.compile(r"lh[3-6]\.googleusercontent\.com")
_DIGEST, _MOMENT = 32, 8


@dataclass(frozen=True)
class Photo:
    """An image, whole and of a type that was looked at."""

    content: bytes
    content_type: str

    @property
    def etag(self) -> str:
        return sha256(self.content).hexdigest()[:32]


def photo_source(url: str, google_root: str = "") -> URL | None:
    """Where the photo is fetched from; None where the URL is not that of a photo at Google. `google_root`: who stands in for Google."""
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable():
        return None
    try:
        parsed = URL(url)
        host, port = parsed.host or "", parsed.explicit_port
    except ValueError:
        return None
    if parsed.scheme != "https" or parsed.user is not None or parsed.password is not None or port is not None:
        return None
    if not _GOOGLES.fullmatch(host) or parsed.raw_path in ("", "/"):
        return None
    root = URL(google_root.rstrip("/")) if google_root else URL.build(scheme="https", host=host)
    return URL(f"{root.origin()}{root.raw_path.rstrip('/')}{parsed.raw_path_qs}", encoded=True)


def read_photo(content: bytes) -> Photo | None:
    """An image, known by its first bytes whatever it is called; None for anything else, SVG too: it can hold a script."""
    content_type = _image_type(content)
    return Photo(content, content_type) if content_type and len(content) <= MAX_BYTES else None


def _image_type(content: bytes) -> str:
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return ""


def photo_version(url: str) -> str:
    """The same for the same URL: part of the address under which browsers keep the photo."""
    return sha256(url.encode()).hexdigest()[:12]


def slot_of(source: URL) -> int:
    """Where the photo is kept."""
    return int.from_bytes(_digest(source)[:4]) % SLOTS


def kept_form(source: URL, photo: Photo | None, now: datetime) -> bytes:
    """What is kept of what was fetched, also that there is no photo."""
    return _digest(source) + int(now.timestamp()).to_bytes(_MOMENT) + (photo.content if photo else b"")


def read_kept(kept: bytes, source: URL, now: datetime) -> tuple[bool, Photo | None]:
    """Whether it is of this photo and young enough, and the photo if there is one."""
    digest, moment, content = kept[:_DIGEST], kept[_DIGEST : _DIGEST + _MOMENT], kept[_DIGEST + _MOMENT :]
    if digest != _digest(source):
        return False, None
    age = now - datetime.fromtimestamp(int.from_bytes(moment), UTC)
    return age < (KEPT if content else KEPT_WITHOUT_PHOTO), read_photo(content)


def _digest(source: URL) -> bytes:
    return sha256(str(source).encode()).digest()
