-- A quarantined record that could be used after all (npm run quarantine -- --retry) is resolved: its key again, newer.
-- 0: it is in quarantine. 1: it is in the tables. 2: ClickHouse refused its row, which is in quarantine instead.
-- A record that comes again malformed is there again: newer still.
ALTER TABLE quarantine_versions ADD COLUMN IF NOT EXISTS resolved UInt8 DEFAULT 0;

CREATE OR REPLACE VIEW quarantine AS
SELECT source, reason, record, received_at, record_hash
FROM quarantine_versions FINAL
WHERE resolved = 0;
