-- migrate:up

-- How often a notification has changed, from 1: it grows with each run that shares it.
ALTER TABLE notifications ADD COLUMN revision int NOT NULL DEFAULT 1;

-- The revision that has to be called: one that has grown while it was called is called once more.
ALTER TABLE webhook_deliveries ADD COLUMN revision int NOT NULL DEFAULT 1;

-- migrate:down

ALTER TABLE webhook_deliveries DROP COLUMN revision;
ALTER TABLE notifications DROP COLUMN revision;
