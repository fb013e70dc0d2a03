-- Every version of every order event, with its trade beside it: one insert makes both visible at once.
-- The newest version of a key counts; is_deleted takes an event out again (a reorg, a sent test).
-- The key starts with the block time, so parts that come in time order hardly overlap and FINAL has little to
-- merge. Market columns are never part of the key: labels may come late and change.
CREATE TABLE IF NOT EXISTS order_event_versions
(
    timestamp        DateTime('UTC') CODEC(Delta, ZSTD(1)),
    -- What makes an event itself, within its second, in 8 bytes: merging compares numbers, not hashes as text.
    event_key        UInt64 MATERIALIZED sipHash64(transaction_hash, log_index, order_hash, odd_id) CODEC(NONE),
    transaction_hash String CODEC(ZSTD(1)),
    log_index        UInt32 CODEC(ZSTD(1)),
    order_hash       String CODEC(ZSTD(1)),
    -- '' where the id is the usual one of its source.
    odd_id           String CODEC(ZSTD(1)),
    source           LowCardinality(String),
    exchange         LowCardinality(String),
    id               String ALIAS multiIf(
        odd_id != '', odd_id,
        exchange != '', concat(transaction_hash, '-', toString(log_index)),
        concat(transaction_hash, '_', order_hash)
    ),
    block_number     UInt64 CODEC(Delta, ZSTD(1)),
    maker            String CODEC(ZSTD(1)),
    taker            String CODEC(ZSTD(1)),
    -- 'BUY' or 'SELL' of token_id by the maker; '' where the event is no trade (both or neither asset is "0").
    maker_direction  LowCardinality(String),
    token_id         String CODEC(ZSTD(1)),
    -- Decimals of base units. Of an event that is no trade: the maker's amount and the taker's amount.
    usd_amount       Decimal(20, 6) CODEC(ZSTD(1)),
    token_amount     Decimal(20, 6) CODEC(ZSTD(1)),
    fee              Decimal(20, 6) CODEC(ZSTD(1)),
    is_taker_side    UInt8 CODEC(ZSTD(1)),
    -- Both assets of an event that is no trade, else ''.
    odd_maker_asset  String CODEC(ZSTD(1)),
    odd_taker_asset  String CODEC(ZSTD(1)),
    -- Labels from the market that lists the token; '' until one is known.
    market_id        String CODEC(ZSTD(1)),
    condition_id     String CODEC(ZSTD(1)),
    nonusdc_side     LowCardinality(String),
    outcome          LowCardinality(String),
    -- 2 x the millisecond at which the upstream answered, + 1 when labelled: a later answer replaces an
    -- earlier one, and labels survive a retry of the same page.
    version          UInt64 CODEC(DoubleDelta, ZSTD(1)),
    is_deleted       UInt8 CODEC(ZSTD(1)),
    INDEX token_bloom  token_id TYPE bloom_filter GRANULARITY 1,
    INDEX market_bloom market_id TYPE bloom_filter GRANULARITY 1,
    INDEX maker_bloom  maker TYPE bloom_filter GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(timestamp)
PRIMARY KEY timestamp
ORDER BY (timestamp, event_key);

CREATE OR REPLACE VIEW order_events AS
SELECT
    id,
    source,
    exchange,
    block_number,
    log_index,
    timestamp,
    transaction_hash,
    order_hash,
    maker,
    taker,
    multiIf(maker_direction = 'BUY', '0', maker_direction = 'SELL', token_id, odd_maker_asset) AS maker_asset_id,
    multiIf(maker_direction = 'BUY', token_id, maker_direction = 'SELL', '0', odd_taker_asset) AS taker_asset_id,
    toUInt64(if(maker_direction = 'SELL', token_amount, usd_amount) * 1000000) AS maker_amount_filled,
    toUInt64(if(maker_direction = 'SELL', usd_amount, token_amount) * 1000000) AS taker_amount_filled,
    toUInt64(order_event_versions.fee * 1000000) AS fee
FROM order_event_versions FINAL;

CREATE OR REPLACE VIEW trades AS
SELECT
    id,
    timestamp,
    market_id,
    condition_id,
    token_id,
    nonusdc_side,
    outcome,
    maker,
    taker,
    maker_direction,
    if(maker_direction = 'BUY', 'SELL', 'BUY') AS taker_direction,
    -- From the two integers, in one division; no price where either is zero.
    if(
        usd_amount = 0 OR token_amount = 0,
        NULL,
        toInt128(usd_amount * 1000000) / toInt128(token_amount * 1000000)
    ) AS price,
    usd_amount,
    token_amount,
    is_taker_side,
    fee,
    transaction_hash,
    order_hash,
    exchange,
    block_number,
    log_index
FROM order_event_versions FINAL
WHERE maker_direction != '';
