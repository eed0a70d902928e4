-- migrate:up

-- What sync needs to know of a user: the `gmail` group of the settings. `version` keeps older news from winning.
CREATE TABLE preferences (
    user_id   uuid PRIMARY KEY,
    version   integer NOT NULL,
    gmail     jsonb NOT NULL
);

-- A copy of what `auth` says of each account. `changed_at` is the moment of the newest news that was applied.
CREATE TABLE accounts (
    account_id   uuid PRIMARY KEY,
    user_id      uuid NOT NULL,
    address      text NOT NULL,
    scopes       text[] NOT NULL,
    state        text NOT NULL CHECK (state IN ('active', 'reauth_required', 'disconnected')),
    aliases      text[] NOT NULL DEFAULT '{}',
    aliases_due  boolean NOT NULL DEFAULT true,
    changed_at   timestamptz NOT NULL
);
CREATE INDEX accounts_by_user ON accounts (user_id);

-- Runs, past and under way. An unfinished run is also the lease on its account and kind: who holds it has the highest
-- `fence`, and every write of a run names it. A holder that dies stops renewing `lease_until`, and the run passes on.
CREATE TABLE runs (
    run_id        uuid PRIMARY KEY,
    user_id       uuid NOT NULL,
    account_id    uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    kind          text NOT NULL CHECK (kind IN ('mail', 'contacts', 'calendar')),
    reason        text NOT NULL,
    state         text NOT NULL CHECK (state IN ('queued', 'running', 'waiting', 'completed', 'failed')),
    first         boolean NOT NULL DEFAULT false,
    due_at        timestamptz NOT NULL DEFAULT now(),
    started_at    timestamptz NOT NULL DEFAULT now(),
    finished_at   timestamptz,
    holder        text NOT NULL DEFAULT '',
    fence         bigint NOT NULL DEFAULT 0,
    lease_until   timestamptz,
    again         text,            -- the reason why the run is to be followed by another one
    scan_due      timestamptz,     -- a prep scan waits for the end of this run since then
    stuck_since   timestamptz,     -- throttled or cut off since then, without progress
    pauses        integer NOT NULL DEFAULT 0,
    done          integer NOT NULL DEFAULT 0,
    total         integer NOT NULL DEFAULT 0,
    eta_seconds   double precision,
    new           integer NOT NULL DEFAULT 0,
    updated       integer NOT NULL DEFAULT 0,
    removed       integer NOT NULL DEFAULT 0,
    skipped       jsonb NOT NULL DEFAULT '{}',
    requests      integer NOT NULL DEFAULT 0,
    units         integer NOT NULL DEFAULT 0,
    code          text NOT NULL DEFAULT '',
    error         text NOT NULL DEFAULT '',
    trace         text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX runs_unfinished ON runs (account_id, kind) WHERE finished_at IS NULL;
CREATE INDEX runs_due ON runs (first, due_at) WHERE finished_at IS NULL;
CREATE INDEX runs_scan_due ON runs (scan_due) WHERE scan_due IS NOT NULL;
CREATE INDEX runs_of_account ON runs (account_id, run_id DESC);
CREATE INDEX runs_latest ON runs (user_id, account_id, kind, run_id DESC);

-- How far each thing is read. The token's shape is the kind's own (domain/cursors.py); `calendar_id` is '' elsewhere.
CREATE TABLE cursors (
    account_id   uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    kind         text NOT NULL,
    calendar_id  text NOT NULL DEFAULT '',
    token        jsonb NOT NULL,
    PRIMARY KEY (account_id, kind, calendar_id)
);

-- The ledger: every Gmail id that was ever listed or touched, and what became of it. `revision` is that of the newest fact
-- that was said about it (0: none), taken from Gmail's history ids. `position` is ascending from new to old.
CREATE TABLE messages (
    account_id      uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    gmail_id        text NOT NULL,
    thread_id       text NOT NULL,
    state           text NOT NULL CHECK (state IN ('pending', 'recorded', 'filtered', 'set_aside', 'gone')),
    rule            text NOT NULL DEFAULT '',
    reason          text NOT NULL DEFAULT '',
    rfc_message_id  text,
    occurred_at     timestamptz,
    position        bigint NOT NULL,
    revision        bigint NOT NULL DEFAULT 0,
    generation      integer NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, gmail_id)
) WITH (fillfactor = 80);
CREATE INDEX messages_pending ON messages (account_id, position) WHERE state = 'pending';
CREATE INDEX messages_pending_thread ON messages (account_id, thread_id) WHERE state = 'pending';
CREATE INDEX messages_by_message_id ON messages (account_id, rfc_message_id) WHERE rfc_message_id IS NOT NULL;

-- Google contacts: a fingerprint of each card, not the card. `said`: the fact of this revision is on the bus.
CREATE TABLE people (
    account_id     uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    resource_name  text NOT NULL,
    fingerprint    text NOT NULL,
    deleted        boolean NOT NULL DEFAULT false,
    revision       bigint NOT NULL DEFAULT 1,
    said           boolean NOT NULL DEFAULT false,
    generation     integer NOT NULL,
    PRIMARY KEY (account_id, resource_name)
);

-- Meetings, whole: prep and the gateway ask for them. `meeting` is libs.common.events.Meeting without its revision.
CREATE TABLE meetings (
    meeting_id   uuid PRIMARY KEY,
    user_id      uuid NOT NULL,
    account_id   uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    calendar_id  text NOT NULL,
    event_id     text NOT NULL,
    starts_at    timestamptz NOT NULL,
    cancelled    boolean NOT NULL DEFAULT false,
    revision     bigint NOT NULL DEFAULT 1,
    said         boolean NOT NULL DEFAULT false,
    generation   integer NOT NULL,
    meeting      jsonb NOT NULL,
    UNIQUE (account_id, calendar_id, event_id)
);
CREATE INDEX meetings_by_start ON meetings (user_id, starts_at, meeting_id) WHERE NOT cancelled;
CREATE INDEX meetings_upcoming ON meetings (account_id, starts_at) WHERE NOT cancelled;
CREATE INDEX meetings_unsaid ON meetings (account_id, calendar_id) WHERE NOT said;

CREATE TABLE outbox (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject     text NOT NULL,
    payload     jsonb NOT NULL,
    trace       text NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL DEFAULT now()
);

-- migrate:down

DROP TABLE outbox, meetings, people, messages, cursors, runs, accounts, preferences;
