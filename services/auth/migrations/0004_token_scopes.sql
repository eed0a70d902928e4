-- migrate:up

-- What an API token may do, and until when. Those that are there already may do what they could, and have no end; new ones say both.
ALTER TABLE api_tokens
    ADD COLUMN scopes text[] NOT NULL DEFAULT '{read,write,account}',
    ADD COLUMN expires_at timestamptz;
ALTER TABLE api_tokens
    ALTER COLUMN scopes DROP DEFAULT,
    ADD CHECK (cardinality(scopes) > 0 AND scopes <@ '{read,write,account}');

-- migrate:down
ALTER TABLE api_tokens DROP COLUMN scopes, DROP COLUMN expires_at;
