"""An installation of an older release: what is there keeps its meaning, and what follows from a newer rule becomes due."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from libs.common.ids import SERVICES
from libs.local import schemas
from libs.local.migrate import migrate_database
from libs.local.schemas import apply_migrations, apply_roles, create_database, migrations_of
from libs.local.secrets import Secrets
from tests.support.servers import Servers

U, V, ACCOUNT, OTHER = (UUID(int=number) for number in range(1, 5))
ANN, BO = UUID(int=11), UUID(int=12)
OLD = datetime(2025, 3, 1, tzinfo=UTC)

# As the first release wrote it. V is the older user.
FIRST_RELEASE = f"""
    INSERT INTO auth.users (id, sub, name, address, created_at) VALUES
        ('{U}', 'u', 'U', 'u@x.example', '{OLD}'), ('{V}', 'v', 'V', 'v@x.example', '{OLD - timedelta(days=1)}');
    INSERT INTO auth.google_accounts (id, user_id, sub, address, name, status, scopes, refresh_token)
        VALUES ('{ACCOUNT}', '{U}', 'u', 'u@x.example', 'U', 'active', '{{}}', 'sealed');
    INSERT INTO auth.api_tokens (id, user_id, hash, name) VALUES ('{ACCOUNT}', '{U}', 'hash', 'connector');

    INSERT INTO sync.accounts (account_id, user_id, address, scopes, state, changed_at) VALUES
        ('{ACCOUNT}', '{U}', 'Maya.L+crm@GoogleMail.com', '{{}}', 'active', '{OLD}'),
        ('{OTHER}', '{U}', 'Jo.Doe+x@Firm.example', '{{}}', 'active', '{OLD}');
    INSERT INTO sync.messages (account_id, gmail_id, thread_id, state, rule, position) VALUES
        ('{ACCOUNT}', 'brief', 't', 'filtered', 'prep_email', 1), ('{ACCOUNT}', 'draft', 't', 'filtered', 'draft', 2),
        ('{ACCOUNT}', 'mail', 't', 'recorded', '', 3);
    INSERT INTO sync.meetings (meeting_id, user_id, account_id, calendar_id, event_id, starts_at, cancelled, said, generation, meeting)
        SELECT gen_random_uuid(), '{U}', '{ACCOUNT}', 'primary', event, '{OLD}', event = 'cancelled', true, 1, jsonb_build_object(
            'guests', jsonb_build_array(jsonb_build_object('address', 'guest@X.example')), 'organizer', jsonb_build_object(
                'me', event = 'mine', 'address', CASE event WHEN 'invited' THEN 'Guest@x.example' ELSE 'o@x.example' END))
        FROM unnest(ARRAY['unnamed', 'cancelled', 'mine', 'invited']) AS event;

    INSERT INTO gateway.notifications (id, user_id, kind, level, title, body, link, event_key)
        VALUES ('{U}', '{U}', 'sync.failed', 'error', 'Title', 'Body', '/', 'key');
    INSERT INTO gateway.webhook_deliveries (notification_id) VALUES ('{U}');

    INSERT INTO contacts.contacts (id, user_id, bcc_hash) VALUES ('{ANN}', '{U}', 'a'), ('{BO}', '{U}', 'b');
    INSERT INTO contacts.cards (account_id, resource_name, user_id, revision, live) VALUES ('{ACCOUNT}', 'people/1', '{U}', 1, true);
    INSERT INTO contacts.addresses (user_id, kind, value, shown, name, name_rank, name_at, contact_id, is_me)
        SELECT '{U}', 'email', value, value, name, rank, '{OLD}', contact_id::uuid, name = 'Me'
        FROM (VALUES ('me', 'Me', 2, NULL), ('ann', 'Ann', 2, '{ANN}'), ('bo', 'Bo', 1, '{BO}'), ('no', '', -1, NULL))
            known (value, name, rank, contact_id);
    INSERT INTO contacts.interactions (id, user_id, platform, grp, ref, kind, occurred_at, title, text, crowd, author_id)
        SELECT m.id::uuid, '{U}', 'email', m.id, m.id, 'message', '{OLD}', '', '', 1, a.id
        FROM (VALUES ('{ANN}', 'me'), ('{BO}', 'bo')) m (id, author) JOIN contacts.addresses a ON a.value = m.author;
    INSERT INTO contacts.participants (address_id, occurred_at, interaction_id, role)
        SELECT a.id, '{OLD}', p.id::uuid, p.role
        FROM (VALUES ('{ANN}', 'me', 'from'), ('{ANN}', 'ann', 'to'), ('{BO}', 'bo', 'from'), ('{BO}', 'me', 'to')) p (id, value, role)
        JOIN contacts.addresses a USING (value);
    INSERT INTO contacts.sightings (source_id, platform, ref, user_id, revision, grp, fact)
        SELECT source::uuid, 'email', grp, '{U}', 1, grp, CASE WHEN live THEN '{{}}'::jsonb END
        FROM (VALUES ('{ACCOUNT}', 'pair', true), ('{OTHER}', 'pair', true), ('{ACCOUNT}', 'single', true),
            ('{ACCOUNT}', 'half gone', true), ('{OTHER}', 'half gone', false)) seen (source, grp, live);
