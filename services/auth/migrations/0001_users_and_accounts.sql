-- migrate:up

-- A user is made by the first Google account that they connect and stays keyed on its `sub`, even after that account was purged.
CREATE TABLE users (
    id uuid PRIMARY KEY,
    sub text NOT NULL UNIQUE,
    name text NOT NULL,
    address text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Tokens are sealed (keyring.py) and bound to the row's id. An account without a refresh token can't be active.
-- refreshed_at is when the refresh token last proved to be alive.
-- refresh_holder and refresh_until are the lease of whoever refreshes the access token; until without a holder is a pause that
-- Google asked for.
CREATE TABLE google_accounts (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    sub text NOT NULL,
    address text NOT NULL,
    name text NOT NULL,
    status text NOT NULL CHECK (status IN ('active', 'reauth_required', 'disconnected')),
    status_reason text NOT NULL DEFAULT '',
    scopes text[] NOT NULL,
    connected_at timestamptz NOT NULL DEFAULT now(),
    refresh_token bytea,
    refresh_obtained_at timestamptz,
    refreshed_at timestamptz,
    access_token bytea,
    access_expires_at timestamptz,
    refresh_holder uuid,
    refresh_until timestamptz,
    UNIQUE (user_id, sub),
    CHECK ((status = 'active') = (refresh_token IS NOT NULL))
);

-- A Google account is held by one user at a time; who disconnected it holds it no longer.
CREATE UNIQUE INDEX google_accounts_held ON google_accounts (sub) WHERE status <> 'disconnected';

-- A disconnected account is looked for by its sub when somebody signs in with it again.
CREATE INDEX google_accounts_sub ON google_accounts (sub);

-- Secrets of 256 random bits are kept as their SHA-256 only.
CREATE TABLE sessions (
    hash bytea PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE api_tokens (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    hash bytea NOT NULL UNIQUE,
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz
);
CREATE INDEX api_tokens_user ON api_tokens (user_id, created_at);

CREATE TABLE preferences (
    user_id uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    version integer NOT NULL,
    preferences jsonb NOT NULL
);

CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject text NOT NULL,
    payload jsonb NOT NULL,
    trace text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now()
);

-- migrate:down
DROP TABLE outbox, preferences, api_tokens, sessions, google_accounts, users;
