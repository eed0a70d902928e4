-- migrate:up

-- How each mailbox stays fresh. `canonical`: the address that Gmail's notifications are compared with.
-- watch_*: the topic that Gmail was last asked to tell, until when it does, and when to ask again (NULL: now).
-- `pushed_at`: the last notification. `missed_at`: a poll found what no notification had told of. `news_at`: something changed
-- then, or somebody asked. `poll_at`: when the history is looked at next without being told.
ALTER TABLE accounts
    ADD COLUMN canonical         text NOT NULL DEFAULT '',
    ADD COLUMN watch_topic       text NOT NULL DEFAULT '',
    ADD COLUMN watch_expires_at  timestamptz,
    ADD COLUMN watch_due_at      timestamptz,
    ADD COLUMN pushed_at         timestamptz,
    ADD COLUMN missed_at         timestamptz,
    ADD COLUMN news_at           timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN poll_at           timestamptz NOT NULL DEFAULT now();

-- Spread, so that an upgrade does not ask for all mailboxes in one second.
UPDATE accounts SET
    poll_at = now() + random() * interval '1 minute',
    canonical = CASE WHEN split_part(lower(address), '@', 2) IN ('gmail.com', 'googlemail.com')
                     THEN replace(split_part(split_part(lower(address), '@', 1), '+', 1), '.', '') || '@gmail.com'
                     ELSE lower(address) END;

CREATE INDEX accounts_by_canonical ON accounts (canonical) WHERE state = 'active';
CREATE INDEX accounts_poll_due ON accounts (poll_at) WHERE state = 'active';

-- migrate:down

DROP INDEX accounts_poll_due, accounts_by_canonical;
ALTER TABLE accounts
    DROP COLUMN canonical, DROP COLUMN watch_topic, DROP COLUMN watch_expires_at, DROP COLUMN watch_due_at,
    DROP COLUMN pushed_at, DROP COLUMN missed_at, DROP COLUMN news_at, DROP COLUMN poll_at;
