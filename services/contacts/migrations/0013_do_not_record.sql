-- migrate:up

-- What the user asked not to record: a person's address of any kind, or a mail domain with all below it. `value` is canonical.
-- applied_at: when nothing of what had been recorded before was left. ended_at: the user took it back; the row goes when what it left out is
-- forgotten (exclusion_work.py).
CREATE TABLE exclusions (
    id         uuid PRIMARY KEY,
    user_id    uuid NOT NULL,
    kind       text NOT NULL,
    value      text NOT NULL,
    shown      text NOT NULL,
    added_at   timestamptz NOT NULL DEFAULT now(),
    applied_at timestamptz,
    ended_at   timestamptz
);
CREATE UNIQUE INDEX exclusions_in_force ON exclusions (user_id, kind, value) WHERE ended_at IS NULL;
CREATE INDEX exclusions_due ON exclusions (user_id) WHERE applied_at IS NULL OR ended_at IS NOT NULL;

-- What was left out of because of an exclusion: a sighting or a card (platform 'card', source_id its account), known by its reference alone.
-- whole: nothing of it was kept but that it was seen; else it was kept without some of its people.
CREATE TABLE left_out (
    source_id    uuid NOT NULL,
    platform     text NOT NULL,
    ref          text NOT NULL,
    exclusion_id uuid NOT NULL,
    user_id      uuid NOT NULL,
    whole        boolean NOT NULL,
    PRIMARY KEY (source_id, platform, ref, exclusion_id)
);
CREATE INDEX left_out_by_exclusion ON left_out (exclusion_id);
CREATE INDEX left_out_of_user ON left_out (user_id);

-- migrate:down

DROP TABLE left_out;
DROP TABLE exclusions;
