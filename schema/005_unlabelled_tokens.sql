-- Tokens that no known market lists, with the days on which they trade: what relabelling has to look at.
-- version is the server's microsecond of the write: a page that lands while its token is being relabelled
-- marks the token again and is found by the next pass.
CREATE TABLE IF NOT EXISTS unlabelled_token_versions
(
    token_id   String,
    day        Date,
    version    UInt64 DEFAULT toUInt64(toUnixTimestamp64Micro(now64(6))),
    is_deleted UInt8
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (token_id, day);

CREATE OR REPLACE VIEW unlabelled_tokens AS
SELECT token_id, day, version FROM unlabelled_token_versions FINAL;
