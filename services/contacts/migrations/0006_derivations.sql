-- migrate:up

-- What is derived from a card or a contact (folded names, search words, keys of phones, what a contact is called) is stored. Where a rule of
-- deriving changes, a migration marks the rows and the service derives them anew, a few at a time (derivations.py). All that are there now are
-- due: how Latin letters fold, extensions of phones and the names of cards without one have changed.
ALTER TABLE contacts ADD COLUMN derive_due boolean NOT NULL DEFAULT true;
ALTER TABLE contacts ALTER COLUMN derive_due SET DEFAULT false;
ALTER TABLE cards ADD COLUMN derive_due boolean NOT NULL DEFAULT true;
ALTER TABLE cards ALTER COLUMN derive_due SET DEFAULT false;
CREATE INDEX contacts_derive_due ON contacts (user_id) WHERE derive_due AND merged_into IS NULL;
CREATE INDEX cards_derive_due ON cards (user_id) WHERE derive_due;

-- migrate:down

ALTER TABLE cards DROP COLUMN derive_due;
ALTER TABLE contacts DROP COLUMN derive_due;
