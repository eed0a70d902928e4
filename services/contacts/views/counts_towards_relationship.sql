-- Whether an interaction counts as contact between two people: for the score, for who becomes a contact, for the names that are learned.
-- Automated mail does not, but a mailing list that I answered does. `automated` is the rule that fits, or empty.
CREATE OR REPLACE FUNCTION counts_towards_relationship(automated text, answered boolean) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN automated = '' OR (automated = 'list' AND answered);
