-- migrate:up

-- The newest event that was received of an account, as `auth` counts them: an earlier one that comes late notifies nobody. `purged`: nothing
-- about it notifies anybody any more.
CREATE TABLE accounts (
    account_id uuid PRIMARY KEY,
    user_id    uuid NOT NULL,
    sequence   bigint NOT NULL,
    purged     boolean NOT NULL DEFAULT false
);
CREATE INDEX accounts_user ON accounts (user_id);

-- migrate:down

DROP TABLE accounts;
