-- migrate:up

-- An organizer whom the guest list does not name is an attendee now: their meetings are published once more, by the next run of the calendar.
UPDATE meetings SET said = false, revision = revision + 1
WHERE NOT cancelled AND meeting -> 'organizer' ->> 'me' = 'false'
  AND NOT EXISTS (SELECT FROM jsonb_array_elements(meeting -> 'guests') AS guest
                  WHERE lower(guest ->> 'address') = lower(meeting -> 'organizer' ->> 'address'));

-- migrate:down

SELECT 1;
