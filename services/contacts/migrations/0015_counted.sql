-- migrate:up

-- How many interactions of each platform there are of a user: counting a million of them takes longer than anybody waits for a page. Kept
-- true by the statements that add and remove interactions, once per statement; a row goes with the last of what it counts. These are done
-- under the user's lock, so no two of them wait for each other here.
CREATE TABLE interaction_counts (
    user_id  uuid   NOT NULL,
    platform text   NOT NULL,
    total    bigint NOT NULL,
    PRIMARY KEY (user_id, platform)
) WITH (fillfactor = 50);

-- The functions find their tables whoever calls them: an administrator's search path is another.
CREATE FUNCTION count_added_interactions() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO interaction_counts AS c (user_id, platform, total) SELECT user_id, platform, count(*) FROM added GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (user_id, platform) DO UPDATE SET total = c.total + excluded.total;
    RETURN NULL;
END $$;

CREATE FUNCTION count_removed_interactions() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE interaction_counts c SET total = c.total - r.total
    FROM (SELECT user_id, platform, count(*) AS total FROM removed GROUP BY 1, 2) r WHERE (c.user_id, c.platform) = (r.user_id, r.platform);
    DELETE FROM interaction_counts c USING (SELECT DISTINCT user_id, platform FROM removed) r
    WHERE (c.user_id, c.platform) = (r.user_id, r.platform) AND c.total <= 0;
    RETURN NULL;
END $$;

-- The triggers first: from here on nobody else adds or removes any until what is there is counted.
CREATE TRIGGER count_added AFTER INSERT ON interactions REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION count_added_interactions();
CREATE TRIGGER count_removed AFTER DELETE ON interactions REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION count_removed_interactions();
INSERT INTO interaction_counts SELECT user_id, platform, count(*) FROM interactions GROUP BY 1, 2;

-- A foreign key costs each key more than its row does: a look-up and a lock of the contact apiece, whose keys are replaced under the user's
-- lock anyway. Keys still go with their contact, all those of a statement at once.
ALTER TABLE duplicate_keys DROP CONSTRAINT duplicate_keys_contact_id_fkey;
CREATE FUNCTION remove_duplicate_keys() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM duplicate_keys d USING removed WHERE d.contact_id = removed.id;
    RETURN NULL;
END $$;
CREATE TRIGGER remove_keys AFTER DELETE ON contacts REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION remove_duplicate_keys();

-- migrate:down

DROP TRIGGER remove_keys ON contacts;
DROP FUNCTION remove_duplicate_keys;
ALTER TABLE duplicate_keys ADD FOREIGN KEY (contact_id) REFERENCES contacts (id) ON DELETE CASCADE;
DROP TRIGGER count_removed ON interactions;
DROP TRIGGER count_added ON interactions;
DROP FUNCTION count_removed_interactions;
DROP FUNCTION count_added_interactions;
DROP TABLE interaction_counts;
