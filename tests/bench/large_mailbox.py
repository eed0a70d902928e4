"""A large user in the tables of `contacts`, filled by the database itself: a million messages in the time that COPY would take."""

from dataclasses import dataclass
from uuid import UUID

import asyncpg

# Each mail is from one of so many people, each of whom is a contact, to me; every `busy`-th is from the first of them, in conversations of
# six messages.
# The parameters are in the row of `mailbox`. Ids ascend, as those of the product do.
_FILL = """
INSERT INTO users (id, settings_version, contact_creation) SELECT user_id, 1, 'people' FROM mailbox ON CONFLICT DO NOTHING;

CREATE TEMP TABLE person ON COMMIT DROP AS
SELECT n, (left(account_id::text, 24) || lpad(to_hex(n), 12, '0'))::uuid AS contact_id,
       'p' || n || '@firm' || n % 997 || '.example' AS address
FROM mailbox, generate_series(1, people) n;

INSERT INTO contacts (id, user_id, name, name_key, words_name, words_near, bcc_hash, due_at, duplicates_due)
SELECT contact_id, user_id, 'Person ' || n, 'person ' || n, 'person ' || n, translate(address, '@.', '  '),
       md5(contact_id::text), 'infinity', false
FROM mailbox, person;

INSERT INTO addresses (user_id, kind, value, shown, contact_id) SELECT user_id, 'email', address, address, contact_id FROM mailbox, person;
INSERT INTO addresses (user_id, kind, value, shown, is_me) SELECT user_id, 'email', 'me@gmail.com', 'me@gmail.com', true FROM mailbox;

CREATE TEMP TABLE author ON COMMIT DROP AS
SELECT row_number() OVER () - 1 AS n, id FROM addresses JOIN mailbox USING (user_id) WHERE NOT is_me;
ANALYZE author;

INSERT INTO interactions (id, user_id, platform, grp, ref, kind, thread, occurred_at, title, text, crowd, author_id)
SELECT (left(account_id::text, 24) || lpad(to_hex(nth), 12, '0'))::uuid, user_id, 'email', '<' || nth || '@mail>', '<' || nth || '@mail>#1',
       'message', CASE WHEN nth % busy = 0 THEN 'conversation ' || nth / busy / 6 ELSE nth::text END, now() - nth * interval '1 minute',
       'About number ' || nth, repeat('what was written ', 8), 2, author.id
FROM mailbox CROSS JOIN generate_series(1, mails) nth JOIN author ON author.n = CASE WHEN nth % busy = 0 THEN 0 ELSE nth % people END;

INSERT INTO participants (address_id, occurred_at, interaction_id, role)
SELECT author_id, occurred_at, id, 'from' FROM interactions JOIN mailbox USING (user_id);
INSERT INTO participants (address_id, occurred_at, interaction_id, role)
SELECT me.id, i.occurred_at, i.id, 'to' FROM interactions i JOIN mailbox USING (user_id) JOIN addresses me USING (user_id) WHERE me.is_me;

INSERT INTO sightings (source_id, platform, ref, user_id, revision, grp, thread, interaction_id, fact)
SELECT account_id, 'email', ref, user_id, 1, grp, thread, id,
       jsonb_build_object('occurred_at', occurred_at, 'kind', 'message', 'title', title, 'text', text, 'people', jsonb_build_array(
           jsonb_build_array('from', 'email', 'p@firm.example', 'p@firm.example', ''),
           jsonb_build_array('to', 'email', 'me@gmail.com', 'me@gmail.com', '')))
FROM interactions JOIN mailbox USING (user_id);

INSERT INTO interaction_counts SELECT user_id, 'email', mails FROM mailbox;
"""

_TABLES = (
    "contacts",
    "addresses",
    "interactions",
    "sightings",
    "accounts",
    "own_addresses",
    "cards",
    "rechecks",
    "duplicate_keys",
    "interaction_counts",
)


@dataclass(frozen=True)
class Size:
    """How much a user has. `busiest`: messages of the first contact beside its share of the others; 0: it has its share."""

    interactions: int
    contacts: int
    busiest: int = 0


async def fill(database: "asyncpg.Connection[asyncpg.Record]", user_id: UUID, account_id: UUID, size: Size) -> None:
    """A user of this size, who may be there already. No trigger fires: foreign keys are true, and what they count is counted here."""
    async with database.transaction():
        await database.execute(
            """SET LOCAL session_replication_role = replica;
               CREATE TEMP TABLE mailbox (user_id uuid, account_id uuid, mails int, people int, busy int) ON COMMIT DROP"""
        )
        busy = size.interactions // size.busiest if size.busiest else size.interactions + 1
        row = (user_id, account_id, size.interactions, size.contacts, busy)
        await database.execute("INSERT INTO mailbox VALUES ($1, $2, $3, $4, $5)", *row)
        await database.execute(_FILL, timeout=300)


async def busiest_contact(database: "asyncpg.Connection[asyncpg.Record]", user_id: UUID) -> UUID:
    """The contact who wrote most."""
    found: UUID = await database.fetchval(
        """SELECT contact_id FROM addresses WHERE id = (
               SELECT author_id FROM interactions WHERE user_id = $1 GROUP BY author_id ORDER BY count(*) DESC LIMIT 1)""",
        user_id,
    )
    return found


async def count_rows(database: "asyncpg.Connection[asyncpg.Record]", user_id: UUID) -> int:
    """How many rows there are of a user, and participants that are on nothing."""
    of_user = [
        await database.fetchval(f"SELECT count(*) FROM {table} WHERE user_id = $1", user_id) for table in _TABLES
    ]
    stray = await database.fetchval(
        "SELECT count(*) FROM participants p WHERE NOT EXISTS (SELECT FROM interactions i WHERE i.id = p.interaction_id)"
    )
    return sum(of_user) + int(stray)
