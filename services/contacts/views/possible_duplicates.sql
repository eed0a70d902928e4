-- Pairs of contacts that may be one person, as far as the user has to decide: both are listed, and nobody has stated that they are two.
-- What was stated of a contact counts for the one that it was merged into, too.
CREATE OR REPLACE VIEW possible_duplicates WITH (security_invoker = true) AS
SELECT s.user_id, s.first_id, s.second_id, s.confidence, s.evidence
FROM duplicate_suggestions s
JOIN contacts f ON f.id = s.first_id AND f.merged_into IS NULL AND NOT f.archived
JOIN contacts g ON g.id = s.second_id AND g.merged_into IS NULL AND NOT g.archived
WHERE NOT EXISTS (
    SELECT FROM distinct_contacts d
    JOIN contacts a ON a.id = d.first_id
    JOIN contacts b ON b.id = d.second_id
    WHERE d.user_id = s.user_id
      AND least(coalesce(a.merged_into, a.id), coalesce(b.merged_into, b.id)) = s.first_id
      AND greatest(coalesce(a.merged_into, a.id), coalesce(b.merged_into, b.id)) = s.second_id);
