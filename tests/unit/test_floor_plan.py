"""Each service against the floor plan of docs/architecture.md: what lies where, what is pure, what its docstring declares."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from libs.common.events import EVENTS, TICKS
from libs.common.ids import SERVICES, Service
from libs.common.requests import REQUESTS

ROOT = Path(__file__).parents[2]

FILES = frozenset({"__init__.py", "__main__.py", "context.py"})
ROOMS = frozenset({"handlers", "domain", "store", "migrations"})

# A room has one file per subject. A subject of several modules that nothing else is about has a package.
SUBJECTS = frozenset({"services/prep/domain/talking_points/"})

# What handlers call, by what it does. A trailing slash marks a folder. Who adds work adds a line here.
WORK: dict[Service, frozenset[str]] = {
    "auth": frozenset(
        {
            "account_linking.py",  # which user a Google account belongs to after a sign-in
            "authorization.py",  # the code flow with Google
            "credentials.py",  # random secrets, and what is stored of them
            "key_ids.py",  # a command: which keys there are, for those who have something sealed
            "keyring.py",  # tokens at rest
            "lost_keys.py",  # a command: gives up the tokens that no key opens
            "revocation.py",  # ending a grant at Google
            "rotate.py",  # a command: re-encrypts the tokens
            "token_command.py",  # a command: API tokens for whoever runs the installation
            "token_creation.py",  # a new API token
            "token_refresh.py",  # access tokens, refreshed under a lease
        }
    ),
    "sync": frozenset({"calendar/", "item_audit.py", "mail/", "people.py", "runs/"}),
    "contacts": frozenset(
        {
            "account_purge.py",  # what only one account saw goes
            "attendees.py",  # what is known about a meeting's guests
            "bcc_offers.py",  # whose address may be the user's own
            "contact_edits.py",  # what a user typed
            "contact_fields.py",  # what contacts show, derived anew
            "contact_reasons.py",  # who becomes a contact, and who ceases to be one
            "contact_search.py",  # lists in their orders, page by page
            "contact_views.py",  # contacts as replies show them
            "derivations.py",  # what an upgrade derives anew
            "exclusion_work.py",  # the end of what the user asked not to record
            "exclusions.py",  # the door that keeps it out
            "duplicates.py",  # who may be one person, found in the background
            "identity_evidence.py",  # by what an identity of another platform may be known for a contact
            "identity_links.py",  # such an identity parted from a contact
            "identity_resolution.py",  # which addresses and cards are one person
            "kept_participants.py",  # whom a message to very many is recorded with
            "merges.py",  # two contacts by hand, and back
            "names.py",  # what addresses are known by
            "own_addresses.py",  # who is me, and what follows when that changes
            "projector.py",  # interactions from observations
            "rechecks.py",  # what follows when a rule or who is me changes, in chunks
            "returns.py",  # what an undone merge gives back
            "scoring.py",  # scores that are due
            "timelines.py",  # interactions as replies show them
            "user_deletion.py",  # everything of a user goes
            "waiting.py",  # mail that nobody has answered, piece by piece
            "views/",  # SQL, applied after the migrations
        }
    ),
    "prep": frozenset(
        {
            "briefing.py",  # one attempt at a brief
            "gathering.py",  # what the other services know before a meeting
            "leasing.py",  # who may work on a brief
            "model_calls.py",  # the way to the model: recorded, within a budget, not twice
            "outcomes.py",  # a brief's end, and its event
            "rendering.py",  # HTML and text from the templates
            "sending.py",  # handing a brief to Gmail, at most once
            "templates/",
            "writing.py",  # talking points and the brief
        }
    ),
    "gateway": frozenset(
        {
            "api/",  # entry points over HTTP
            "app.py",
            "assistants/",  # entry points for language models
            "export_making.py",
            "export.py",
            "limits/",  # what one user, browser or address may take
            "live_updates.py",
            "meeting_notes.py",  # the note after a meeting, on its guests' timelines
            "middlewares.py",
            "pages/",  # entry points over HTTP
            "photos.py",  # people's photos, from Google and kept for a while
            "preferences.py",
            "sessions/",
            "user_zones.py",  # in which zone a user reads
            "webhook_delivery/",
        }
    ),
}

_SQL = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM)\b")
_CLOCKS = {"now", "utcnow", "today", "monotonic", "perf_counter", "time_ns"}


def folder_of(service: Service) -> Path:
    return ROOT / "services" / service


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def entries(folder: Path) -> Iterator[str]:
    """The names in a folder, folders with a slash; what Python caches is not looked at."""
    for path in sorted(folder.iterdir()):
        if path.name != "__pycache__":
            yield f"{path.name}/" if path.is_dir() else path.name


def advice(path: Path) -> str:
    """Where something that is in no room belongs."""
    where = path.relative_to(ROOT)
    if path.is_dir():
        return f"{where}/ is no room of the floor plan: name the folder in WORK if it is work that handlers call."
    if path.suffix == ".sql":
        return f"{where} belongs in migrations/, or in views/ if it holds a rule."
    if path.suffix != ".py":
        return f"{where} belongs in a folder of its own, such as templates/."
    text = path.read_text()
    if _SQL.search(text):
        return f"{where} holds SQL: it belongs in store/."
    if not re.search(r"\b(async|await)\b", text):
        return f"{where} awaits nothing: it belongs in domain/ if it is a rule, else name it in WORK for what it does."
    return (
        f"{where} belongs in handlers/ if it is an entry point; if handlers call it, name it in WORK for what it does."
    )


@pytest.mark.parametrize("service", SERVICES)
def test_everything_in_a_service_is_in_its_room(service: Service) -> None:
    folder = folder_of(service)
    allowed = FILES | {f"{room}/" for room in ROOMS} | WORK[service]
    found = set(entries(folder))
    strays = [advice(folder / name) for name in sorted(found - allowed)]
    assert not strays, "\n".join(strays)
    assert sorted(allowed - found) == [], f"services/{service} lacks what its floor plan names"


@pytest.mark.parametrize("room", ["handlers", "domain", "store"])
@pytest.mark.parametrize("service", SERVICES)
def test_a_room_is_a_package_of_modules_with_a_docstring_each(service: Service, room: str) -> None:
    names = list(entries(folder_of(service) / room))
    assert "__init__.py" in names
    folders = frozenset(f"services/{service}/{room}/{name}" for name in names if not name.endswith(".py"))
    assert folders == {folder for folder in SUBJECTS if folder.startswith(f"services/{service}/{room}/")}
    modules = [path for folder in (f"services/{service}/{room}/", *folders) for path in (ROOT / folder).glob("*.py")]
    assert [path for path in modules if not ast.get_docstring(tree_of(path))] == []


@pytest.mark.parametrize("service", SERVICES)
def test_migrations_are_numbered_and_views_are_sql(service: Service) -> None:
    numbers = [name[:4] for name in entries(folder_of(service) / "migrations")]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
    views = folder_of(service) / "views"
    assert not views.exists() or all(name.endswith(".sql") for name in entries(views))


def impurity(node: ast.AST, rooms: str) -> str:
    """What a node of a domain module does that no rule may; empty for all else."""
    match node:
        case ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor() | ast.AsyncWith():
            return "awaits: work belongs beside domain/, not in it"
        case ast.Call(func=ast.Attribute(value=ast.Name(id="datetime" | "date" | "time"), attr=attribute)) if (
            attribute in _CLOCKS | {"time"} and ast.unparse(node.func) != "datetime.time"
        ):
            return "reads the clock: take `now` as an argument"
        case ast.Call(func=ast.Name(id=name)) if name in _CLOCKS - {"now", "today"}:
            return "reads the clock: take `now` as an argument"
        case ast.ImportFrom(module=str(module)) if f"{module}.".startswith(rooms):
            return "" if f"{module}.".startswith(f"{rooms}domain.") else f"imports {module}: a rule knows no other room"
    return ""


@pytest.mark.parametrize("service", SERVICES)
def test_domain_modules_wait_for_nothing_and_read_no_clock(service: Service) -> None:
    impure = [
        f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)} {found}"
        for path in sorted((folder_of(service) / "domain").rglob("*.py"))
        for node in ast.walk(tree_of(path))
        if (found := impurity(node, f"services.{service}."))
    ]
    assert not impure, "\n".join(impure)


@pytest.mark.parametrize("service", SERVICES)
def test_main_is_a_table_without_logic_or_teardown(service: Service) -> None:
    tree = tree_of(folder_of(service) / "__main__.py")
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
    assert [function.name for function in functions] == ["wire"]
    logic = (ast.Try, ast.If, ast.IfExp, ast.While, ast.Lambda, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    inside = [node for statement in functions[0].body for node in ast.walk(statement) if isinstance(node, logic)]
    assert [f"line {node.lineno}: {type(node).__name__}" for node in inside] == []


@pytest.mark.parametrize("service", SERVICES)
def test_events_and_requests_come_in_through_handlers(service: Service) -> None:
    tree = tree_of(folder_of(service) / "__main__.py")
    homes = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    elsewhere: list[str] = []
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if node.func.attr in ("subscribe", "subscribe_batch", "subscribe_broadcast", "respond"):
            handler = node.args[1]
            called = handler.args[0] if isinstance(handler, ast.Call) else handler  # partial(module.handler, context)
            home = homes.get(ast.unparse(called).partition(".")[0], "")
            if not home.startswith(f"services.{service}.handlers."):
                elsewhere.append(
                    f"line {node.lineno}: {ast.unparse(called)} is an entry point: it belongs in handlers/"
                )
    assert not elsewhere, "\n".join(elsewhere)


def declared(service: Service, verb: str) -> set[str]:
    """The subjects that the service's docstring lists after a verb."""
    text = ast.get_docstring(tree_of(folder_of(service) / "__init__.py")) or ""
    found = re.search(rf"^{verb} (.+?)\.$", text, re.MULTILINE | re.DOTALL)
    assert found, f"the docstring of services/{service} has no line `{verb} ….`"
    listed = "".join(found[1].split())
    return set() if listed == "nothing" else set(listed.split(","))


@pytest.mark.parametrize("service", SERVICES)
def test_the_docstring_of_a_service_is_true(service: Service) -> None:
    text = ast.get_docstring(tree_of(folder_of(service) / "__init__.py")) or ""
    assert re.match(rf"{service.capitalize()}: .+\.\n\nOwns .+", text)
    events = (*EVENTS, *TICKS)
    assert declared(service, "Consumes") == {event.subject for event in events if service in event.consumed_by}
    assert declared(service, "Publishes") == {event.subject for event in events if service in event.published_by}
    assert declared(service, "Serves") == {request.subject for request in REQUESTS if request.served_by == service}
    assert declared(service, "Requests") == {request.subject for request in REQUESTS if service in request.requested_by}
