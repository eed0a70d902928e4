-- migrate:up

-- What is known of a user from other services: who is me, and whom mail may turn into a contact.
CREATE TABLE users (
    id               uuid PRIMARY KEY,
    settings_version int  NOT NULL,
    contact_creation text NOT NULL
);

CREATE TABLE accounts (
    id        uuid PRIMARY KEY,
    user_id   uuid NOT NULL,
    address   text NOT NULL,
    connected boolean NOT NULL,
    at        timestamptz NOT NULL
);
CREATE INDEX accounts_of_user ON accounts (user_id);

-- The canonical addresses that are the user: an account's own (source is its id) or typed in the settings (source 'settings').
-- at: when the source said so; of two tellings the later one counts, in whatever order they are heard.
CREATE TABLE own_addresses (
    user_id uuid NOT NULL,
    source  text NOT NULL,
    address text NOT NULL,
    at      timestamptz NOT NULL DEFAULT '-infinity',
    PRIMARY KEY (user_id, source, address)
);

-- Accounts and users whose data was purged: what comes late about them does nothing.
CREATE TABLE purged (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL
);

-- A person. Fields named in `edited` are the user's; all others are derived from cards and addresses and may be derived again.
-- pinned: the user made, edited or merged it: it is never merged, split or removed by itself.
-- imported: a Google card once stood behind it, so that it is archived rather than removed when nothing supports it.
-- due_at: when score, first_at, last_at and interactions are next to be computed.
CREATE TABLE contacts (
    id            uuid PRIMARY KEY,
    user_id       uuid NOT NULL,
    name          text NOT NULL DEFAULT '',
    company       text NOT NULL DEFAULT '',
    title         text NOT NULL DEFAULT '',
    photo_url     text NOT NULL DEFAULT '',
    birthday      text NOT NULL DEFAULT '',
    urls          text[] NOT NULL DEFAULT '{}',
    notes         text NOT NULL DEFAULT '',
    tags          text[] NOT NULL DEFAULT '{}',
    phones        text[] NOT NULL DEFAULT '{}',
    phone_keys    text[] NOT NULL DEFAULT '{}',
    typed_phones  text[] NOT NULL DEFAULT '{}',
    dropped_phones text[] NOT NULL DEFAULT '{}',
    edited        text[] NOT NULL DEFAULT '{}',
    pinned        boolean NOT NULL DEFAULT false,
    imported      boolean NOT NULL DEFAULT false,
    archived      boolean NOT NULL DEFAULT false,
    merged_into   uuid REFERENCES contacts (id) ON DELETE CASCADE,
    bcc_hash      text NOT NULL,
    name_key      text NOT NULL DEFAULT '',
    words_name    text NOT NULL DEFAULT '',
    words_near    text NOT NULL DEFAULT '',
    words_rest    text NOT NULL DEFAULT '',
    search        tsvector GENERATED ALWAYS AS (
        setweight(to_tsvector('simple', words_name), 'A') || setweight(to_tsvector('simple', words_near), 'B')
        || setweight(to_tsvector('simple', words_rest), 'D')
    ) STORED,
    score         smallint NOT NULL DEFAULT 0,
    first_at      timestamptz,
    last_at       timestamptz,
    interactions  int NOT NULL DEFAULT 0,
    due_at        timestamptz NOT NULL DEFAULT '-infinity',
    created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX contacts_by_name ON contacts (user_id, name_key, id) WHERE merged_into IS NULL AND NOT archived;
CREATE INDEX contacts_by_recent ON contacts (user_id, (coalesce(last_at, '-infinity')) DESC, id) WHERE merged_into IS NULL AND NOT archived;
CREATE INDEX contacts_by_score ON contacts (user_id, score DESC, (coalesce(last_at, '-infinity')) DESC, id)
    WHERE merged_into IS NULL AND NOT archived;
CREATE INDEX contacts_search ON contacts USING gin (search);
CREATE INDEX contacts_phones ON contacts USING gin (phone_keys);
CREATE INDEX contacts_due ON contacts (due_at, user_id) WHERE merged_into IS NULL;
CREATE INDEX contacts_merged ON contacts (merged_into) WHERE merged_into IS NOT NULL;

-- Anything that identifies a person. `value` is canonical, `shown` as it was first written, `base` without the +tag.
-- name: the best display name seen with it (rank, then newest). barred: the user took it off a contact; mail doesn't put it back.
CREATE TABLE addresses (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id    uuid NOT NULL,
    kind       text NOT NULL,
    value      text NOT NULL,
    shown      text NOT NULL,
    base       text GENERATED ALWAYS AS (CASE WHEN kind = 'email' THEN regexp_replace(value, '\+.*@', '@') END) STORED,
    name       text NOT NULL DEFAULT '',
    name_rank  smallint NOT NULL DEFAULT -1,
    name_at    timestamptz NOT NULL DEFAULT '-infinity',
    contact_id uuid REFERENCES contacts (id) ON DELETE SET NULL,
    position   int,
    is_me      boolean NOT NULL DEFAULT false,
    robot      boolean NOT NULL DEFAULT false,
    barred     boolean NOT NULL DEFAULT false,
    retired_at timestamptz,
    UNIQUE (user_id, kind, value)
);
CREATE INDEX addresses_of_contact ON addresses (contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX addresses_by_base ON addresses (user_id, base) WHERE base IS NOT NULL;

-- One message, meeting or note, once per user. Written only as the projection of its live sightings.
-- author_id decides the direction of mail; direction is set where it was told (meetings, notes, other platforms).
CREATE TABLE interactions (
    id          uuid PRIMARY KEY,
    user_id     uuid NOT NULL,
    platform    text NOT NULL,
    grp         text NOT NULL,
    ref         text NOT NULL,
    kind        text NOT NULL,
    thread      text NOT NULL DEFAULT '',
    occurred_at timestamptz NOT NULL,
    ends_at     timestamptz,
    title       text NOT NULL,
    text        text NOT NULL,
    automated   text NOT NULL DEFAULT '',
    answered    boolean NOT NULL DEFAULT false,
    via         boolean NOT NULL DEFAULT false,
    crowd       int NOT NULL,
    bcc_logged  boolean NOT NULL DEFAULT false,
    organized   boolean NOT NULL DEFAULT false,
    direction   text,
    author_id   bigint REFERENCES addresses (id),
    UNIQUE (user_id, platform, ref)
);
CREATE INDEX interactions_by_group ON interactions (user_id, platform, grp);
CREATE INDEX interactions_by_author ON interactions (author_id);

CREATE TABLE participants (
    address_id     bigint NOT NULL REFERENCES addresses (id) ON DELETE CASCADE,
    occurred_at    timestamptz NOT NULL,
    interaction_id uuid NOT NULL REFERENCES interactions (id) ON DELETE CASCADE,
    role           text NOT NULL,
    name           text NOT NULL DEFAULT '',
    PRIMARY KEY (address_id, occurred_at, interaction_id, role)
);
CREATE INDEX participants_of_interaction ON participants (interaction_id);

-- What one source saw: an account its Gmail message or calendar entry, the user (source_id is the user's) a note or a connector's report.
-- A later revision wins. fact is null where it is gone; the tombstone stays, so that what comes late can't bring it back.
CREATE TABLE sightings (
    source_id      uuid NOT NULL,
    platform       text NOT NULL,
    ref            text NOT NULL,
    user_id        uuid NOT NULL,
    revision       bigint NOT NULL,
    grp            text NOT NULL,
    thread         text NOT NULL DEFAULT '',
    interaction_id uuid,
    fact           jsonb,
    PRIMARY KEY (source_id, platform, ref)
);
CREATE INDEX sightings_by_group ON sightings (user_id, platform, grp) WHERE fact IS NOT NULL;
CREATE INDEX sightings_by_thread ON sightings (source_id, thread) WHERE fact IS NOT NULL;
CREATE INDEX sightings_of_interaction ON sightings (interaction_id) WHERE interaction_id IS NOT NULL;

-- Google's cards as they are. A removed card keeps what it said, so that the contact stays one; it supports nothing any more.
CREATE TABLE cards (
    account_id    uuid NOT NULL,
    resource_name text NOT NULL,
    user_id       uuid NOT NULL,
    revision      bigint NOT NULL,
    live          boolean NOT NULL,
    dismissed     boolean NOT NULL DEFAULT false,
    contact_id    uuid REFERENCES contacts (id) ON DELETE SET NULL,
    name          text NOT NULL DEFAULT '',
    folded        text NOT NULL DEFAULT '',
    company       text NOT NULL DEFAULT '',
    title         text NOT NULL DEFAULT '',
    photo_url     text NOT NULL DEFAULT '',
    birthday      text NOT NULL DEFAULT '',
    emails        text[] NOT NULL DEFAULT '{}',
    phones        text[] NOT NULL DEFAULT '{}',
    phone_keys    text[] NOT NULL DEFAULT '{}',
    urls          text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (account_id, resource_name)
);
CREATE INDEX cards_of_contact ON cards (contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX cards_by_email ON cards USING gin (emails);
CREATE INDEX cards_by_name ON cards (user_id, folded) WHERE folded <> '';

-- Bios that connectors read: newest per address and platform.
CREATE TABLE profiles (
    address_id bigint NOT NULL REFERENCES addresses (id) ON DELETE CASCADE,
    platform   text NOT NULL,
    bio        text NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (address_id, platform)
);

-- Merges by hand, with all that it takes to undo them exactly.
CREATE TABLE merges (
    id            uuid PRIMARY KEY,
    user_id       uuid NOT NULL,
    survivor_id   uuid NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
    other_id      uuid NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
    before        jsonb NOT NULL,
    after         jsonb NOT NULL,
    address_ids   bigint[] NOT NULL,
    card_accounts uuid[] NOT NULL,
    card_names    text[] NOT NULL,
    earlier       uuid[] NOT NULL,
    at            timestamptz NOT NULL DEFAULT now(),
    undone_at     timestamptz
);
CREATE INDEX merges_of_survivor ON merges (survivor_id);
CREATE INDEX merges_of_other ON merges (other_id);

-- The lines of timelines: each interaction once per contact, from the contact's point of view.
-- counted: bulk mail does not count as contact between people, but a mailing list that I answered does.
CREATE VIEW lines AS
SELECT a.contact_id, i.id AS interaction_id, i.occurred_at, i.platform, i.thread,
    CASE
        WHEN i.direction IS NOT NULL THEN i.direction
        WHEN bool_or(p.role = 'from') THEN 'inbound'
        WHEN coalesce(author.is_me, false) THEN 'outbound'
        ELSE 'participant'
    END AS direction,
    i.automated = '' OR (i.automated = 'list' AND i.answered) AS counted
FROM addresses a
JOIN participants p ON p.address_id = a.id
JOIN interactions i ON i.id = p.interaction_id
LEFT JOIN addresses author ON author.id = i.author_id
WHERE (p.role <> 'bcc_log' OR coalesce(author.is_me, false))
  AND (i.platform <> 'calendar' OR EXISTS (
      SELECT FROM participants g JOIN addresses ga ON ga.id = g.address_id
      WHERE g.interaction_id = i.id AND g.role = 'attendee' AND NOT ga.is_me))
GROUP BY a.contact_id, i.id, author.is_me;

-- docs/rules.md, "Who becomes a contact": each row is one reason for one address to be a contact.
-- Ask by interaction_id (what did these interactions bring?) or by address_id (what still supports these addresses?).
CREATE VIEW wanted AS
SELECT p.address_id, p.interaction_id, i.user_id
FROM participants p
JOIN interactions i ON i.id = p.interaction_id
JOIN addresses a ON a.id = p.address_id
LEFT JOIN addresses author ON author.id = i.author_id
LEFT JOIN users u ON u.id = i.user_id
CROSS JOIN LATERAL (
    SELECT coalesce(u.contact_creation, 'people') AS creation, coalesce(author.is_me, false) AS by_me
) rule
WHERE NOT a.is_me AND a.kind <> 'bcc' AND rule.creation <> 'none'
  AND CASE i.platform
    WHEN 'email' THEN
        i.crowd <= 25
        AND NOT (i.bcc_logged AND rule.by_me)
        AND CASE
            WHEN rule.creation = 'everyone' THEN p.role <> 'bcc_log'
            WHEN a.robot OR NOT (i.automated = '' OR (i.automated = 'list' AND i.answered)) THEN false
            WHEN rule.by_me THEN p.role IN ('to', 'cc', 'bcc')
            ELSE p.role = 'from' AND NOT i.via AND rule.creation = 'people'
        END
    WHEN 'calendar' THEN
        NOT a.robot
        AND (rule.creation <> 'sent_only' OR i.organized OR EXISTS (
            SELECT FROM participants o JOIN addresses oa ON oa.id = o.address_id
            WHERE o.interaction_id = i.id AND o.role = 'organizer' AND oa.is_me))
        -- Somebody besides me must be invited: an organizer alone makes no meeting.
        AND EXISTS (
            SELECT FROM participants g JOIN addresses ga ON ga.id = g.address_id
            WHERE g.interaction_id = i.id AND g.role = 'attendee' AND NOT ga.is_me)
        AND 25 >= (
            SELECT count(DISTINCT g.address_id) FROM participants g JOIN addresses ga ON ga.id = g.address_id
            WHERE g.interaction_id = i.id AND NOT ga.is_me)
    ELSE i.crowd <= 25 AND NOT a.robot AND (rule.creation <> 'sent_only' OR i.direction <> 'inbound')
  END;

-- migrate:down

DROP VIEW wanted;
DROP VIEW lines;
DROP TABLE merges;
DROP TABLE profiles;
DROP TABLE cards;
DROP TABLE sightings;
DROP TABLE participants;
DROP TABLE interactions;
DROP TABLE addresses;
DROP TABLE contacts;
DROP TABLE purged;
DROP TABLE own_addresses;
DROP TABLE accounts;
DROP TABLE users;
