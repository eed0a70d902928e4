-- migrate:up

-- Mail that fails DMARC and does not lie in SENT. Where its author is me, somebody else wrote it: it is forged (docs/rules.md). Whether the
-- author is me is decided when it is read, as for the direction: an address that becomes mine later makes forged what was not.
ALTER TABLE interactions ADD COLUMN unauthenticated boolean NOT NULL DEFAULT false;

-- migrate:down

ALTER TABLE interactions DROP COLUMN unauthenticated CASCADE;
