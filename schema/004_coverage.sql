-- What has been ingested, provably: a range is written after its rows. A range holds everything after
-- (from_position, from_id) up to and with (to_position, to_id), in its source's own order: unix second and
-- event id for the subgraph, block and '' for logs. (N, '') means: everything before N, nothing of N yet.
-- Ranges that start at the same place replace each other; the one that reaches furthest counts.
CREATE TABLE IF NOT EXISTS coverage_versions
(
    source        LowCardinality(String),
    from_position UInt64,
    from_id       String,
    to_position   UInt64,
    to_id         String,
    events        UInt64,
    quarantined   UInt64,
    written_at    DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(to_position)
ORDER BY (source, from_position, from_id);

CREATE OR REPLACE VIEW coverage AS
SELECT source, from_position, from_id, to_position, to_id, events, quarantined, written_at
FROM coverage_versions FINAL;

-- A gap is a range that starts after everything before it has ended.
CREATE OR REPLACE VIEW coverage_gaps AS
SELECT
    source,
    reached.1 AS from_position,
    reached.2 AS from_id,
    starts.1 AS to_position,
    starts.2 AS to_id
FROM
(
    SELECT
        source,
        (from_position, from_id) AS starts,
        max((to_position, to_id)) OVER (
            PARTITION BY source ORDER BY from_position, from_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS reached,
        row_number() OVER (PARTITION BY source ORDER BY from_position, from_id) AS nth
    FROM coverage
)
WHERE nth > 1 AND starts > reached;
