-- migrate:up

-- Comparisons of what Gmail lists with the ledger, and of the ledger with what contacts hold. One that has not ended is a wish,
-- and once it has begun, how far it is: `page` is the one to list next, `listed_at` says that the list is complete.
-- `asked_at`: when a run was last asked for, to carry it out. Of the ended ones the newest of each account are kept.
CREATE TABLE audits (
    audit_id        uuid PRIMARY KEY,
    account_id      uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    due_at          timestamptz NOT NULL,
    asked_at        timestamptz,
    began_at        timestamptz,
    listed_at       timestamptz,
    finished_at     timestamptz,
    since_s         bigint NOT NULL DEFAULT 0,
    history_id      bigint NOT NULL DEFAULT 0,
    page            text,
    pages           integer NOT NULL DEFAULT 0,
    listed          integer NOT NULL DEFAULT 0,
    recorded        integer NOT NULL DEFAULT 0,
    filtered        jsonb NOT NULL DEFAULT '{}',
    set_aside       integer NOT NULL DEFAULT 0,
    pending         integer NOT NULL DEFAULT 0,
    healed_added    integer NOT NULL DEFAULT 0,
    healed_removed  integer NOT NULL DEFAULT 0,
    unhealed        integer NOT NULL DEFAULT 0,
    complete        double precision NOT NULL DEFAULT 1,
    requests        integer NOT NULL DEFAULT 0,
    units           integer NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX audits_unfinished ON audits (account_id) WHERE finished_at IS NULL;
CREATE INDEX audits_due ON audits (due_at) WHERE finished_at IS NULL;
CREATE INDEX audits_of_account ON audits (account_id, finished_at DESC);

-- What the audit of an account has listed so far, a row a page: a row a message would be 500 times the work. Gone when it ends.
CREATE TABLE audit_pages (
    account_id  uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    number      integer NOT NULL,
    gmail_ids   text[] NOT NULL,
    thread_ids  text[] NOT NULL,
    PRIMARY KEY (account_id, number)
);

-- Messages that the audit of an account found to be missing and had fetched. Gone when it ends.
CREATE TABLE audit_missing (
    account_id  uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    gmail_id    text NOT NULL,
    PRIMARY KEY (account_id, gmail_id)
);

-- How often audits have tried this message again.
ALTER TABLE messages ADD COLUMN retries smallint NOT NULL DEFAULT 0;

-- migrate:down

ALTER TABLE messages DROP COLUMN retries;
DROP TABLE audit_missing, audit_pages, audits;
