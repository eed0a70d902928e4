-- migrate:up

-- Lists by company (folded, its beginning) and by when a contact was added. No company comes last.
ALTER TABLE contacts ADD COLUMN company_key text NOT NULL DEFAULT '';
CREATE INDEX contacts_by_company ON contacts (user_id, (company_key = ''), company_key, name_key, id) WHERE merged_into IS NULL AND NOT archived;
CREATE INDEX contacts_by_added ON contacts (user_id, created_at DESC, id) WHERE merged_into IS NULL AND NOT archived;

-- Words of names by themselves: of a few letters that are in everybody's address, those whose names begin so are found (store/text_search.py).
CREATE INDEX contacts_search_names ON contacts USING gin (to_tsvector('simple', words_name));

-- Computed with the score and due with it (due_at). next_meeting_at: the first meeting that is ahead. cold_since, usual_days, cold_was: since
-- when a relationship is going cold, how many days used to lie between two days of writing, and the score that it had at its last contact.
-- relationship: all that a contact's page shows of it, for contacts with so many interactions that nobody waits for their being read.
ALTER TABLE contacts ADD COLUMN next_meeting_at timestamptz, ADD COLUMN cold_since timestamptz, ADD COLUMN usual_days int,
    ADD COLUMN cold_was text, ADD COLUMN relationship jsonb;
CREATE INDEX contacts_going_cold ON contacts (user_id) WHERE cold_since IS NOT NULL AND merged_into IS NULL AND NOT archived;
CREATE INDEX contacts_with_meetings ON contacts (user_id) WHERE next_meeting_at IS NOT NULL AND merged_into IS NULL AND NOT archived;
CREATE INDEX contacts_with_tags ON contacts (user_id) WHERE tags <> '{}' AND merged_into IS NULL AND NOT archived;
CREATE INDEX contacts_archived ON contacts (user_id) WHERE archived AND merged_into IS NULL;

-- The words for search of scripts without blanks have changed, and the rest is new: everything is due, a few at a time.
UPDATE contacts SET derive_due = true, due_at = '-infinity';

-- migrate:down

DROP INDEX contacts_archived;
DROP INDEX contacts_with_tags;
DROP INDEX contacts_by_added;
DROP INDEX contacts_search_names;
ALTER TABLE contacts DROP COLUMN relationship, DROP COLUMN cold_was, DROP COLUMN usual_days, DROP COLUMN cold_since,
    DROP COLUMN next_meeting_at, DROP COLUMN company_key;
