-- migrate:up

-- Contacts that changed and are to be called about, of users who chose so: gathered in `waiting`, in `calling` from the first try on.
-- `…_resync`: more than can be named. `due_at` is NULL after a call was given up, until something changes again.
CREATE TABLE webhook_contacts (
    user_id        uuid PRIMARY KEY,
    waiting        uuid[] NOT NULL DEFAULT '{}',
    waiting_resync boolean NOT NULL DEFAULT false,
    calling        uuid[] NOT NULL DEFAULT '{}',
    calling_resync boolean NOT NULL DEFAULT false,
    call_id        uuid,                            -- of what is in `calling`: the same for each try
    since          timestamptz NOT NULL,            -- the first change that no call was taken for
    due_at         timestamptz,
    attempts       int NOT NULL DEFAULT 0,
    trace          text NOT NULL DEFAULT ''         -- of the last event that something was gathered from
);
CREATE INDEX webhook_contacts_due ON webhook_contacts (due_at) WHERE due_at IS NOT NULL;

-- What a call was about. Notifications alone have an id here.
ALTER TABLE webhook_calls ADD COLUMN about text NOT NULL DEFAULT 'notification'
    CHECK (about IN ('notification', 'contacts', 'test'));
UPDATE webhook_calls SET about = 'test' WHERE notification_id IS NULL;

-- migrate:down

ALTER TABLE webhook_calls DROP COLUMN about;
DROP TABLE webhook_contacts;
