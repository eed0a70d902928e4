-- migrate:up

-- What a user was told. `event_key` names the fact behind it: a fact that is delivered twice notifies once.
CREATE TABLE notifications (
    id         uuid PRIMARY KEY,                    -- UUIDv7: newest first is `id DESC`
    user_id    uuid NOT NULL,
    account_id uuid,
    kind       text NOT NULL,
    level      text NOT NULL CHECK (level IN ('info', 'warning', 'error')),
    title      text NOT NULL,
    body       text NOT NULL,
    link       text NOT NULL,
    event_key  text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    read_at    timestamptz,
    UNIQUE (user_id, event_key)
);
CREATE INDEX notifications_newest ON notifications (user_id, id DESC);
CREATE INDEX notifications_unread ON notifications (user_id, id DESC) WHERE read_at IS NULL;

-- Webhook calls that are still to be made. Whether the user has a webhook is looked up when the call is due.
CREATE TABLE webhook_deliveries (
    notification_id uuid PRIMARY KEY REFERENCES notifications ON DELETE CASCADE,
    attempts        int NOT NULL DEFAULT 0,
    due_at          timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (due_at);

-- Users who are gone: a fact about them that arrives late notifies nobody.
CREATE TABLE deleted_users (
    user_id    uuid PRIMARY KEY,
    deleted_at timestamptz NOT NULL DEFAULT now()
);

-- migrate:down

DROP TABLE deleted_users;
DROP TABLE webhook_deliveries;
DROP TABLE notifications;