"""
TENTH_OF_CONTACTS = f"""
    UPDATE contacts.contacts SET due_at = 'infinity', cold_since = CASE id WHEN '{ANN}' THEN now() END;
"""


@asynccontextmanager
async def upgraded(
    servers: Servers, secrets: Secrets, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[asyncpg.Connection]:
    """A database of the first release with something in it, brought to this one by way of the tenth version of contacts."""
    server = await servers.postgres()
    url = server.url("upgraded")
    await create_database(url)
    await apply_roles(url, secrets)
    connection = await asyncpg.connect(url)
    try:
        with monkeypatch.context() as patched:
            files = {service: sorted(migrations_of(service).glob("*.sql")) for service in SERVICES}
            patched.setattr(schemas, "migrations_of", lambda service: folder / service)
            for service, numbered in files.items():
                (folder / service).mkdir()
                shutil.copy(numbered[0], folder / service)
            await apply_migrations(url, secrets)
            await connection.execute(FIRST_RELEASE)
            for file in files["contacts"][1:10]:
                shutil.copy(file, folder / "contacts")
            await apply_migrations(url, secrets)
            await connection.execute(TENTH_OF_CONTACTS)
        await migrate_database(url, secrets)
        yield connection
    finally:
        await connection.close()
        admin = await asyncpg.connect(server.url("postgres"))
        await admin.execute("DROP DATABASE upgraded WITH (FORCE)")
        await admin.close()


async def test_what_an_older_release_stored_keeps_its_meaning_and_what_follows_from_newer_rules_is_due(
    servers: Servers, secrets: Secrets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = datetime.now(UTC)
    async with upgraded(servers, secrets, tmp_path, monkeypatch) as db:

        async def rows(query: str) -> list[tuple[Any, ...]]:
            return [tuple(row) for row in await db.fetch(query)]

        assert await rows("SELECT id, owner, address_verified FROM auth.users ORDER BY created_at") == [
            (V, True, False), (U, False, False),
        ]  # fmt: skip
        assert await rows("SELECT sequence FROM auth.google_accounts") == [(1,)], "its connection was published"
        assert await rows("SELECT scopes, expires_at FROM auth.api_tokens") == [(["read", "write", "account"], None)]

        assert await rows("SELECT canonical, sequence, identified FROM sync.accounts ORDER BY canonical") == [
            ("jo.doe+x@firm.example", 0, 0), ("mayal@gmail.com", 0, 0),
        ]  # fmt: skip
        for (poll_at,) in await rows("SELECT poll_at FROM sync.accounts"):
            assert began <= poll_at <= datetime.now(UTC) + timedelta(minutes=1)
        assert await rows("SELECT gmail_id, state, rule FROM sync.messages ORDER BY position") == [
            ("brief", "pending", ""), ("draft", "filtered", "draft"), ("mail", "recorded", ""),
        ]  # fmt: skip
        assert await rows("SELECT event_id, said, revision FROM sync.meetings ORDER BY event_id") == [
            ("cancelled", True, 1), ("invited", True, 1), ("mine", True, 1), ("unnamed", False, 2),
        ]  # fmt: skip

        assert await rows("SELECT offer, counted, revision FROM gateway.notifications") == [(None, "{}", 1)]
        assert await rows("SELECT attempts, trace, revision FROM gateway.webhook_deliveries") == [(0, "", 1)]

        due = "SELECT id, due_at, derive_due, duplicates_due, written_to FROM contacts.contacts ORDER BY id"
        assert await rows(due.replace("due_at", "due_at::text")) == [
            (ANN, "-infinity", True, True, True), (BO, "infinity", True, True, False),
        ]  # fmt: skip
        assert await rows("SELECT derive_due, former FROM contacts.cards") == [(True, [])]
        assert await rows("SELECT grp FROM contacts.groups_due") == [("pair",)]
        assert await rows("SELECT user_id, platform, total FROM contacts.interaction_counts") == [(U, "email", 2)]
        names = "SELECT a.value, n.rank, n.name, n.at FROM contacts.address_names n JOIN contacts.addresses a ON a.id = n.address_id"
        assert sorted(await rows(names)) == [
            ("ann", 3, "Ann", OLD), ("bo", 1, "Bo", OLD), ("me", 3, "Me", OLD),
        ]  # fmt: skip
        rechecks = "SELECT a.value, r.stage FROM contacts.rechecks r JOIN contacts.addresses a ON a.id = r.address_id"
        assert sorted(await rows(rechecks)) == [("ann", 2), ("bo", 2)]
