-- migrate:up

-- What a run is expected to come to in Gmail's quota units (0: nothing tells yet), and why it does not go faster.
ALTER TABLE runs ADD COLUMN estimated_units integer NOT NULL DEFAULT 0, ADD COLUMN note text NOT NULL DEFAULT '';

-- A run's row is written with every group of messages: there is room for its next version on the same page.
ALTER TABLE runs SET (fillfactor = 50);

-- migrate:down

ALTER TABLE runs RESET (fillfactor);
ALTER TABLE runs DROP COLUMN estimated_units, DROP COLUMN note;
