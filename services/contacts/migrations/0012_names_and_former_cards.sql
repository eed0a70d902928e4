-- migrate:up

-- The names that were seen with an address, each once per source (rank: services/contacts/domain/names.py) with the moment at which it was
-- seen last. Which of them the address is known by (addresses.name) follows from them all, so the order in which they came plays no part.
CREATE TABLE address_names (
    address_id bigint      NOT NULL REFERENCES addresses (id) ON DELETE CASCADE,
    user_id    uuid        NOT NULL,
    rank       smallint    NOT NULL,
    name       text        NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (address_id, rank, name)
);
CREATE INDEX address_names_of_user ON address_names (user_id);

-- Until they are learned anew from what is recorded, the addresses go on with the name that they have.
INSERT INTO address_names (address_id, user_id, rank, name, at)
SELECT id, user_id, CASE name_rank WHEN 2 THEN 3 ELSE 1 END, name, name_at FROM addresses WHERE name <> '' AND name_rank > 0;
INSERT INTO rechecks (user_id, address_id, stage)
SELECT user_id, id, 2 FROM addresses WHERE name <> '' AND NOT is_me ON CONFLICT DO NOTHING;

-- The names under which Google knew a card before it merged or renamed it: the cards of that name are of the same person.
ALTER TABLE cards ADD COLUMN former text[] NOT NULL DEFAULT '{}';
CREATE INDEX cards_by_former ON cards USING gin (former) WHERE former <> '{}';

-- migrate:down

DROP INDEX cards_by_former;
ALTER TABLE cards DROP COLUMN former;
DROP TABLE address_names;
