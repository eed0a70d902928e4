"""Many calls in one request, as Google's batch endpoints take it: multipart/mixed of application/http. Pure.

https://developers.google.com/workspace/gmail/api/guides/batch
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from multidict import CIMultiDict

from libs.common.errors import Outage

_BOUNDARY = "batch_pingcrm"  # what is sent is paths with their queries encoded: it can't occur in them
CONTENT_TYPE = f"multipart/mixed; boundary={_BOUNDARY}"

_GIVEN_BOUNDARY = re.compile(r'\bboundary=(?:"([^"\r\n]{1,200})"|([^\s;,"]{1,200}))', re.IGNORECASE)
_CONTENT_ID = re.compile(rb"^content-id:[ \t]*<?response-part-(\d{1,3})>?[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_STATUS = re.compile(rb"\s*HTTP/\d(?:\.\d)? (\d{3})\b")


@dataclass(frozen=True, slots=True)
class PartResponse:
    """The response to one part."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def build(paths: Iterable[str]) -> bytes:
    """The body of a batch of GETs. `paths`: with their queries, encoded, without a host. The n-th part is called n."""
    parts = (
        f"--{_BOUNDARY}\r\nContent-Type: application/http\r\nContent-ID: <part-{n}>\r\n\r\nGET {path} HTTP/1.1\r\n\r\n"
        for n, path in enumerate(paths)
    )
    return f"{''.join(parts)}\r\n--{_BOUNDARY}--\r\n".encode()


def parse(content_type: str, body: bytes) -> dict[int, PartResponse]:
    """The responses by the number of their part, in whatever order they came; those that broke off or make no sense are missing.

    Of two responses to one part the first counts. Outage: it is no multipart response at all.
    """
    given = _GIVEN_BOUNDARY.search(content_type)
    if given is None:
        raise Outage("Google's answer to a batch is none.")
    boundary = (given[1] or given[2]).encode("latin-1", "replace")
    # What follows the last boundary is the end of the answer, or a part that broke off.
    sections = (b"\n" + body).split(b"\n--" + boundary)[1:-1]
    parts: dict[int, PartResponse] = {}
    for section in sections:
        head, http = _head_and_rest(section.lstrip(b"\r\n"))
        content_id, status = _CONTENT_ID.search(head), _STATUS.match(http)
        if content_id is None or status is None:
            continue
        status_head, content = _head_and_rest(http.lstrip())
        number, code = int(content_id[1]), int(status[1])
        parts.setdefault(number, PartResponse(code, {} if code == 200 else _headers(status_head), content))
    return parts


def _head_and_rest(text: bytes) -> tuple[bytes, bytes]:
    """What stands before and after the first empty line."""
    ends = [(at, len(mark)) for mark in (b"\r\n\r\n", b"\n\n") if (at := text.find(mark)) >= 0]
    if not ends:
        return text, b""
    at, length = min(ends)
    return text[:at], text[at + length :]


def _headers(head: bytes) -> Mapping[str, str]:
    lines = head.decode("latin-1").splitlines()[1:]
    return CIMultiDict((name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
