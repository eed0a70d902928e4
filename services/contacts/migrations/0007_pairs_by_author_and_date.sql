-- migrate:up

-- Copies of one mail share its Message-ID, its author and its Date (docs/rules.md); until now the Message-ID sufficed. Groups that hold more
-- than one live sighting are projected anew by the service, a few at a time (derivations.py). Of what is recorded the Date is not known, the
-- author is.
CREATE TABLE groups_due (
    user_id  uuid NOT NULL,
    platform text NOT NULL,
    grp      text NOT NULL,
    PRIMARY KEY (user_id, platform, grp)
);
INSERT INTO groups_due
SELECT user_id, platform, grp FROM sightings WHERE platform = 'email' AND fact IS NOT NULL GROUP BY 1, 2, 3 HAVING count(*) > 1;

-- Exports read in the order of ids; deletions and purges read by user what no other index leads to.
CREATE INDEX interactions_of_user ON interactions (user_id, id);
CREATE INDEX sightings_of_user ON sightings (user_id);
CREATE INDEX contacts_of_user ON contacts (user_id);
CREATE INDEX cards_of_user ON cards (user_id);
CREATE INDEX merges_of_user ON merges (user_id);

-- migrate:down

DROP INDEX merges_of_user;
DROP INDEX cards_of_user;
DROP INDEX contacts_of_user;
DROP INDEX sightings_of_user;
DROP INDEX interactions_of_user;
DROP TABLE groups_due;
