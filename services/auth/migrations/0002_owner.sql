-- migrate:up

-- The first user of all owns the installation; nobody takes their place. Where users are there already, it is the oldest.
-- address_verified: whether Google vouched for the address when its user last signed in. Only such an address makes an operator.
ALTER TABLE users
    ADD COLUMN owner boolean NOT NULL DEFAULT false,
    ADD COLUMN address_verified boolean NOT NULL DEFAULT false;
UPDATE users SET owner = true WHERE id = (SELECT id FROM users ORDER BY created_at, id LIMIT 1);
CREATE UNIQUE INDEX users_owner ON users (owner) WHERE owner;

-- migrate:down
ALTER TABLE users DROP COLUMN owner, DROP COLUMN address_verified;
