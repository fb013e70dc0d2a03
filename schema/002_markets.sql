-- The newest answer of the market API for each market; the whole object is kept in raw.
CREATE TABLE IF NOT EXISTS market_versions
(
    id                    String,
    condition_id          String,
    question_id           String,
    question              String CODEC(ZSTD(1)),
    slug                  String CODEC(ZSTD(1)),
    answer1               LowCardinality(String),
    answer2               LowCardinality(String),
    token1                String,
    token2                String,
    outcomes              Array(String),
    outcome_prices        Array(String),
    token_ids             Array(String),
    position_ids          Array(String),
    protocol_version      LowCardinality(String),
    neg_risk              Bool,
    event_id              String,
    event_slug            String,
    event_title           String,
    ticker                String,
    volume                Decimal(38, 12),
    liquidity             Decimal(38, 12),
    active                Bool,
    closed                Bool,
    archived              Bool,
    uma_resolution_status LowCardinality(String),
    created_at            Nullable(DateTime64(6, 'UTC')),
    updated_at            Nullable(DateTime64(6, 'UTC')),
    start_date            Nullable(DateTime64(6, 'UTC')),
    end_date              Nullable(DateTime64(6, 'UTC')),
    closed_time           Nullable(DateTime64(6, 'UTC')),
    raw                   String CODEC(ZSTD(6)),
    content_hash          String,
    -- The millisecond at which the API answered.
    version               UInt64,
    INDEX condition_bloom condition_id TYPE bloom_filter GRANULARITY 1,
    INDEX slug_bloom slug TYPE bloom_filter GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
ORDER BY id
SETTINGS index_granularity = 1024;

CREATE OR REPLACE VIEW markets AS
SELECT * EXCEPT (content_hash, version), fromUnixTimestamp64Milli(toInt64(version), 'UTC') AS received_at
FROM market_versions FINAL;

-- Token -> market, for labelling: both arrays of a market (CTF tokens and PositionManager positions).
CREATE TABLE IF NOT EXISTS market_token_versions
(
    token_id      String,
    market_id     String,
    condition_id  String,
    outcome_index UInt16,
    outcome       String,
    version       UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY token_id
SETTINGS index_granularity = 1024;

CREATE OR REPLACE VIEW market_tokens AS
SELECT
    token_id,
    market_id,
    condition_id,
    multiIf(outcome_index = 0, 'token1', outcome_index = 1, 'token2', '') AS nonusdc_side,
    outcome
FROM market_token_versions FINAL;
