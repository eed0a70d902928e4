-- migrate:up

-- The newest event that was applied to an account, as `auth` counts them; 0: one that was not counted, of which `at` tells the order.
ALTER TABLE accounts ADD COLUMN sequence bigint NOT NULL DEFAULT 0;

-- The source's own count of what it named; 0: it was not counted, and `at` tells the order.
ALTER TABLE own_addresses ADD COLUMN revision bigint NOT NULL DEFAULT 0;

-- migrate:down

ALTER TABLE own_addresses DROP COLUMN revision;
ALTER TABLE accounts DROP COLUMN sequence;
