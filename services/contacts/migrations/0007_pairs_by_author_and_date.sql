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

-- migrate:down

DROP TABLE groups_due;
