-- migrate:up

-- What became of each brief. One automatic brief per account, event and start, whatever is redelivered or runs at the same time;
-- briefs that the user sends by hand are rows of their own.
CREATE TABLE preps (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL,
    account_id uuid NOT NULL,
    meeting_id uuid NOT NULL,
    event_id text NOT NULL,
    title text NOT NULL DEFAULT '',
    starts_at timestamptz NOT NULL,
    by_hand boolean NOT NULL DEFAULT false,
    state text NOT NULL CHECK (state IN ('sending', 'sent', 'skipped', 'failed')),
    reason text NOT NULL DEFAULT '',
    token text NOT NULL UNIQUE,
    attempts integer NOT NULL DEFAULT 1,
    resumed boolean NOT NULL DEFAULT false,
    leased_until timestamptz NOT NULL,
    handed_over_at timestamptz,
    gmail_id text,
    ai boolean,
    input_tokens integer NOT NULL DEFAULT 0,
    output_tokens integer NOT NULL DEFAULT 0,
    cost_usd double precision NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN preps.token IS 'in the brief itself: how Sent is searched for it after an answer was lost';
COMMENT ON COLUMN preps.attempts IS 'grows with each taking; who took it earlier can no longer write';
COMMENT ON COLUMN preps.resumed IS 'this attempt goes on where an earlier one was interrupted or failed';
COMMENT ON COLUMN preps.handed_over_at IS 'since when Gmail may have it';

CREATE UNIQUE INDEX preps_one_per_meeting ON preps (account_id, event_id, starts_at) WHERE NOT by_hand;
CREATE INDEX preps_by_meeting ON preps (user_id, meeting_id, updated_at DESC);
CREATE INDEX preps_unsettled ON preps (starts_at) WHERE state = 'sending';

-- What is still owed to the bus.
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject text NOT NULL,
    payload jsonb NOT NULL,
    trace text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now()
);

-- migrate:down
DROP TABLE outbox;
DROP TABLE preps;
