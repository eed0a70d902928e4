-- migrate:up

-- Some notifications offer something that one click does. `offer`: the address that would be added to the user's own ones.
ALTER TABLE notifications
    ADD COLUMN offer text,
    ADD COLUMN answer text CHECK (answer IN ('accepted', 'dismissed'));

-- migrate:down

ALTER TABLE notifications DROP COLUMN offer, DROP COLUMN answer;
