-- migrate:up

-- The trace of the event that a webhook call reports: one trace leads from the cause to the call, whoever makes it and whenever.
ALTER TABLE webhook_deliveries ADD COLUMN trace text NOT NULL DEFAULT '';

-- migrate:down

ALTER TABLE webhook_deliveries DROP COLUMN trace;
