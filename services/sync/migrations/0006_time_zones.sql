-- migrate:up

-- In which zone the account's primary calendar is: that of whoever reads its meetings. Empty until the calendar is read, by the next prep scan.
ALTER TABLE accounts ADD COLUMN time_zone text NOT NULL DEFAULT '';

-- migrate:down

ALTER TABLE accounts DROP COLUMN time_zone;
