-- migrate:up

-- What is to be published is read in the order of its start, some hundreds at a time: without the start in the index each of these
-- reads would sort all that is left of a large calendar.
DROP INDEX meetings_unsaid;
CREATE INDEX meetings_unsaid ON meetings (account_id, calendar_id, starts_at) WHERE NOT said;

-- migrate:down

DROP INDEX meetings_unsaid;
CREATE INDEX meetings_unsaid ON meetings (account_id, calendar_id) WHERE NOT said;
