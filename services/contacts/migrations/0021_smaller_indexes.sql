-- migrate:up

-- The same look-ups and the same guarantees on half of the disk (docs/performance.md). A Message-ID is as long as its sender
-- likes, and stood in each row twice and in two indexes besides.

-- The observations of one mail are found by the hash of its group, and compared by the group itself. What is not mail is also looked for
-- on behalf of a user, where a policy lets only plain columns lead to the rows.
CREATE INDEX sightings_by_message_id ON sightings (user_id, hashtextextended(grp, 0)) WHERE fact IS NOT NULL AND platform = 'email';
DROP INDEX sightings_by_group;
CREATE INDEX sightings_by_group ON sightings (user_id, platform, grp) WHERE fact IS NOT NULL AND platform <> 'email';

-- Each interaction once: 120 bits of SHA-256, for a shorter hash a sender could find another Message-ID. byteain reads a text as its bytes
-- where no backslash is single, and is immutable, as convert_to is not. No platform has a line break in its name.
CREATE UNIQUE INDEX interactions_by_digest ON interactions
    (user_id, substr(sha256(replace(platform || E'\n' || ref, E'\\', E'\\\\')::bytea), 1, 15));
CREATE INDEX interactions_by_ref ON interactions (user_id, platform, ref) WHERE platform <> 'email';
ALTER TABLE interactions DROP CONSTRAINT interactions_user_id_platform_ref_key;

-- migrate:down

ALTER TABLE interactions ADD UNIQUE (user_id, platform, ref);
DROP INDEX interactions_by_ref;
DROP INDEX interactions_by_digest;
DROP INDEX sightings_by_group;
CREATE INDEX sightings_by_group ON sightings (user_id, platform, grp) WHERE fact IS NOT NULL;
DROP INDEX sightings_by_message_id;
