"""Every text that a page or a brief shows is escaped: each text field of what the templates are given holds markup of its own.

The fields are found by walking the shapes, and the templates by looking into their folders: a new one is tried without a change here.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from html import escape
from html.parser import HTMLParser
from itertools import count
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import pytest
from pydantic import BaseModel

from libs.common.preferences import GmailPreferences
from libs.common.requests import (
    AccountCalendar,
    ApiToken,
    Audit,
    Brief,
    Contact,
    ContactSummary,
    Counts,
    DryRunLine,
    Duplicate,
    DuplicatePair,
    Exclusion,
    FoundMail,
    Interaction,
    LetterSummary,
    MeetingGuest,
    MergeRecord,
    ModelCall,
    Tag,
    User,
    WaitingMail,
    Why,
)
from services.gateway.domain.accounts import AccountView
from services.gateway.domain.completeness import Completeness
from services.gateway.domain.exports import Export, State
from services.gateway.domain.first_run import Step
from services.gateway.domain.handle_texts import Handle
from services.gateway.domain.meetings import BriefOutlook, GuestText, MeetingView
from services.gateway.domain.moments import UTC_ZONE
from services.gateway.domain.notifications import Notification
from services.gateway.domain.operations import OperationsView
from services.gateway.domain.permissions import PERMISSIONS
from services.gateway.domain.relationship_texts import HistoryLine, PartText
from services.gateway.domain.run_lines import RunLine
from services.gateway.domain.sync_health import Health
from services.gateway.domain.sync_lines import SyncLine
from services.gateway.domain.timeline_view import Line, Month
from services.gateway.domain.token_scopes import SCOPE_TEXTS
from services.gateway.domain.webhook_delivery import SecretGeneration
from services.gateway.domain.webhook_events import WEBHOOK_EVENT_TEXTS
from services.gateway.domain.webhook_outcomes import CallLine
from services.gateway.pages.contact_fields import FIELDS, Editing
from services.gateway.pages.contacts import ENTERED, SORTS, FilterLink, Person
from services.gateway.pages.meeting import LOOKS, GuestLine
from services.gateway.pages.meeting_rows import Row
from services.gateway.pages.render import HERE, Renderer
from services.gateway.pages.settings import CREATION, TOKEN_LIVES
from services.gateway.pages.timeline import Choice
from services.prep.domain.view import View
from services.prep.rendering import render

MARKUP = re.compile(r"<x-(\d+)\"'&>")
# What other templates extend, or show parts of.
FRAMES = {
    "layout.html",
    "page.html",
    "parts.html",
    "contact_fields.html",
    "contact_duplicates.html",
    "contact_merges.html",
    "account_parts.html",
}
NOW = datetime(2026, 1, 3, tzinfo=UTC)
NOTHING_OF_OTHERS = {"sign_in.html"}  # no value but our own files and settings


class Filled:
    """Makes values of any shape in which every text is markup that no other field has. `texts`: those that were made."""

    def __init__(self) -> None:
        self.numbers = count(1)
        self.texts: list[str] = []

    def text(self) -> str:
        self.texts.append(f"<x-{next(self.numbers)}\"'&>")
        return self.texts[-1]

    def shape(self, kind: Any, **fixed: Any) -> Any:
        """An instance of a dataclass, a named tuple or a model, with these fields as they are given."""
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            values = {
                name: self.value(field.annotation) for name, field in kind.model_fields.items() if name not in fixed
            }
            return kind.model_construct(**values, **fixed)
        hints = get_type_hints(kind)
        names = [field.name for field in fields(kind)] if is_dataclass(kind) else kind._fields
        return kind(**{name: fixed.get(name) if name in fixed else self.value(hints[name]) for name in names})

    def value(self, kind: Any) -> Any:
        """A value of this type: the first of a union or a literal, one entry in a collection."""
        origin, arguments = get_origin(kind), get_args(kind)
        if origin is Literal:
            return arguments[0]
        if origin is Annotated:
            return self.value(arguments[0])
        if origin in (Union, UnionType):
            return self.value(next(kind for kind in arguments if kind is not NoneType))
        if origin in (tuple, list, frozenset, set):
            return origin((self.value(arguments[0]),))
        if origin in (dict, Mapping):
            return {self.value(arguments[0]): self.value(arguments[1])}
        plain = {str: self.text, bool: lambda: True, int: lambda: 7, float: lambda: 1.5}
        moments = {datetime: datetime(2026, 1, 2, tzinfo=UTC), date: date(2026, 1, 2), UUID: UUID(int=9)}
        if kind in plain:
            return plain[kind]()  # type: ignore[no-untyped-call]
        if kind in moments:
            return moments[kind]
        supertype = getattr(kind, "__supertype__", None)
        return self.value(supertype) if supertype else self.shape(kind)


def pages(filled: Filled) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each template with the values that its page gives it, in each of the states that show something else."""
    accounts = [filled.shape(AccountView, status=status) for status in ("active", "reauth_required")]
    frame = {
        "user": filled.shape(User), "unread": 3, "health": filled.shape(Health), "accounts": accounts, "now": NOW, "zone": UTC_ZONE,
        "path": "/", "reload": "", "position": filled.text(), "partial": False,
    }  # fmt: skip
    for name, values in framed_pages(filled, accounts):
        yield name, frame | values
    names = ("request_id", "name", "host", "uri", "days")
    yield "assistant_consent.html", {name: filled.text() for name in names} | {
        "local": False, "user": filled.shape(User), "scopes": [(filled.text(), filled.text())],
    }  # fmt: skip
    yield "assistant_answered.html", {name: filled.text() for name in ("href", "name", "host")} | {
        "allowed": True, "leads_on": True,
    }  # fmt: skip
    yield "error.html", {name: filled.text() for name in ("title", "detail", "advice", "trace", "href", "label")}
    operation = {
        name: filled.text() for name in ("id", "method", "path", "summary", "scope", "description", "body")
    } | {
        "parameters": [{name: filled.text() for name in ("name", "in", "description")} | {"required": True}],
        "responses": [(filled.text(), filled.text(), filled.text())],
    }
    groups = [{"tag": filled.text(), "operations": [operation]}]
    yield "docs.html", {"groups": groups, "schemas": {filled.text(): filled.text()}}


