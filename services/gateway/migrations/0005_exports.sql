-- migrate:up

-- Archives of everything that are made in the background (export_making.py). `claims`: grows with each time that a replica begins to make it; who
-- began it earlier can write nothing more. counted, total: contacts and interactions, as far as they are written. problem: why it failed.
CREATE TABLE exports (
    id          uuid PRIMARY KEY,
    user_id     uuid NOT NULL,
    state       text NOT NULL DEFAULT 'making' CHECK (state IN ('making', 'done', 'failed')),
    claims      int NOT NULL DEFAULT 0,
    lease_until timestamptz NOT NULL DEFAULT '-infinity',
    counted     bigint NOT NULL DEFAULT 0,
    total       bigint,
    bytes       bigint NOT NULL DEFAULT 0,
    problem     text NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
CREATE UNIQUE INDEX exports_being_made ON exports (user_id) WHERE state = 'making';
CREATE INDEX exports_of_user ON exports (user_id, created_at DESC);

-- An archive in pieces, as it was written: compressed already, so PostgreSQL need not try.
CREATE TABLE export_pieces (
    export_id uuid NOT NULL REFERENCES exports ON DELETE CASCADE,
    number    int NOT NULL,
    user_id   uuid NOT NULL,
    data      bytea NOT NULL,
    PRIMARY KEY (export_id, number)
);
ALTER TABLE export_pieces ALTER COLUMN data SET STORAGE EXTERNAL;
CREATE INDEX export_pieces_of_user ON export_pieces (user_id);

-- migrate:down

DROP TABLE export_pieces;
DROP TABLE exports;
