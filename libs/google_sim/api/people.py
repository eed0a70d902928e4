"""`people.connections.list`."""

import base64

import orjson

from libs.google_sim.account import Resource
from libs.google_sim.api.routing import Call, Method, ResponseBody
from libs.google_sim.errors import GoogleError, invalid
from libs.google_sim.people.store import Entry

_AUTH = "https://www.googleapis.com/auth/"
_SCOPES = frozenset({f"{_AUTH}contacts", f"{_AUTH}contacts.readonly"})
_ALWAYS = ("resourceName", "etag")
_PER_REQUEST = ("pageToken", "syncToken", "pageSize", "requestSyncToken", "fields", "alt", "prettyPrint", "key")
_FIELDS = frozenset(
    {
        "addresses", "ageRanges", "biographies", "birthdays", "calendarUrls", "clientData", "coverPhotos",
        "emailAddresses", "events", "externalIds", "genders", "imClients", "interests", "locales", "locations",
        "memberships", "metadata", "miscKeywords", "names", "nicknames", "occupations", "organizations",
        "phoneNumbers", "photos", "relations", "sipAddresses", "skills", "urls", "userDefined",
    }
)  # fmt: skip


def list_connections(call: Call) -> ResponseBody:
    """Return a page in the order of change, so that what changes between two pages comes again on a later one."""
    query, people = call.query, call.account.people
    mask = _mask(query.text("personFields"))
    shape = query.fingerprint(_PER_REQUEST)
    page = _read(query.text("pageToken"), "pageToken")
    sync = None if page else _read(query.text("syncToken"), "syncToken")
    for token, name in ((page, "page"), (sync, "sync")):
        if token and token["shape"] != shape:
            raise invalid(f"Request parameters must match those of the call that gave the {name} token", "personFields")
    if sync and sync["version"] < people.oldest_version:
        raise _expired(call.world.options.people_expired_status)
    since: int | None = page["since"] if page else sync["version"] if sync else None
    after: int = page["after"] if page else -1 if since is None else since
    until: int = page["version"] if page else people.version
    listed = [entry for entry in people.entries.values() if entry.changed > after]
    if since is None:
        listed = [entry for entry in listed if not entry.deleted]
    maximum = query.integer("pageSize", 100, 1000)
    shown = listed[:maximum]
    total = sum(not entry.deleted for entry in people.entries.values())
    response: Resource = {"totalItems": total, "totalPeople": total}
    if shown:
        response["connections"] = [_shown(entry, mask) for entry in shown]
    if len(listed) > maximum:
        response["nextPageToken"] = _token(
            {"shape": shape, "since": since, "after": shown[-1].changed, "version": until}
        )
    elif query.flag("requestSyncToken") or since is not None:
        response["nextSyncToken"] = _token({"shape": shape, "since": None, "after": None, "version": until})
    return response


def _shown(entry: Entry, mask: frozenset[str]) -> Resource:
    if entry.deleted:
        return entry.person
    return {name: value for name, value in entry.person.items() if name in mask}


def _mask(text: str | None) -> frozenset[str]:
    if text is None:
        raise invalid("personFields mask is required. Please specify one or more valid paths.", "personFields")
    names = {name.strip() for name in text.split(",")}
    if wrong := sorted(names - _FIELDS):
        raise invalid(f'Invalid personFields mask path: "{wrong[0][:50]}"', "personFields")
    return frozenset(names.union(_ALWAYS))


def _token(value: Resource) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).decode().rstrip("=")


def _read(token: str | None, name: str) -> Resource | None:
    if token is None:
        return None
    try:
        value = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except ValueError as error:
        raise invalid(f"Invalid {name}", name) from error
    if not isinstance(value, dict) or set(value) != {"shape", "since", "after", "version"}:
        raise invalid(f"Invalid {name}", name)
    return value


def _expired(status: int) -> GoogleError:
    return GoogleError(
        status,
        "failedPrecondition",
        "Sync token is expired. Clear local cache and retry call without the sync token.",
        code="FAILED_PRECONDITION",
        info="EXPIRED_SYNC_TOKEN",
    )


METHODS = [
    Method("people.people.connections.list", "GET", "v1/people/me/connections", _SCOPES, 0, list_connections),
]
