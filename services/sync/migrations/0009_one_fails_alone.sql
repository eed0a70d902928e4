-- migrate:up

-- How often Gmail has answered with an error for this message alone, while it gave out others; and when it is tried again (NULL: now).
ALTER TABLE messages ADD COLUMN failures smallint NOT NULL DEFAULT 0, ADD COLUMN due_at timestamptz;

-- A Message-ID has up to 998 characters of any script: more bytes than an entry of an index may have. Its hash stands in for it.
DROP INDEX messages_by_message_id;
CREATE INDEX messages_by_message_id ON messages (account_id, hashtextextended(rfc_message_id, 0)) WHERE rfc_message_id IS NOT NULL;

-- Runs that have ended are kept for a while, then deleted.
CREATE INDEX runs_finished ON runs (finished_at) WHERE finished_at IS NOT NULL;

-- migrate:down

DROP INDEX runs_finished, messages_by_message_id;
CREATE INDEX messages_by_message_id ON messages (account_id, rfc_message_id) WHERE rfc_message_id IS NOT NULL;
ALTER TABLE messages DROP COLUMN failures, DROP COLUMN due_at;
