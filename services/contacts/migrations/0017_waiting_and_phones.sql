-- migrate:up

-- Whether the user has written to them: computed with the score, and due with it (due_at). Until then as far as mail shows it.
ALTER TABLE contacts ADD COLUMN written_to boolean NOT NULL DEFAULT false;
UPDATE contacts c SET written_to = true FROM (
    SELECT DISTINCT theirs.contact_id
    FROM addresses writer
    JOIN interactions sent ON sent.author_id = writer.id AND NOT sent.unauthenticated AND sent.automated = ''
    JOIN participants p ON p.interaction_id = sent.id AND p.role IN ('to', 'cc', 'bcc')
    JOIN addresses theirs ON theirs.id = p.address_id AND theirs.contact_id IS NOT NULL
    WHERE writer.is_me
) written WHERE c.id = written.contact_id;

-- What may wait on the user, by time, and who wrote it: found without a look at the rows themselves.
DROP INDEX interactions_by_people;
CREATE INDEX interactions_by_people ON interactions (user_id, occurred_at DESC, id DESC) INCLUDE (author_id)
    WHERE platform = 'email' AND automated = '' AND NOT via AND NOT unauthenticated AND dismissed_at IS NULL AND author_id IS NOT NULL;

-- The phones of a card as Google gives them in E.164, in the order of `phones`; empty texts where it does not know their country.
ALTER TABLE cards ADD COLUMN canonical_phones text[] NOT NULL DEFAULT '{}';

-- migrate:down

ALTER TABLE cards DROP COLUMN canonical_phones;
DROP INDEX interactions_by_people;
CREATE INDEX interactions_by_people ON interactions (user_id, occurred_at DESC, id DESC) WHERE platform = 'email' AND automated = '';
ALTER TABLE contacts DROP COLUMN written_to;
