-- The lines of timelines: each interaction once per contact, from the contact's point of view.
CREATE OR REPLACE VIEW timeline_lines WITH (security_invoker = true) AS
SELECT a.contact_id, i.id AS interaction_id, i.occurred_at, i.platform, i.thread,
    CASE
        -- A source that knows it has stated it: meetings, notes, other platforms.
        WHEN i.direction IS NOT NULL THEN i.direction
        WHEN bool_or(p.role = 'from') THEN 'inbound'
        -- What is forged in my name is no mail of mine.
        WHEN coalesce(author.is_me, false) AND NOT i.unauthenticated THEN 'outbound'
        ELSE 'participant'
    END AS direction,
    counts_towards_relationship(i.automated, i.answered) AND NOT (i.unauthenticated AND coalesce(author.is_me, false)) AS counted,
    CASE WHEN i.unauthenticated AND coalesce(author.is_me, false) THEN 'forged' ELSE i.automated END AS automated,
    i.ref, i.kind, i.title, i.text, i.bcc_logged, i.ends_at
FROM addresses a
JOIN participants p ON p.address_id = a.id
-- Both have the same time: who is on one interaction is found by it, however much there is of the contact's.
JOIN interactions i ON i.id = p.interaction_id AND i.occurred_at = p.occurred_at
LEFT JOIN addresses author ON author.id = i.author_id
-- Under a BCC hash only my own mail is logged.
WHERE (p.role <> 'bcc_log' OR (coalesce(author.is_me, false) AND NOT i.unauthenticated))
  -- Somebody besides me must attend it.
  AND (i.platform <> 'calendar' OR EXISTS (
      SELECT FROM participants g JOIN addresses ga ON ga.id = g.address_id
      WHERE g.interaction_id = i.id AND g.role = 'attendee' AND NOT ga.is_me))
GROUP BY a.contact_id, i.id, author.is_me;
