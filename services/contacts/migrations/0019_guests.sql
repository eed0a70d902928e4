-- migrate:up

-- Who is of the same company: by the mail domain.
ALTER TABLE addresses ADD COLUMN domain text GENERATED ALWAYS AS (CASE WHEN kind = 'email' THEN split_part(value, '@', 2) END) STORED;
CREATE INDEX addresses_by_domain ON addresses (user_id, domain) WHERE contact_id IS NOT NULL AND domain IS NOT NULL;

-- What a card called somebody's work before it called it another, and when that was found.
ALTER TABLE cards ADD COLUMN company_was text NOT NULL DEFAULT '', ADD COLUMN title_was text NOT NULL DEFAULT '',
    ADD COLUMN work_changed_at timestamptz;

-- migrate:down

ALTER TABLE cards DROP COLUMN work_changed_at, DROP COLUMN title_was, DROP COLUMN company_was;
DROP INDEX addresses_by_domain;
ALTER TABLE addresses DROP COLUMN domain;
