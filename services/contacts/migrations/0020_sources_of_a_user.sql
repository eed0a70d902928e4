-- migrate:up

-- Also who has seen something of a user, with one look for each of them. NULLS FIRST, as no other index begins: whoever asks for that order
-- is led by this one, and never by the primary key past all that other users have.
DROP INDEX sightings_of_user;
CREATE INDEX sightings_of_user ON sightings (user_id, source_id NULLS FIRST);

-- migrate:down

DROP INDEX sightings_of_user;
CREATE INDEX sightings_of_user ON sightings (user_id);
