-- migrate:up

-- The newest event that was applied to an account, as `auth` counts them; 0: one that was not counted, of which `changed_at` tells the order.
-- `identified` counts the readings of its addresses.
ALTER TABLE accounts ADD COLUMN sequence bigint NOT NULL DEFAULT 0, ADD COLUMN identified bigint NOT NULL DEFAULT 0;

-- migrate:down

ALTER TABLE accounts DROP COLUMN sequence, DROP COLUMN identified;