def framed_pages(filled: Filled, accounts: list[AccountView]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Those of somebody who is signed in, without their frame."""
    rows = [
        Row(
            filled.shape(MeetingView, all_day=all_day),
            filled.text(),
            [filled.shape(GuestText)],
            2,
            True,
            BriefOutlook("sent"),
            filled.text(),
        )
        for all_day in (True, False)
    ]
    notification, open_offer = filled.shape(Notification), filled.shape(Notification)
    open_offer.action.answer = None
    problem = {"problem_text": filled.text(), "other_id": filled.text(), "other_name": filled.text()}
    contact = filled.shape(Contact)
    people = {"people": [filled.shape(ContactSummary)]}
    yield "home.html", people | {
        "rows": rows, "offers": [open_offer], "reconnect": accounts, "steps": [filled.shape(Step)], "notifications": [notification],
        "waiting": [filled.shape(WaitingMail), filled.shape(WaitingMail, topic="")], "filling": True, "dismissed": UUID(int=7),
        "duplicates": filled.text(), "going_cold": [filled.shape(Person)], "meetings_known": True, "people_known": True,
    }  # fmt: skip
    listing = {
        "q": filled.text(), "sort": "name", "sorts": SORTS, "tag": filled.text(), "tags": [filled.shape(Tag)],
        "filters": [filled.shape(FilterLink)], "kept": {filled.text(): filled.text()}, "archived": True, "filtered": True,
        "duplicates": filled.text(),
    }  # fmt: skip
    yield "contacts.html", listing | {"people": [filled.shape(Person)], "more": filled.text()}
    yield "contacts.html", listing | {"people": [], "more": ""}
    pairs = {"pairs": [filled.shape(DuplicatePair)], "how_many": filled.text(), "more": filled.text()}
    yield "duplicates.html", pairs | {"merge_id": filled.text()}
    yield "contact_new.html", problem | {"entered": {name: filled.text() for name in ENTERED}}
    yield "contact_edit.html", problem | {
        "contact": contact, "fields": FIELDS, "entered": {name: filled.text() for name in FIELDS},
    }  # fmt: skip
    for kind, field in (
        ("email", "emails"),
        ("email", "identities"),
        ("note", "title"),
        ("note", "notes"),
        ("note", ""),
    ):
        editing = filled.shape(Editing, field=FIELDS[field]) if field else None
        lines = [
            Line(filled.shape(Interaction).model_copy(update={"kind": kind}), side, filled.text())
            for side in ("they", "you", "both", "others")
        ]
        timeline = {
            "contact_id": contact.id, "chosen": {"q": filled.text(), "side": filled.text()},
            "shows": [filled.shape(Choice)], "sides": [filled.shape(Choice)], "fresh": filled.text(), "older_page": False,
            "continued": False, "conversations": filled.text(), "most_open": 2,
            "months": [
                Month(filled.text(), (*lines, Line(filled.shape(Interaction), "they", filled.text(), (lines[0],), 3)), (lines[1],)),
            ],
            "more": filled.text(),
        }  # fmt: skip
        yield "contact_timeline.html", timeline
        yield "contact.html", timeline | {
            "contact": contact, "handles": [filled.shape(Handle)], "parted_from": filled.text(),
            "fields": FIELDS, "editing": editing, "empty_fields": list(FIELDS.values()),
            "more_duplicates": 2, "merges": [filled.shape(MergeRecord), filled.shape(MergeRecord, blocked_by=None)],
            "relationship": filled.text(), "going_cold": filled.text(), "history": filled.shape(HistoryLine),
            "parts": [filled.shape(PartText)], "duplicates": [filled.shape(Duplicate)], "merge_id": filled.text(),
            "upcoming": [filled.shape(Interaction)], "upcoming_more": 1,
        }  # fmt: skip
    yield "do_not_record.html", {"contact": contact}
    yield "meetings.html", {"days": [(filled.text(), rows)], "past": True, "back": 1, "earlier": 2}
    yield "dry_run.html", {
        "days": [(filled.text(), [(filled.shape(DryRunLine, would_send=False), filled.text())])], "total": 1, "sent": 0, "span": 30,
    }  # fmt: skip
    for host in (filled.text(), ""):
        yield "model_calls.html", {
            "lines": [(filled.shape(ModelCall), filled.text(), filled.text(), filled.text())] if host else [], "host": host,
            "model": filled.text(), "total": filled.text(), "spent": filled.text(), "budget": filled.text(),
        }  # fmt: skip
    calendars = [filled.shape(AccountCalendar)]
    for away in (True, False):
        yield "calendars.html", {
            "cards": [(account, calendars if away else [], away) for account in accounts], "ticked": {calendars[0].calendar_id},
            "others": [filled.text()], "away": away, "problem_text": filled.text(),
        }  # fmt: skip
    guest = filled.shape(MeetingGuest)
    for look, all_day in (("text", True), ("light", False), ("", False)):
        yield "meeting.html", {
            "meeting": filled.shape(MeetingView, all_day=all_day), "length": filled.text(), "all_day": filled.text() if all_day else "",
            "video_url": f"https://x.example/?{filled.text()}",
            "guests": [GuestLine(filled.text(), filled.text(), True, guest), GuestLine(filled.text(), "", False, None)],
            "state": filled.text(), "sent_url": f"https://x.example/?{filled.text()}", "looks": LOOKS, "look": look,
            "brief": filled.shape(Brief) if look == "text" else None, "sent": True, "problem_text": filled.text(),
            "begun": True, "noted": [guest] if look else [], "note": filled.text() if look else "", "saved": True,
        }  # fmt: skip
    missed = {"entered": filled.text(), "contact": contact}
    yield "why.html", missed | {"by_id": True, "answers": [(filled.text(), filled.shape(Why))], "found": []}
    mails = [(filled.shape(FoundMail), ""), (filled.shape(FoundMail), filled.text())]
    for found in ([], mails):
        yield "why.html", missed | {"by_id": False, "answers": [], "found": found}
    yield (
        "notifications.html",
        {"notifications": [notification, open_offer], "only_unread": True, "more": filled.text()},
    )
    for replayable in (True, False):
        letter = filled.shape(LetterSummary, is_replayable=replayable)
        yield "operations.html", {"view": filled.shape(OperationsView), "letters": [letter], "problem": filled.text()}
    lines_of_kinds = [filled.shape(SyncLine, tone=tone) for tone in ("calm", "busy", "bad", "off")]
    states: tuple[State, ...] = ("making", "done", "failed")
    for export in (None, *(filled.shape(Export, state=state) for state in states)):
        section = "data" if export else "briefs"
        yield "settings.html", {
            "gmail": filled.shape(GmailPreferences), "webhook_url": filled.text(), "creation": CREATION, "lead": 30,
            "cards": [(account, lines_of_kinds) for account in accounts], "permissions": PERMISSIONS, "counts": filled.shape(Counts),
            "export": export, "export_size": filled.text(),
            "exclusions": [filled.shape(Exclusion, removing=removing) for removing in (True, False)],
            "tested": True, "calls": [filled.shape(CallLine)], "webhook_events": (), "event_texts": WEBHOOK_EVENT_TEXTS,
            "generation": filled.shape(SecretGeneration),
            "hint": filled.text(), "tokens": [filled.shape(ApiToken)], "scope_texts": SCOPE_TEXTS, "token_lives": TOKEN_LIVES,
            "assistants_url": filled.text(),
            "secret": filled.text(), "webhook_secret": filled.text(),
            "saved": ("people", filled.text()), "problem_text": filled.text(), "problem_section": section,
        }  # fmt: skip
    for account in accounts:
        yield "disconnect.html", {"account": account}
        yield "account.html", {
            "account": account, "permissions": PERMISSIONS, "audit": filled.shape(Audit), "verdict": filled.shape(Completeness),
            "lines": [filled.shape(RunLine)], "more": filled.text(),
        }  # fmt: skip


def unescaped(html: str) -> list[str]:
    """Markup that came through as it is."""
    return [found[0] for found in MARKUP.finditer(html)]


def shown(html: str, texts: list[str]) -> int:
    return sum(escape(text, quote=True).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in html for text in texts)


def test_every_template_is_tried() -> None:
    names = {path.name for path in (HERE / "templates").iterdir()}
    assert {name for name, _ in pages(Filled())} == names - FRAMES - NOTHING_OF_OTHERS


@pytest.mark.parametrize("name", sorted({name for name, _ in pages(Filled())}))
def test_no_value_of_a_page_becomes_markup(name: str) -> None:
    renderer = Renderer()
    filled = Filled()
    for template, values in pages(filled):
        if template == name:
            html = renderer.page(template, values).text or ""
            assert unescaped(html) == []
            assert shown(html, filled.texts) >= 3, "the values are on the page"


def test_no_value_of_a_brief_becomes_markup() -> None:
    filled = Filled()
    html, text = render(filled.shape(View))
    assert unescaped(html) == []
    # The inliner writes the page anew, in its own way of escaping: so it is read back.
    read = "\n".join(pieces(html))
    # A place that is a link is shown as one; the answer stands beside names of a long list alone.
    assert sum(value in read for value in filled.texts) >= len(filled.texts) - 2
    # The labels that links lead to, and what mail programs show beside the subject, are in the HTML alone.
    assert len(unescaped(text)) >= len(filled.texts) - 7, "plain text is shown as it is"


def pieces(html: str) -> list[str]:
    """All texts and values of attributes of a page."""
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_data(self, data: str) -> None:
            found.append(data)

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.extend(value or "" for _, value in attrs)

    reader = Reader()
    reader.feed(html)
    reader.close()
    return found


def test_the_sign_in_page_needs_no_value() -> None:
    values = {"gone": True, "missing": ("PINGCRM_<b>",), "callback": "http://x.example/<i>"}
    html = Renderer().page("sign_in.html", values).text or ""
    assert "Sign in" in html
    assert "PINGCRM_&lt;b&gt;" in html
    assert "http://x.example/&lt;i&gt;" in html
