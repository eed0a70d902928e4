-- migrate:up

-- Two foreign keys cost each row of mail more than the row itself: a look-up and a row lock apiece, for what the code keeps true anyway.
-- Participants and their interactions are written and deleted together, under the user's lock (store/interactions.py); an address that is
-- on something is never deleted (every DELETE FROM addresses says NOT EXISTS).
ALTER TABLE participants DROP CONSTRAINT participants_address_id_fkey, DROP CONSTRAINT participants_interaction_id_fkey;
ALTER TABLE interactions DROP CONSTRAINT interactions_author_id_fkey;
DROP INDEX interactions_by_author;

-- The sightings of a group name its interactions.
DROP INDEX interactions_by_group;

-- Room for the next version of a row on its own page: names are learned and scores computed again and again.
ALTER TABLE addresses SET (fillfactor = 85);
ALTER TABLE contacts SET (fillfactor = 70);

-- migrate:down

ALTER TABLE contacts RESET (fillfactor);
ALTER TABLE addresses RESET (fillfactor);
CREATE INDEX interactions_by_group ON interactions (user_id, platform, grp);
CREATE INDEX interactions_by_author ON interactions (author_id);
ALTER TABLE interactions ADD FOREIGN KEY (author_id) REFERENCES addresses (id);
ALTER TABLE participants ADD FOREIGN KEY (address_id) REFERENCES addresses (id) ON DELETE CASCADE,
    ADD FOREIGN KEY (interaction_id) REFERENCES interactions (id) ON DELETE CASCADE;
