-- Every upstream record that could not be used, once: the same record read again replaces itself.
CREATE TABLE IF NOT EXISTS quarantine_versions
(
    source      LowCardinality(String),
    record_hash String,
    reason      LowCardinality(String),
    record      String CODEC(ZSTD(3)),
    received_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(received_at)
ORDER BY (source, record_hash)
SETTINGS index_granularity = 1024;

CREATE OR REPLACE VIEW quarantine AS
SELECT source, reason, record, received_at, record_hash
FROM quarantine_versions FINAL;
