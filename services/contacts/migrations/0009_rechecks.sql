-- migrate:up

-- What follows from a change of who is me, of who becomes a contact, or of what one account saw, and is still to be done: address by address,
-- in committed chunks (rechecks.py). stage 3: the interactions of this address are followed up, newest first, as far as (after_at, after_id);
-- 2: its name is learned anew, and whether it is a contact; 1: only the latter.
CREATE TABLE rechecks (
    user_id    uuid NOT NULL,
    address_id bigint NOT NULL,
    stage      smallint NOT NULL,
    after_at   timestamptz NOT NULL DEFAULT 'infinity',
    after_id   uuid NOT NULL DEFAULT 'ffffffff-ffff-ffff-ffff-ffffffffffff',
    PRIMARY KEY (user_id, address_id)
);

-- migrate:down

DROP TABLE rechecks;
