-- migrate:up

-- That the user has dismissed a message that waited on them: it waits no more (docs/rules.md, "Waiting on you").
ALTER TABLE interactions ADD COLUMN dismissed_at timestamptz;

-- Mail that people wrote, by time: a small part of all that is recorded.
CREATE INDEX interactions_by_people ON interactions (user_id, occurred_at DESC, id DESC) WHERE platform = 'email' AND automated = '';

-- migrate:down

DROP INDEX interactions_by_people;
ALTER TABLE interactions DROP COLUMN dismissed_at;
