-- migrate:up

-- Addresses that are not the user's and from which mail came with a contact's BCC hash: each is asked about once ("is this you?").
-- told_at: when it was asked, null until then. The row stays, whatever the answer was.
CREATE TABLE bcc_offers (
    user_id    uuid NOT NULL,
    address    text NOT NULL,
    name       text NOT NULL,
    account_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    at         timestamptz NOT NULL,
    told_at    timestamptz,
    PRIMARY KEY (user_id, address)
);
CREATE INDEX bcc_offers_untold ON bcc_offers (at) WHERE told_at IS NULL;

-- migrate:down

DROP TABLE bcc_offers;
