-- migrate:up

-- Runs that are due are looked for by sort, once a second and after every end. Looks at calendars have an index of their own: where a
-- hundred thousand of them wait for Google's quota, who looks for the others does not pass them all.
CREATE INDEX runs_due_calendars ON runs (due_at) WHERE finished_at IS NULL AND kind = 'calendar' AND NOT first;
CREATE INDEX runs_due_others ON runs (first, due_at) WHERE finished_at IS NULL AND (first OR kind <> 'calendar');
DROP INDEX runs_due;

-- migrate:down

CREATE INDEX runs_due ON runs (first, due_at) WHERE finished_at IS NULL;
DROP INDEX runs_due_others, runs_due_calendars;
