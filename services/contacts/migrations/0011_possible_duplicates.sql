-- migrate:up

-- Contacts that may be one person are found in the background (duplicates.py): whose traits changed is due, is compared with those who
-- share a key (domain/duplicate_keys.py), and what is found replaces what was found before. All that are there now are due.
ALTER TABLE contacts ADD COLUMN duplicates_due boolean NOT NULL DEFAULT true;
CREATE INDEX contacts_duplicates_due ON contacts (user_id) WHERE duplicates_due AND merged_into IS NULL;

CREATE TABLE duplicate_keys (
    user_id    uuid NOT NULL,
    key        text NOT NULL,
    contact_id uuid NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
    PRIMARY KEY (user_id, key, contact_id)
);
CREATE INDEX duplicate_keys_of_contact ON duplicate_keys (contact_id);

-- Each pair once, the smaller id first. Read through views/possible_duplicates.sql.
CREATE TABLE duplicate_suggestions (
    user_id    uuid NOT NULL,
    first_id   uuid NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
    second_id  uuid NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
    confidence double precision NOT NULL,
    evidence   text[] NOT NULL,
    PRIMARY KEY (first_id, second_id),
    CHECK (first_id < second_id)
);
CREATE INDEX duplicate_suggestions_of_second ON duplicate_suggestions (second_id);
CREATE INDEX duplicate_suggestions_by_confidence ON duplicate_suggestions (user_id, confidence DESC, first_id, second_id);

-- The user has stated that they are two. The ids are those of the contacts as they were then: merges of either change nothing about it.
CREATE TABLE distinct_contacts (
    user_id   uuid NOT NULL,
    first_id  uuid NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
    second_id uuid NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
    at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (first_id, second_id),
    CHECK (first_id < second_id)
);
CREATE INDEX distinct_contacts_of_second ON distinct_contacts (second_id);
CREATE INDEX distinct_contacts_of_user ON distinct_contacts (user_id);

-- What was the survivor's own, so that an undoing can tell what came since. Null: merged before that was recorded.
ALTER TABLE merges ADD COLUMN survivor_address_ids bigint[], ADD COLUMN survivor_card_accounts uuid[], ADD COLUMN survivor_card_names text[];

-- migrate:down

ALTER TABLE merges DROP COLUMN survivor_address_ids, DROP COLUMN survivor_card_accounts, DROP COLUMN survivor_card_names;
DROP TABLE distinct_contacts;
DROP TABLE duplicate_suggestions CASCADE;
DROP TABLE duplicate_keys;
ALTER TABLE contacts DROP COLUMN duplicates_due;
