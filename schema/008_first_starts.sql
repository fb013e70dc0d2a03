-- Starts are recorded since schema 006: what was covered before began where its first range begins.
INSERT INTO coverage_start_versions (source, position, id)
SELECT source, start.1, start.2
FROM (SELECT source, min((from_position, from_id)) AS start FROM coverage_versions GROUP BY source);
