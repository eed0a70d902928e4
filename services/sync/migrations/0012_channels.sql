-- migrate:up

-- The channels through which Google notifies of a calendar's changes. Of the token that comes with each notification there is the
-- SHA-256. `resource_id`: by which the channel is stopped; empty until Google has confirmed the channel. `renew_at`: from then on
-- another one is begun for its calendar; this one goes on until that is confirmed.
CREATE TABLE channels (
    channel_id   uuid PRIMARY KEY,
    user_id      uuid NOT NULL,
    account_id   uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    calendar_id  text NOT NULL,
    token_hash   bytea NOT NULL,
    resource_id  text NOT NULL DEFAULT '',
    expires_at   timestamptz,
    renew_at     timestamptz NOT NULL
);
CREATE INDEX channels_of_account ON channels (account_id);

-- migrate:down

DROP TABLE channels;
