-- migrate:up

-- A meeting in two calendars of one account (same iCalUID, original start and start) gets one brief, whatever Google calls its copies.
-- Empty: the event has no iCalUID, or the brief is older than this column.
ALTER TABLE preps ADD COLUMN copy_of text NOT NULL DEFAULT '';
COMMENT ON COLUMN preps.copy_of IS 'the same for all copies of the meeting in the calendars of its account';

-- A skipped one leaves the brief to another copy: the first may just have been taken out of its calendar.
CREATE UNIQUE INDEX preps_one_per_copy ON preps (account_id, copy_of, starts_at) WHERE NOT by_hand AND copy_of <> '' AND state <> 'skipped';

-- migrate:down
DROP INDEX preps_one_per_copy;
ALTER TABLE preps DROP COLUMN copy_of;
