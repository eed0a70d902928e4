-- migrate:up

-- What left for the model's server, one row a call: who it was about is not kept, but how much it was, what it cost, and what became of it.
-- Written before the call, with the most that it may cost, so that calls at the same time can't spend what is left of a day twice.
CREATE TABLE model_calls (
    id            uuid PRIMARY KEY,
    user_id       uuid NOT NULL,
    account_id    uuid NOT NULL,
    meeting_id    uuid NOT NULL,
    called_at     timestamptz NOT NULL DEFAULT now(),
    host          text NOT NULL,
    model         text NOT NULL,
    content       text NOT NULL,
    characters    integer NOT NULL,
    guests        integer NOT NULL,
    interactions  integer NOT NULL,
    bios          integer NOT NULL,
    outcome       text NOT NULL DEFAULT '',
    input_tokens  integer NOT NULL DEFAULT 0,
    output_tokens integer NOT NULL DEFAULT 0,
    cost_usd      double precision NOT NULL DEFAULT 0,
    spent_usd     double precision NOT NULL,
    answer        jsonb
);
COMMENT ON COLUMN model_calls.content IS 'a hash of all that was sent: the same content within a day is answered from here';
COMMENT ON COLUMN model_calls.outcome IS 'empty while it is on its way, or where nobody knows any more';
COMMENT ON COLUMN model_calls.spent_usd IS 'of the day''s budget: the most that it may cost, and, once that is known, what it did';
COMMENT ON COLUMN model_calls.answer IS 'for a day';

CREATE INDEX model_calls_of_user ON model_calls (user_id, called_at DESC);
CREATE INDEX model_calls_answered ON model_calls (user_id, content) WHERE answer IS NOT NULL;
CREATE INDEX model_calls_of_account ON model_calls (account_id);
CREATE INDEX model_calls_by_age ON model_calls (called_at);

-- migrate:down

DROP TABLE model_calls;
