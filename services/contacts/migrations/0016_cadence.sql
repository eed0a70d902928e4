-- migrate:up

-- What is usual is another after a burst of mail (docs/rules.md, "Going cold"): who is thought to be going cold is due.
UPDATE contacts SET due_at = '-infinity' WHERE cold_since IS NOT NULL;

-- migrate:down

UPDATE contacts SET due_at = '-infinity' WHERE cold_since IS NOT NULL;
