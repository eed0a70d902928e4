-- migrate:up

-- Whatever carried the header of a brief was taken for one, from whomever it came. All of these are read once more, by the next run of
-- their mailboxes: what is no brief comes to the timeline.
UPDATE messages SET state = 'pending', rule = '' WHERE state = 'filtered' AND rule = 'prep_email';

-- migrate:down

SELECT 1;
