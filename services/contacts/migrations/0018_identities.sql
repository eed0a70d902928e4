-- migrate:up

-- What a connector reported with an identity, or a bio names, that may be known of somebody who is a contact already: the evidence for
-- suggesting that the two are one person. source: `profile` or `bio`; platform: whose profile or bio; kind and value: as in `addresses`.
CREATE TABLE identity_evidence (
    address_id bigint NOT NULL REFERENCES addresses (id) ON DELETE CASCADE,
    user_id    uuid NOT NULL,
    source     text NOT NULL,
    platform   text NOT NULL,
    kind       text NOT NULL,
    value      text NOT NULL,
    PRIMARY KEY (address_id, source, platform, kind, value)
);
CREATE INDEX identity_evidence_by_value ON identity_evidence (user_id, kind, value);

-- A handle is the same however it is written (domain/identities.py). What was stored as the address of a profile, or under another name of
-- its platform, becomes that handle. Observations are read so by themselves.
CREATE FUNCTION reread_kind(kind text) RETURNS text LANGUAGE sql IMMUTABLE
RETURN CASE kind WHEN 'x' THEN 'twitter' WHEN 'tg' THEN 'telegram' ELSE kind END;
CREATE FUNCTION reread_value(kind text, value text) RETURNS text LANGUAGE sql IMMUTABLE
RETURN coalesce(CASE reread_kind(kind)
    WHEN 'telegram' THEN substring(value FROM '^(?:t\.me|telegram\.me|telegram\.dog)/(?:s/)?@?([a-z][a-z0-9_]{3,31})(?:[/?#]|$)')
    WHEN 'linkedin' THEN substring(value FROM '^(?:[a-z]+\.)?linkedin\.com/in/([a-z0-9_-]{1,100})(?:[/?#]|$)')
    WHEN 'twitter' THEN substring(value FROM '^(?:[a-z]+\.)?(?:twitter|x)\.com/@?([a-z0-9_]{1,15})(?:[/?#]|$)')
    WHEN 'instagram' THEN substring(value FROM '^instagram\.com/@?([a-z0-9_.]{1,30})(?:[/?#]|$)')
    WHEN 'github' THEN substring(value FROM '^github\.com/([a-z0-9][a-z0-9-]{0,38})(?:[/?#]|$)')
END, value);

-- Of several addresses that are one now, the one that was written so already is kept, else the oldest.
CREATE TABLE reread AS
SELECT id, user_id, kind, value, contact_id, reread_kind(kind) AS new_kind, reread_value(kind, value) AS new_value,
    first_value(id) OVER (PARTITION BY user_id, reread_kind(kind), reread_value(kind, value)
        ORDER BY (kind, value) = (reread_kind(kind), reread_value(kind, value)) DESC, id) AS keeper
FROM addresses WHERE kind NOT IN ('email', 'phone', 'bcc');
DELETE FROM reread WHERE id = keeper AND (kind, value) = (new_kind, new_value);

INSERT INTO participants (address_id, occurred_at, interaction_id, role, name)
SELECT r.keeper, p.occurred_at, p.interaction_id, p.role, p.name FROM participants p JOIN reread r ON r.id = p.address_id
WHERE r.id <> r.keeper ON CONFLICT DO NOTHING;
INSERT INTO profiles (address_id, platform, bio, at)
SELECT r.keeper, p.platform, p.bio, p.at FROM profiles p JOIN reread r ON r.id = p.address_id WHERE r.id <> r.keeper
ON CONFLICT DO NOTHING;
INSERT INTO address_names (address_id, user_id, rank, name, at)
SELECT r.keeper, n.user_id, n.rank, n.name, n.at FROM address_names n JOIN reread r ON r.id = n.address_id WHERE r.id <> r.keeper
ON CONFLICT DO NOTHING;
UPDATE addresses a SET contact_id = r.contact_id FROM reread r
WHERE a.id = r.keeper AND r.id <> r.keeper AND a.contact_id IS NULL AND NOT a.barred AND r.contact_id IS NOT NULL;
UPDATE merges m SET
    address_ids = ARRAY(SELECT DISTINCT coalesce(r.keeper, id) FROM unnest(m.address_ids) AS id LEFT JOIN reread r USING (id)),
    survivor_address_ids = CASE WHEN m.survivor_address_ids IS NOT NULL THEN
        ARRAY(SELECT DISTINCT coalesce(r.keeper, id) FROM unnest(m.survivor_address_ids) AS id LEFT JOIN reread r USING (id)) END
WHERE EXISTS (SELECT FROM reread r WHERE r.id <> r.keeper AND r.user_id = m.user_id);
-- Who has such an address, or had it until now, is looked at anew: a contact that nothing else supports goes.
UPDATE contacts c SET derive_due = true, duplicates_due = true, due_at = '-infinity'
WHERE c.id IN (SELECT contact_id FROM reread UNION SELECT a.contact_id FROM reread r JOIN addresses a ON a.id = r.keeper);
DELETE FROM addresses a USING reread r WHERE a.id = r.id AND r.id <> r.keeper;
UPDATE addresses a SET kind = r.new_kind, value = r.new_value FROM reread r WHERE a.id = r.id;
DROP TABLE reread;

-- Who is not to be recorded stays so, however a handle is written.
UPDATE exclusions e SET kind = reread_kind(e.kind), value = reread_value(e.kind, e.value)
FROM (
    SELECT DISTINCT ON (user_id, reread_kind(kind), reread_value(kind, value), ended_at IS NULL) id FROM exclusions
    WHERE kind NOT IN ('domain', 'email', 'phone') ORDER BY user_id, reread_kind(kind), reread_value(kind, value), ended_at IS NULL,
        (kind, value) = (reread_kind(kind), reread_value(kind, value)) DESC, id
) first WHERE e.id = first.id;
DROP FUNCTION reread_value;
DROP FUNCTION reread_kind;

-- migrate:down

DROP TABLE identity_evidence;
