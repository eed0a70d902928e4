-- On how many people a message or meeting may at most be to make contacts of them. On more they are linked, never created.
CREATE OR REPLACE FUNCTION participant_limit() RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 25;
