-- migrate:up

-- Users and accounts that were deleted or purged. Facts about them may still be under way: a connection that is heard after
-- its end must not bring an account back.
CREATE TABLE forgotten (
    id uuid PRIMARY KEY
);

-- migrate:down

DROP TABLE forgotten;
