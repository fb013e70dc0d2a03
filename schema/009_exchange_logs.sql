-- What logs of the exchanges say beyond a subgraph. Events stored before this are V1's: exchange_version 1, the rest ''.
ALTER TABLE order_event_versions
    ADD COLUMN IF NOT EXISTS exchange_version UInt8 DEFAULT 1 CODEC(ZSTD(1)),
    -- A reorg may change no more than this.
    ADD COLUMN IF NOT EXISTS block_hash String DEFAULT '' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS builder String DEFAULT '' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS metadata String DEFAULT '' CODEC(ZSTD(1)),
    -- Blocks rise with time, so few granules hold a block.
    ADD INDEX IF NOT EXISTS block_minmax block_number TYPE minmax GRANULARITY 1,
    -- A log is what stands at its place in its transaction: after a reorg that may be the fill of another order, which
    -- replaces the one before. Rows of the subgraph, the only ones so far, keep their keys.
    MODIFY COLUMN event_key UInt64 MATERIALIZED
        sipHash64(transaction_hash, log_index, if(exchange = '', order_hash, ''), odd_id) CODEC(NONE);

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
    toUInt64(order_event_versions.fee * 1000000) AS fee,
    exchange_version,
    block_hash,
    builder,
    metadata,
    -- The asset that the fee is in: of V1 what the maker receives, of later exchanges the collateral.
    if(exchange_version = 1, taker_asset_id, '0') AS fee_asset_id
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
    log_index,
    exchange_version,
    builder,
    -- As in order_events: tokens where V1's maker buys, else the collateral.
    if(exchange_version = 1 AND maker_direction = 'BUY', token_id, '0') AS fee_asset_id
FROM order_event_versions FINAL
WHERE maker_direction != '';

-- Which exchanges a source reads from a position on: what its coverage is about. The newest of a position counts.
CREATE TABLE IF NOT EXISTS source_scope_versions
(
    source        LowCardinality(String),
    from_position UInt64,
    exchanges     Array(String),
    written_at    DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(written_at)
ORDER BY (source, from_position);
