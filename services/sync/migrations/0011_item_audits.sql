-- migrate:up

-- The daily comparison of the meetings and cards that were published with what contacts hold: the newest of each account and kind.
-- `due_at`: from when on a run of that kind carries one out; NULL: the last one was.
CREATE TABLE item_audits (
    account_id   uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    kind         text NOT NULL CHECK (kind IN ('contacts', 'calendar')),
    due_at       timestamptz,
    finished_at  timestamptz,
    compared     integer NOT NULL DEFAULT 0,
    healed       integer NOT NULL DEFAULT 0,
    unhealed     integer NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, kind)
);

-- How often audits have published this meeting or card again.
ALTER TABLE meetings ADD COLUMN retries smallint NOT NULL DEFAULT 0;
ALTER TABLE people ADD COLUMN retries smallint NOT NULL DEFAULT 0;

CREATE INDEX people_unsaid ON people (account_id) WHERE NOT said;

-- migrate:down

DROP INDEX people_unsaid;
ALTER TABLE people DROP COLUMN retries;
ALTER TABLE meetings DROP COLUMN retries;
DROP TABLE item_audits;
