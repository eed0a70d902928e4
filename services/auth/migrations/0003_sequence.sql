-- migrate:up

-- Counts what happens to an account: its events carry it, so that their order does not hang on clocks. 0: none was ever published.
ALTER TABLE google_accounts ADD COLUMN sequence bigint NOT NULL DEFAULT 1;
ALTER TABLE google_accounts ALTER COLUMN sequence SET DEFAULT 0;

-- Accounts that were purged, or went with their user: their ids alone, for services that have missed it.
CREATE TABLE removed_accounts (
    id           uuid PRIMARY KEY,
    user_id      uuid NOT NULL,
    sequence     bigint NOT NULL,
    user_deleted boolean NOT NULL DEFAULT false,
    removed_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX removed_accounts_user ON removed_accounts (user_id);

-- migrate:down

DROP TABLE removed_accounts;
ALTER TABLE google_accounts DROP COLUMN sequence;
