-- migrate:up

-- What was requested together is one notification that grows: runs of one account, for one reason, requested at about one moment.
-- `counted` of such a one: what each of its runs brought, {"kind run id": [new, updated, removed]}.
ALTER TABLE notifications
    ADD COLUMN request_group text,
    ADD COLUMN requested_at timestamptz;
CREATE INDEX notifications_requested ON notifications (user_id, request_group, requested_at) WHERE request_group IS NOT NULL;

-- The secret of a user's webhook is derived from the keys, the user and how often they have made a new one.
CREATE TABLE webhook_secrets (
    user_id    uuid PRIMARY KEY,
    generation int NOT NULL,
    made_at    timestamptz NOT NULL DEFAULT now()
);

-- The last calls of a user's webhook, for people: `notification_id` is NULL of a test. Old ones make room for new ones.
CREATE TABLE webhook_calls (
    id              uuid PRIMARY KEY,
    user_id         uuid NOT NULL,
    notification_id uuid REFERENCES notifications ON DELETE CASCADE,
    called_at       timestamptz NOT NULL DEFAULT now(),
    attempt         int NOT NULL,
    failure         text NOT NULL,                  -- empty: the receiver took it
    milliseconds    int NOT NULL
);
CREATE INDEX webhook_calls_newest ON webhook_calls (user_id, id DESC);
CREATE INDEX webhook_calls_notification ON webhook_calls (notification_id);

-- migrate:down

DROP TABLE webhook_calls, webhook_secrets;
DROP INDEX notifications_requested;
ALTER TABLE notifications DROP COLUMN request_group, DROP COLUMN requested_at;
