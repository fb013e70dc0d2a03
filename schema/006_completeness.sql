-- The version of a labelled row of order_event_versions has 2^44 added from here on (src/store/tables.ts): a label is never
-- taken away by a later answer without it.

-- Coverage again: the id of a range's end is in its key, because of two ranges that start at the same place and end within
-- one second coverage_versions kept the one written last, which need not be the one that reaches furthest. Ends
-- without an id still replace each other, so an idle tail goes on extending one row. And ranges can be taken out, for
-- many small ones to become a large one.
CREATE TABLE IF NOT EXISTS covered_range_versions
(
    source        LowCardinality(String),
    from_position UInt64,
    from_id       String,
    to_position   UInt64,
    to_id         String,
    events        UInt64,
    quarantined   UInt64,
    written_at    DateTime64(3, 'UTC') DEFAULT now64(3),
    -- The furthest reach counts; a deletion is above the row it answers.
    version       UInt64 DEFAULT to_position * 2,
    is_deleted    UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (source, from_position, from_id, to_id)
-- For OPTIMIZE ... CLEANUP, which drops deletions together with what they delete (src/store/compact.ts).
SETTINGS allow_experimental_replacing_merge_with_cleanup = 1;

INSERT INTO covered_range_versions (source, from_position, from_id, to_position, to_id, events, quarantined, written_at)
SELECT source, from_position, from_id, to_position, to_id, events, quarantined, written_at FROM coverage_versions;

CREATE OR REPLACE VIEW coverage AS
SELECT source, from_position, from_id, to_position, to_id, events, quarantined, written_at
FROM covered_range_versions FINAL;

-- Ranges of a source that may still change (a reorg): everything from from_position up to, not including, to_position
-- is read again at growing pauses until it is old enough. A page marks its range with its rows; version is the server's
-- microsecond of the mark, so that a mark set while the range is being read again stays.
CREATE TABLE IF NOT EXISTS unsettled_range_versions
(
    source        LowCardinality(String),
    from_position UInt64,
    to_position   UInt64,
    -- Times it was read again since it was marked.
    checks        UInt8 DEFAULT 0,
    -- When it was marked, or last read again.
    written_at    DateTime64(3, 'UTC') DEFAULT now64(3),
    version       UInt64 DEFAULT toUInt64(toUnixTimestamp64Micro(now64(6))),
    is_deleted    UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (source, from_position, to_position);

CREATE OR REPLACE VIEW unsettled_ranges AS
SELECT source, from_position, to_position, checks, written_at, version,
    written_at + toIntervalSecond(10 * bitShiftLeft(toUInt32(1), checks)) AS due_at
FROM unsettled_range_versions FINAL;

-- Where a source began to be read for good: from the last of these on everything is wanted. What lies before one of
-- them and is not covered was never asked for.
CREATE TABLE IF NOT EXISTS coverage_start_versions
(
    source   LowCardinality(String),
    position UInt64,
    id       String
)
ENGINE = ReplacingMergeTree
ORDER BY (source, position, id);

-- The independent recount: a covered range asked of its source again and compared, event by event, with what is stored.
CREATE TABLE IF NOT EXISTS recount_versions
(
    source          LowCardinality(String),
    from_position   UInt64,
    to_position     UInt64,
    -- Makes a recount itself: the job that asked.
    request         String,
    recounted_at    DateTime64(3, 'UTC'),
    -- Records that the source gave, malformed ones included, and order events stored in the range.
    upstream_events UInt64,
    stored_events   UInt64,
    -- Given but neither stored nor in quarantine; stored but not given; stored with other content.
    missing         UInt64,
    unexpected      UInt64,
    different       UInt64,
    -- Ids of some of these.
    examples        Array(String)
)
ENGINE = ReplacingMergeTree(recounted_at)
ORDER BY (source, request, from_position, to_position);

CREATE OR REPLACE VIEW recounts AS
SELECT source, from_position, to_position, request, recounted_at, upstream_events, stored_events, missing, unexpected,
    different, examples
FROM recount_versions FINAL;
