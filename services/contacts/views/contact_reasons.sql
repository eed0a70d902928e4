-- docs/rules.md, "Who becomes a contact": each row is one reason for one address to be a contact.
-- Read it by interaction_id (what did these interactions bring?) or by address_id (what still supports these addresses?).
CREATE OR REPLACE VIEW contact_reasons WITH (security_invoker = true) AS
SELECT p.address_id, p.interaction_id, i.user_id
FROM participants p
JOIN interactions i ON i.id = p.interaction_id
JOIN addresses a ON a.id = p.address_id
LEFT JOIN addresses author ON author.id = i.author_id
LEFT JOIN users u ON u.id = i.user_id
CROSS JOIN LATERAL (
    SELECT coalesce(u.contact_creation, 'people') AS creation, coalesce(author.is_me, false) AS by_me
) rule
WHERE NOT a.is_me AND a.kind <> 'bcc' AND rule.creation <> 'none'
  AND CASE i.platform
    WHEN 'email' THEN
        i.crowd <= participant_limit()
        AND NOT (rule.by_me AND (i.bcc_logged OR i.unauthenticated))
        AND CASE
            WHEN rule.creation = 'everyone' THEN p.role <> 'bcc_log'
            WHEN a.robot OR NOT counts_towards_relationship(i.automated, i.answered) THEN false
            WHEN rule.by_me THEN p.role IN ('to', 'cc', 'bcc')
            ELSE p.role = 'from' AND NOT i.via AND rule.creation = 'people'
        END
    WHEN 'calendar' THEN
        NOT a.robot
        AND (rule.creation <> 'sent_only' OR i.organized OR EXISTS (
            SELECT FROM participants o JOIN addresses oa ON oa.id = o.address_id
            WHERE o.interaction_id = i.id AND o.role = 'organizer' AND oa.is_me))
        -- Somebody besides me must attend it.
        AND EXISTS (
            SELECT FROM participants g JOIN addresses ga ON ga.id = g.address_id
            WHERE g.interaction_id = i.id AND g.role = 'attendee' AND NOT ga.is_me)
        -- Guests are counted for each guest: no further than it takes to know that they are too many, an address having two roles at most.
        AND participant_limit() >= (
            SELECT count(DISTINCT counted.address_id) FROM (
                SELECT g.address_id FROM participants g JOIN addresses ga ON ga.id = g.address_id
                WHERE g.interaction_id = i.id AND NOT ga.is_me LIMIT 2 * participant_limit() + 1) AS counted)
    ELSE i.crowd <= participant_limit() AND NOT a.robot AND (rule.creation <> 'sent_only' OR i.direction <> 'inbound')
  END;
