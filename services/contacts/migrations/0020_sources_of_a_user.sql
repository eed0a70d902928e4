-- migrate:up

-- Also who has seen something of a user, with one look for each of them.
DROP INDEX sightings_of_user;
CREATE INDEX sightings_of_user ON sightings (user_id, source_id);

-- migrate:down

DROP INDEX sightings_of_user;
CREATE INDEX sightings_of_user ON sightings (user_id);
