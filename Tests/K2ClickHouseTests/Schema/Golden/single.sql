CREATE DATABASE IF NOT EXISTS `k2`;

CREATE TABLE IF NOT EXISTS `k2`.`schema_version`
(
    `version` UInt32,
    `applied_at` DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC'),
    `description` String
)
ENGINE = ReplacingMergeTree
ORDER BY (`version`)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS `k2`.`bronze_trades_binance`
(
    `exchange_timestamp` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `sequence_number` Nullable(Int64) CODEC(Delta, ZSTD(1)),
    `trade_id` String CODEC(ZSTD(1)),
    `symbol` LowCardinality(String) CODEC(ZSTD(1)),
    `price` Decimal(38, 12) CODEC(ZSTD(1)),
    `quantity` Decimal(38, 12) CODEC(ZSTD(1)),
    `quote_volume` Decimal(38, 18) CODEC(ZSTD(1)),
    `side` LowCardinality(String) CODEC(ZSTD(1)),
    `event_time` Nullable(DateTime64(6, 'UTC')) CODEC(Delta, ZSTD(1)),
    `ingestion_timestamp` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `payload` String CODEC(ZSTD(3)),
    `kafka_partition` Nullable(Int32) CODEC(Delta, ZSTD(1)),
    `kafka_offset` Nullable(Int64) CODEC(Delta, ZSTD(1)),
    `loaded_at` DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    INDEX `exchange_timestamp_range` `exchange_timestamp` TYPE minmax GRANULARITY 1,
    INDEX `loaded_at_range` `loaded_at` TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMMDD(`exchange_timestamp`)
ORDER BY (`symbol`, `trade_id`)
TTL toDateTime(`exchange_timestamp`) + INTERVAL 7 DAY
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS `k2`.`bronze_trades_kraken`
(
    `exchange_timestamp` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `sequence_number` Nullable(Int64) CODEC(Delta, ZSTD(1)),
    `trade_id` String CODEC(ZSTD(1)),
    `symbol` LowCardinality(String) CODEC(ZSTD(1)),
    `price` Decimal(38, 12) CODEC(ZSTD(1)),
    `quantity` Decimal(38, 12) CODEC(ZSTD(1)),
    `quote_volume` Decimal(38, 18) CODEC(ZSTD(1)),
    `side` LowCardinality(String) CODEC(ZSTD(1)),
    `event_time` Nullable(DateTime64(6, 'UTC')) CODEC(Delta, ZSTD(1)),
    `ingestion_timestamp` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `payload` String CODEC(ZSTD(3)),
    `kafka_partition` Nullable(Int32) CODEC(Delta, ZSTD(1)),
    `kafka_offset` Nullable(Int64) CODEC(Delta, ZSTD(1)),
    `loaded_at` DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    INDEX `exchange_timestamp_range` `exchange_timestamp` TYPE minmax GRANULARITY 1,
    INDEX `loaded_at_range` `loaded_at` TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMMDD(`exchange_timestamp`)
ORDER BY (`symbol`, `trade_id`)
TTL toDateTime(`exchange_timestamp`) + INTERVAL 7 DAY
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS `k2`.`bronze_trades_coinbase`
(
    `exchange_timestamp` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `sequence_number` Nullable(Int64) CODEC(Delta, ZSTD(1)),
    `trade_id` String CODEC(ZSTD(1)),
    `symbol` LowCardinality(String) CODEC(ZSTD(1)),
    `price` Decimal(38, 12) CODEC(ZSTD(1)),
    `quantity` Decimal(38, 12) CODEC(ZSTD(1)),
    `quote_volume` Decimal(38, 18) CODEC(ZSTD(1)),
    `side` LowCardinality(String) CODEC(ZSTD(1)),
    `event_time` Nullable(DateTime64(6, 'UTC')) CODEC(Delta, ZSTD(1)),
    `ingestion_timestamp` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `payload` String CODEC(ZSTD(3)),
    `kafka_partition` Nullable(Int32) CODEC(Delta, ZSTD(1)),
    `kafka_offset` Nullable(Int64) CODEC(Delta, ZSTD(1)),
    `loaded_at` DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    INDEX `exchange_timestamp_range` `exchange_timestamp` TYPE minmax GRANULARITY 1,
    INDEX `loaded_at_range` `loaded_at` TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMMDD(`exchange_timestamp`)
ORDER BY (`symbol`, `trade_id`)
TTL toDateTime(`exchange_timestamp`) + INTERVAL 7 DAY
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS `k2`.`silver_trades`
(
    `message_id` UUID CODEC(ZSTD(1)),
    `trade_id` String CODEC(ZSTD(1)),
    `exchange` LowCardinality(String) CODEC(ZSTD(1)),
    `symbol` LowCardinality(String) CODEC(ZSTD(1)),
    `canonical_symbol` LowCardinality(String) CODEC(ZSTD(1)),
    `asset_class` LowCardinality(String) CODEC(ZSTD(1)),
    `currency` LowCardinality(String) CODEC(ZSTD(1)),
    `price` Decimal(38, 12) CODEC(ZSTD(1)),
    `quantity` Decimal(38, 12) CODEC(ZSTD(1)),
    `quote_volume` Decimal(38, 18) CODEC(ZSTD(1)),
    `side` LowCardinality(String) CODEC(ZSTD(1)),
    `trade_conditions` Array(String) CODEC(ZSTD(1)),
    `timestamp` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `ingestion_timestamp` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `source_sequence` Nullable(Int64) CODEC(Delta, ZSTD(1)),
    `origin` LowCardinality(String) CODEC(ZSTD(1)),
    `vendor_data` Map(String, String) CODEC(ZSTD(1)),
    `is_valid` Bool CODEC(ZSTD(1)),
    `validation_errors` Array(String) CODEC(ZSTD(1)),
    `loaded_at` DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    INDEX `timestamp_range` `timestamp` TYPE minmax GRANULARITY 1,
    INDEX `loaded_at_range` `loaded_at` TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMMDD(`timestamp`)
ORDER BY (`exchange`, `symbol`, `trade_id`)
TTL toDateTime(`timestamp`) + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS `k2`.`ohlcv_1m`
(
    `exchange` LowCardinality(String) CODEC(ZSTD(1)),
    `canonical_symbol` LowCardinality(String) CODEC(ZSTD(1)),
    `interval` LowCardinality(String) CODEC(ZSTD(1)),
    `window_start` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `open_time` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `open_price` Decimal(38, 12) CODEC(ZSTD(1)),
    `high_price` Decimal(38, 12) CODEC(ZSTD(1)),
    `low_price` Decimal(38, 12) CODEC(ZSTD(1)),
    `close_time` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `close_price` Decimal(38, 12) CODEC(ZSTD(1)),
    `volume` Decimal(38, 12) CODEC(ZSTD(1)),
    `quote_volume` Decimal(38, 18) CODEC(ZSTD(1)),
    `trade_count` Int64 CODEC(Delta, ZSTD(1)),
    `buy_volume` Decimal(38, 12) CODEC(ZSTD(1)),
    `first_sequence` Nullable(Int64) CODEC(Delta, ZSTD(1)),
    `last_sequence` Nullable(Int64) CODEC(Delta, ZSTD(1)),
    `revision` Int32 CODEC(Delta, ZSTD(1)),
    `is_final` Bool CODEC(ZSTD(1)),
    `has_gap` Bool CODEC(ZSTD(1)),
    `loaded_at` DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `version` UInt64 MATERIALIZED toUInt64(`revision`) * 2 + toUInt64(`is_final`) CODEC(ZSTD(1)),
    INDEX `window_start_range` `window_start` TYPE minmax GRANULARITY 1,
    INDEX `loaded_at_range` `loaded_at` TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(`version`)
PARTITION BY toYYYYMM(`window_start`)
ORDER BY (`exchange`, `canonical_symbol`, `window_start`)
TTL toDateTime(`window_start`) + INTERVAL 365 DAY
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS `k2`.`ohlcv_5m`
(
    `exchange` LowCardinality(String) CODEC(ZSTD(1)),
    `canonical_symbol` LowCardinality(String) CODEC(ZSTD(1)),
    `interval` LowCardinality(String) CODEC(ZSTD(1)),
    `window_start` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `open_time` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `open_price` Decimal(38, 12) CODEC(ZSTD(1)),
    `high_price` Decimal(38, 12) CODEC(ZSTD(1)),
    `low_price` Decimal(38, 12) CODEC(ZSTD(1)),
    `close_time` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `close_price` Decimal(38, 12) CODEC(ZSTD(1)),
    `volume` Decimal(38, 12) CODEC(ZSTD(1)),
    `quote_volume` Decimal(38, 18) CODEC(ZSTD(1)),
    `trade_count` Int64 CODEC(Delta, ZSTD(1)),
    `buy_volume` Decimal(38, 12) CODEC(ZSTD(1)),
    `first_sequence` Nullable(Int64) CODEC(Delta, ZSTD(1)),
    `last_sequence` Nullable(Int64) CODEC(Delta, ZSTD(1)),
    `revision` Int32 CODEC(Delta, ZSTD(1)),
    `is_final` Bool CODEC(ZSTD(1)),
    `has_gap` Bool CODEC(ZSTD(1)),
    `loaded_at` DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `version` UInt64 MATERIALIZED toUInt64(`revision`) * 2 + toUInt64(`is_final`) CODEC(ZSTD(1)),
    INDEX `window_start_range` `window_start` TYPE minmax GRANULARITY 1,
    INDEX `loaded_at_range` `loaded_at` TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(`version`)
PARTITION BY toYYYYMM(`window_start`)
ORDER BY (`exchange`, `canonical_symbol`, `window_start`)
TTL toDateTime(`window_start`) + INTERVAL 365 DAY
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS `k2`.`ohlcv_15m`
(
    `exchange` LowCardinality(String) CODEC(ZSTD(1)),
    `canonical_symbol` LowCardinality(String) CODEC(ZSTD(1)),
    `interval` LowCardinality(String) CODEC(ZSTD(1)),
    `window_start` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `open_time` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `open_price` Decimal(38, 12) CODEC(ZSTD(1)),
    `high_price` Decimal(38, 12) CODEC(ZSTD(1)),
    `low_price` Decimal(38, 12) CODEC(ZSTD(1)),
    `close_time` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `close_price` Decimal(38, 12) CODEC(ZSTD(1)),
    `volume` Decimal(38, 12) CODEC(ZSTD(1)),
    `quote_volume` Decimal(38, 18) CODEC(ZSTD(1)),
    `trade_count` Int64 CODEC(Delta, ZSTD(1)),
    `buy_volume` Decimal(38, 12) CODEC(ZSTD(1)),
    `first_sequence` Nullable(Int64) CODEC(Delta, ZSTD(1)),
    `last_sequence` Nullable(Int64) CODEC(Delta, ZSTD(1)),
    `revision` Int32 CODEC(Delta, ZSTD(1)),
    `is_final` Bool CODEC(ZSTD(1)),
    `has_gap` Bool CODEC(ZSTD(1)),
    `loaded_at` DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `version` UInt64 MATERIALIZED toUInt64(`revision`) * 2 + toUInt64(`is_final`) CODEC(ZSTD(1)),
    INDEX `window_start_range` `window_start` TYPE minmax GRANULARITY 1,
    INDEX `loaded_at_range` `loaded_at` TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(`version`)
PARTITION BY toYYYYMM(`window_start`)
ORDER BY (`exchange`, `canonical_symbol`, `window_start`)
TTL toDateTime(`window_start`) + INTERVAL 365 DAY
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS `k2`.`ohlcv_30m`
(
    `exchange` LowCardinality(String) CODEC(ZSTD(1)),
    `canonical_symbol` LowCardinality(String) CODEC(ZSTD(1)),
    `interval` LowCardinality(String) CODEC(ZSTD(1)),
    `window_start` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `open_time` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `open_price` Decimal(38, 12) CODEC(ZSTD(1)),
    `high_price` Decimal(38, 12) CODEC(ZSTD(1)),
    `low_price` Decimal(38, 12) CODEC(ZSTD(1)),
    `close_time` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `close_price` Decimal(38, 12) CODEC(ZSTD(1)),
    `volume` Decimal(38, 12) CODEC(ZSTD(1)),
    `quote_volume` Decimal(38, 18) CODEC(ZSTD(1)),
    `trade_count` Int64 CODEC(Delta, ZSTD(1)),
    `buy_volume` Decimal(38, 12) CODEC(ZSTD(1)),
    `first_sequence` Nullable(Int64) CODEC(Delta, ZSTD(1)),
    `last_sequence` Nullable(Int64) CODEC(Delta, ZSTD(1)),
    `revision` Int32 CODEC(Delta, ZSTD(1)),
    `is_final` Bool CODEC(ZSTD(1)),
    `has_gap` Bool CODEC(ZSTD(1)),
    `loaded_at` DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `version` UInt64 MATERIALIZED toUInt64(`revision`) * 2 + toUInt64(`is_final`) CODEC(ZSTD(1)),
    INDEX `window_start_range` `window_start` TYPE minmax GRANULARITY 1,
    INDEX `loaded_at_range` `loaded_at` TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(`version`)
PARTITION BY toYYYYMM(`window_start`)
ORDER BY (`exchange`, `canonical_symbol`, `window_start`)
TTL toDateTime(`window_start`) + INTERVAL 365 DAY
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS `k2`.`ohlcv_1h`
(
    `exchange` LowCardinality(String) CODEC(ZSTD(1)),
    `canonical_symbol` LowCardinality(String) CODEC(ZSTD(1)),
    `interval` LowCardinality(String) CODEC(ZSTD(1)),
    `window_start` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `open_time` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `open_price` Decimal(38, 12) CODEC(ZSTD(1)),
    `high_price` Decimal(38, 12) CODEC(ZSTD(1)),
    `low_price` Decimal(38, 12) CODEC(ZSTD(1)),
    `close_time` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `close_price` Decimal(38, 12) CODEC(ZSTD(1)),
    `volume` Decimal(38, 12) CODEC(ZSTD(1)),
    `quote_volume` Decimal(38, 18) CODEC(ZSTD(1)),
    `trade_count` Int64 CODEC(Delta, ZSTD(1)),
    `buy_volume` Decimal(38, 12) CODEC(ZSTD(1)),
    `first_sequence` Nullable(Int64) CODEC(Delta, ZSTD(1)),
    `last_sequence` Nullable(Int64) CODEC(Delta, ZSTD(1)),
    `revision` Int32 CODEC(Delta, ZSTD(1)),
    `is_final` Bool CODEC(ZSTD(1)),
    `has_gap` Bool CODEC(ZSTD(1)),
    `loaded_at` DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `version` UInt64 MATERIALIZED toUInt64(`revision`) * 2 + toUInt64(`is_final`) CODEC(ZSTD(1)),
    INDEX `window_start_range` `window_start` TYPE minmax GRANULARITY 1,
    INDEX `loaded_at_range` `loaded_at` TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(`version`)
PARTITION BY toYYYYMM(`window_start`)
ORDER BY (`exchange`, `canonical_symbol`, `window_start`)
TTL toDateTime(`window_start`) + INTERVAL 365 DAY
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS `k2`.`ohlcv_1d`
(
    `exchange` LowCardinality(String) CODEC(ZSTD(1)),
    `canonical_symbol` LowCardinality(String) CODEC(ZSTD(1)),
    `interval` LowCardinality(String) CODEC(ZSTD(1)),
    `window_start` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `open_time` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `open_price` Decimal(38, 12) CODEC(ZSTD(1)),
    `high_price` Decimal(38, 12) CODEC(ZSTD(1)),
    `low_price` Decimal(38, 12) CODEC(ZSTD(1)),
    `close_time` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `close_price` Decimal(38, 12) CODEC(ZSTD(1)),
    `volume` Decimal(38, 12) CODEC(ZSTD(1)),
    `quote_volume` Decimal(38, 18) CODEC(ZSTD(1)),
    `trade_count` Int64 CODEC(Delta, ZSTD(1)),
    `buy_volume` Decimal(38, 12) CODEC(ZSTD(1)),
    `first_sequence` Nullable(Int64) CODEC(Delta, ZSTD(1)),
    `last_sequence` Nullable(Int64) CODEC(Delta, ZSTD(1)),
    `revision` Int32 CODEC(Delta, ZSTD(1)),
    `is_final` Bool CODEC(ZSTD(1)),
    `has_gap` Bool CODEC(ZSTD(1)),
    `loaded_at` DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `version` UInt64 MATERIALIZED toUInt64(`revision`) * 2 + toUInt64(`is_final`) CODEC(ZSTD(1)),
    INDEX `window_start_range` `window_start` TYPE minmax GRANULARITY 1,
    INDEX `loaded_at_range` `loaded_at` TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(`version`)
PARTITION BY toYYYYMM(`window_start`)
ORDER BY (`exchange`, `canonical_symbol`, `window_start`)
TTL toDateTime(`window_start`) + INTERVAL 365 DAY
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS `k2`.`feed_gaps`
(
    `exchange` LowCardinality(String) CODEC(ZSTD(1)),
    `symbol` LowCardinality(String) CODEC(ZSTD(1)),
    `first_missing` Int64 CODEC(Delta, ZSTD(1)),
    `last_missing` Int64 CODEC(Delta, ZSTD(1)),
    `after_time` Nullable(DateTime64(6, 'UTC')) CODEC(Delta, ZSTD(1)),
    `before_time` Nullable(DateTime64(6, 'UTC')) CODEC(Delta, ZSTD(1)),
    `state` LowCardinality(String) CODEC(ZSTD(1)),
    `cause` Nullable(String) CODEC(ZSTD(1)),
    `detected_at` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `loaded_at` DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    INDEX `detected_at_range` `detected_at` TYPE minmax GRANULARITY 1,
    INDEX `loaded_at_range` `loaded_at` TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMMDD(`detected_at`)
ORDER BY (`exchange`, `symbol`, `first_missing`, `last_missing`, `state`, `detected_at`)
TTL toDateTime(`detected_at`) + INTERVAL 365 DAY
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE VIEW IF NOT EXISTS `k2`.`ohlcv_1m_check` AS
SELECT
    `exchange`,
    `canonical_symbol`,
    '1m' AS `interval`,
    `window` AS `window_start`,
    min(`at`) AS `open_time`,
    argMin(`trade_price`, `position`) AS `open_price`,
    max(`trade_price`) AS `high_price`,
    min(`trade_price`) AS `low_price`,
    max(`at`) AS `close_time`,
    argMax(`trade_price`, `position`) AS `close_price`,
    sum(`trade_quantity`) AS `volume`,
    sum(`trade_quote_volume`) AS `quote_volume`,
    toInt64(count()) AS `trade_count`,
    sumIf(`trade_quantity`, `is_buy`) AS `buy_volume`,
    min(`sequence`) AS `first_sequence`,
    max(`sequence`) AS `last_sequence`
FROM
(
    SELECT
        `exchange`,
        `canonical_symbol`,
        toStartOfInterval(`timestamp`, INTERVAL 60000000 MICROSECOND) AS `window`,
        `timestamp` AS `at`,
        `source_sequence` AS `sequence`,
        (`timestamp`, ifNull(`source_sequence`, 0), `trade_id`) AS `position`,
        `price` AS `trade_price`,
        `quantity` AS `trade_quantity`,
        `quote_volume` AS `trade_quote_volume`,
        `side` = 'BUY' AS `is_buy`
    FROM `k2`.`silver_trades` FINAL
    WHERE `is_valid`
)
GROUP BY `exchange`, `canonical_symbol`, `window`;

CREATE VIEW IF NOT EXISTS `k2`.`ohlcv_1m_diff` AS
SELECT
    `exchange`,
    `canonical_symbol`,
    '1m' AS `interval`,
    `window_start`,
    multiIf(countIf(`is_stored`) = 0, 'missing', countIf(NOT `is_stored`) = 0, 'unfounded', 'different') AS `difference`,
    anyIf(`candle`, `is_stored`) AS `stored`,
    anyIf(`candle`, NOT `is_stored`) AS `computed`
FROM
(
    SELECT true AS `is_stored`, `exchange`, `canonical_symbol`, `window_start`, CAST((`open_time`, `open_price`, `high_price`, `low_price`, `close_time`, `close_price`, `volume`, `quote_volume`, `trade_count`, `buy_volume`, `first_sequence`, `last_sequence`), 'Tuple(`open_time` DateTime64(6, \'UTC\'), `open_price` Decimal(38, 12), `high_price` Decimal(38, 12), `low_price` Decimal(38, 12), `close_time` DateTime64(6, \'UTC\'), `close_price` Decimal(38, 12), `volume` Decimal(38, 12), `quote_volume` Decimal(38, 18), `trade_count` Int64, `buy_volume` Decimal(38, 12), `first_sequence` Nullable(Int64), `last_sequence` Nullable(Int64))') AS `candle`
    FROM `k2`.`ohlcv_1m` FINAL
    WHERE `is_final`
    UNION ALL
    SELECT false AS `is_stored`, `exchange`, `canonical_symbol`, `window_start`, CAST((`open_time`, `open_price`, `high_price`, `low_price`, `close_time`, `close_price`, `volume`, `quote_volume`, `trade_count`, `buy_volume`, `first_sequence`, `last_sequence`), 'Tuple(`open_time` DateTime64(6, \'UTC\'), `open_price` Decimal(38, 12), `high_price` Decimal(38, 12), `low_price` Decimal(38, 12), `close_time` DateTime64(6, \'UTC\'), `close_price` Decimal(38, 12), `volume` Decimal(38, 12), `quote_volume` Decimal(38, 18), `trade_count` Int64, `buy_volume` Decimal(38, 12), `first_sequence` Nullable(Int64), `last_sequence` Nullable(Int64))') AS `candle`
    FROM `k2`.`ohlcv_1m_check`
)
GROUP BY `exchange`, `canonical_symbol`, `window_start`
HAVING count() != 2 OR uniqExact(`candle`) != 1;

CREATE VIEW IF NOT EXISTS `k2`.`ohlcv_5m_check` AS
SELECT
    `exchange`,
    `canonical_symbol`,
    '5m' AS `interval`,
    `window` AS `window_start`,
    min(`at`) AS `open_time`,
    argMin(`trade_price`, `position`) AS `open_price`,
    max(`trade_price`) AS `high_price`,
    min(`trade_price`) AS `low_price`,
    max(`at`) AS `close_time`,
    argMax(`trade_price`, `position`) AS `close_price`,
    sum(`trade_quantity`) AS `volume`,
    sum(`trade_quote_volume`) AS `quote_volume`,
    toInt64(count()) AS `trade_count`,
    sumIf(`trade_quantity`, `is_buy`) AS `buy_volume`,
    min(`sequence`) AS `first_sequence`,
    max(`sequence`) AS `last_sequence`
FROM
(
    SELECT
        `exchange`,
        `canonical_symbol`,
        toStartOfInterval(`timestamp`, INTERVAL 300000000 MICROSECOND) AS `window`,
        `timestamp` AS `at`,
        `source_sequence` AS `sequence`,
        (`timestamp`, ifNull(`source_sequence`, 0), `trade_id`) AS `position`,
        `price` AS `trade_price`,
        `quantity` AS `trade_quantity`,
        `quote_volume` AS `trade_quote_volume`,
        `side` = 'BUY' AS `is_buy`
    FROM `k2`.`silver_trades` FINAL
    WHERE `is_valid`
)
GROUP BY `exchange`, `canonical_symbol`, `window`;

CREATE VIEW IF NOT EXISTS `k2`.`ohlcv_5m_diff` AS
SELECT
    `exchange`,
    `canonical_symbol`,
    '5m' AS `interval`,
    `window_start`,
    multiIf(countIf(`is_stored`) = 0, 'missing', countIf(NOT `is_stored`) = 0, 'unfounded', 'different') AS `difference`,
    anyIf(`candle`, `is_stored`) AS `stored`,
    anyIf(`candle`, NOT `is_stored`) AS `computed`
FROM
(
    SELECT true AS `is_stored`, `exchange`, `canonical_symbol`, `window_start`, CAST((`open_time`, `open_price`, `high_price`, `low_price`, `close_time`, `close_price`, `volume`, `quote_volume`, `trade_count`, `buy_volume`, `first_sequence`, `last_sequence`), 'Tuple(`open_time` DateTime64(6, \'UTC\'), `open_price` Decimal(38, 12), `high_price` Decimal(38, 12), `low_price` Decimal(38, 12), `close_time` DateTime64(6, \'UTC\'), `close_price` Decimal(38, 12), `volume` Decimal(38, 12), `quote_volume` Decimal(38, 18), `trade_count` Int64, `buy_volume` Decimal(38, 12), `first_sequence` Nullable(Int64), `last_sequence` Nullable(Int64))') AS `candle`
    FROM `k2`.`ohlcv_5m` FINAL
    WHERE `is_final`
    UNION ALL
    SELECT false AS `is_stored`, `exchange`, `canonical_symbol`, `window_start`, CAST((`open_time`, `open_price`, `high_price`, `low_price`, `close_time`, `close_price`, `volume`, `quote_volume`, `trade_count`, `buy_volume`, `first_sequence`, `last_sequence`), 'Tuple(`open_time` DateTime64(6, \'UTC\'), `open_price` Decimal(38, 12), `high_price` Decimal(38, 12), `low_price` Decimal(38, 12), `close_time` DateTime64(6, \'UTC\'), `close_price` Decimal(38, 12), `volume` Decimal(38, 12), `quote_volume` Decimal(38, 18), `trade_count` Int64, `buy_volume` Decimal(38, 12), `first_sequence` Nullable(Int64), `last_sequence` Nullable(Int64))') AS `candle`
    FROM `k2`.`ohlcv_5m_check`
)
GROUP BY `exchange`, `canonical_symbol`, `window_start`
HAVING count() != 2 OR uniqExact(`candle`) != 1;

CREATE VIEW IF NOT EXISTS `k2`.`ohlcv_15m_check` AS
SELECT
    `exchange`,
    `canonical_symbol`,
    '15m' AS `interval`,
    `window` AS `window_start`,
    min(`at`) AS `open_time`,
    argMin(`trade_price`, `position`) AS `open_price`,
    max(`trade_price`) AS `high_price`,
    min(`trade_price`) AS `low_price`,
    max(`at`) AS `close_time`,
    argMax(`trade_price`, `position`) AS `close_price`,
    sum(`trade_quantity`) AS `volume`,
    sum(`trade_quote_volume`) AS `quote_volume`,
    toInt64(count()) AS `trade_count`,
    sumIf(`trade_quantity`, `is_buy`) AS `buy_volume`,
    min(`sequence`) AS `first_sequence`,
    max(`sequence`) AS `last_sequence`
FROM
(
    SELECT
        `exchange`,
        `canonical_symbol`,
        toStartOfInterval(`timestamp`, INTERVAL 900000000 MICROSECOND) AS `window`,
        `timestamp` AS `at`,
        `source_sequence` AS `sequence`,
        (`timestamp`, ifNull(`source_sequence`, 0), `trade_id`) AS `position`,
        `price` AS `trade_price`,
        `quantity` AS `trade_quantity`,
        `quote_volume` AS `trade_quote_volume`,
        `side` = 'BUY' AS `is_buy`
    FROM `k2`.`silver_trades` FINAL
    WHERE `is_valid`
)
GROUP BY `exchange`, `canonical_symbol`, `window`;

CREATE VIEW IF NOT EXISTS `k2`.`ohlcv_15m_diff` AS
SELECT
    `exchange`,
    `canonical_symbol`,
    '15m' AS `interval`,
    `window_start`,
    multiIf(countIf(`is_stored`) = 0, 'missing', countIf(NOT `is_stored`) = 0, 'unfounded', 'different') AS `difference`,
    anyIf(`candle`, `is_stored`) AS `stored`,
    anyIf(`candle`, NOT `is_stored`) AS `computed`
FROM
(
    SELECT true AS `is_stored`, `exchange`, `canonical_symbol`, `window_start`, CAST((`open_time`, `open_price`, `high_price`, `low_price`, `close_time`, `close_price`, `volume`, `quote_volume`, `trade_count`, `buy_volume`, `first_sequence`, `last_sequence`), 'Tuple(`open_time` DateTime64(6, \'UTC\'), `open_price` Decimal(38, 12), `high_price` Decimal(38, 12), `low_price` Decimal(38, 12), `close_time` DateTime64(6, \'UTC\'), `close_price` Decimal(38, 12), `volume` Decimal(38, 12), `quote_volume` Decimal(38, 18), `trade_count` Int64, `buy_volume` Decimal(38, 12), `first_sequence` Nullable(Int64), `last_sequence` Nullable(Int64))') AS `candle`
    FROM `k2`.`ohlcv_15m` FINAL
    WHERE `is_final`
    UNION ALL
    SELECT false AS `is_stored`, `exchange`, `canonical_symbol`, `window_start`, CAST((`open_time`, `open_price`, `high_price`, `low_price`, `close_time`, `close_price`, `volume`, `quote_volume`, `trade_count`, `buy_volume`, `first_sequence`, `last_sequence`), 'Tuple(`open_time` DateTime64(6, \'UTC\'), `open_price` Decimal(38, 12), `high_price` Decimal(38, 12), `low_price` Decimal(38, 12), `close_time` DateTime64(6, \'UTC\'), `close_price` Decimal(38, 12), `volume` Decimal(38, 12), `quote_volume` Decimal(38, 18), `trade_count` Int64, `buy_volume` Decimal(38, 12), `first_sequence` Nullable(Int64), `last_sequence` Nullable(Int64))') AS `candle`
    FROM `k2`.`ohlcv_15m_check`
)
GROUP BY `exchange`, `canonical_symbol`, `window_start`
HAVING count() != 2 OR uniqExact(`candle`) != 1;

CREATE VIEW IF NOT EXISTS `k2`.`ohlcv_30m_check` AS
SELECT
    `exchange`,
    `canonical_symbol`,
    '30m' AS `interval`,
    `window` AS `window_start`,
    min(`at`) AS `open_time`,
    argMin(`trade_price`, `position`) AS `open_price`,
    max(`trade_price`) AS `high_price`,
    min(`trade_price`) AS `low_price`,
    max(`at`) AS `close_time`,
    argMax(`trade_price`, `position`) AS `close_price`,
    sum(`trade_quantity`) AS `volume`,
    sum(`trade_quote_volume`) AS `quote_volume`,
    toInt64(count()) AS `trade_count`,
    sumIf(`trade_quantity`, `is_buy`) AS `buy_volume`,
    min(`sequence`) AS `first_sequence`,
    max(`sequence`) AS `last_sequence`
FROM
(
    SELECT
        `exchange`,
        `canonical_symbol`,
        toStartOfInterval(`timestamp`, INTERVAL 1800000000 MICROSECOND) AS `window`,
        `timestamp` AS `at`,
        `source_sequence` AS `sequence`,
        (`timestamp`, ifNull(`source_sequence`, 0), `trade_id`) AS `position`,
        `price` AS `trade_price`,
        `quantity` AS `trade_quantity`,
        `quote_volume` AS `trade_quote_volume`,
        `side` = 'BUY' AS `is_buy`
    FROM `k2`.`silver_trades` FINAL
    WHERE `is_valid`
)
GROUP BY `exchange`, `canonical_symbol`, `window`;

CREATE VIEW IF NOT EXISTS `k2`.`ohlcv_30m_diff` AS
SELECT
    `exchange`,
    `canonical_symbol`,
    '30m' AS `interval`,
    `window_start`,
    multiIf(countIf(`is_stored`) = 0, 'missing', countIf(NOT `is_stored`) = 0, 'unfounded', 'different') AS `difference`,
    anyIf(`candle`, `is_stored`) AS `stored`,
    anyIf(`candle`, NOT `is_stored`) AS `computed`
FROM
(
    SELECT true AS `is_stored`, `exchange`, `canonical_symbol`, `window_start`, CAST((`open_time`, `open_price`, `high_price`, `low_price`, `close_time`, `close_price`, `volume`, `quote_volume`, `trade_count`, `buy_volume`, `first_sequence`, `last_sequence`), 'Tuple(`open_time` DateTime64(6, \'UTC\'), `open_price` Decimal(38, 12), `high_price` Decimal(38, 12), `low_price` Decimal(38, 12), `close_time` DateTime64(6, \'UTC\'), `close_price` Decimal(38, 12), `volume` Decimal(38, 12), `quote_volume` Decimal(38, 18), `trade_count` Int64, `buy_volume` Decimal(38, 12), `first_sequence` Nullable(Int64), `last_sequence` Nullable(Int64))') AS `candle`
    FROM `k2`.`ohlcv_30m` FINAL
    WHERE `is_final`
    UNION ALL
    SELECT false AS `is_stored`, `exchange`, `canonical_symbol`, `window_start`, CAST((`open_time`, `open_price`, `high_price`, `low_price`, `close_time`, `close_price`, `volume`, `quote_volume`, `trade_count`, `buy_volume`, `first_sequence`, `last_sequence`), 'Tuple(`open_time` DateTime64(6, \'UTC\'), `open_price` Decimal(38, 12), `high_price` Decimal(38, 12), `low_price` Decimal(38, 12), `close_time` DateTime64(6, \'UTC\'), `close_price` Decimal(38, 12), `volume` Decimal(38, 12), `quote_volume` Decimal(38, 18), `trade_count` Int64, `buy_volume` Decimal(38, 12), `first_sequence` Nullable(Int64), `last_sequence` Nullable(Int64))') AS `candle`
    FROM `k2`.`ohlcv_30m_check`
)
GROUP BY `exchange`, `canonical_symbol`, `window_start`
HAVING count() != 2 OR uniqExact(`candle`) != 1;

CREATE VIEW IF NOT EXISTS `k2`.`ohlcv_1h_check` AS
SELECT
    `exchange`,
    `canonical_symbol`,
    '1h' AS `interval`,
    `window` AS `window_start`,
    min(`at`) AS `open_time`,
    argMin(`trade_price`, `position`) AS `open_price`,
    max(`trade_price`) AS `high_price`,
    min(`trade_price`) AS `low_price`,
    max(`at`) AS `close_time`,
    argMax(`trade_price`, `position`) AS `close_price`,
    sum(`trade_quantity`) AS `volume`,
    sum(`trade_quote_volume`) AS `quote_volume`,
    toInt64(count()) AS `trade_count`,
    sumIf(`trade_quantity`, `is_buy`) AS `buy_volume`,
    min(`sequence`) AS `first_sequence`,
    max(`sequence`) AS `last_sequence`
FROM
(
    SELECT
        `exchange`,
        `canonical_symbol`,
        toStartOfInterval(`timestamp`, INTERVAL 3600000000 MICROSECOND) AS `window`,
        `timestamp` AS `at`,
        `source_sequence` AS `sequence`,
        (`timestamp`, ifNull(`source_sequence`, 0), `trade_id`) AS `position`,
        `price` AS `trade_price`,
        `quantity` AS `trade_quantity`,
        `quote_volume` AS `trade_quote_volume`,
        `side` = 'BUY' AS `is_buy`
    FROM `k2`.`silver_trades` FINAL
    WHERE `is_valid`
)
GROUP BY `exchange`, `canonical_symbol`, `window`;

CREATE VIEW IF NOT EXISTS `k2`.`ohlcv_1h_diff` AS
SELECT
    `exchange`,
    `canonical_symbol`,
    '1h' AS `interval`,
    `window_start`,
    multiIf(countIf(`is_stored`) = 0, 'missing', countIf(NOT `is_stored`) = 0, 'unfounded', 'different') AS `difference`,
    anyIf(`candle`, `is_stored`) AS `stored`,
    anyIf(`candle`, NOT `is_stored`) AS `computed`
FROM
(
    SELECT true AS `is_stored`, `exchange`, `canonical_symbol`, `window_start`, CAST((`open_time`, `open_price`, `high_price`, `low_price`, `close_time`, `close_price`, `volume`, `quote_volume`, `trade_count`, `buy_volume`, `first_sequence`, `last_sequence`), 'Tuple(`open_time` DateTime64(6, \'UTC\'), `open_price` Decimal(38, 12), `high_price` Decimal(38, 12), `low_price` Decimal(38, 12), `close_time` DateTime64(6, \'UTC\'), `close_price` Decimal(38, 12), `volume` Decimal(38, 12), `quote_volume` Decimal(38, 18), `trade_count` Int64, `buy_volume` Decimal(38, 12), `first_sequence` Nullable(Int64), `last_sequence` Nullable(Int64))') AS `candle`
    FROM `k2`.`ohlcv_1h` FINAL
    WHERE `is_final`
    UNION ALL
    SELECT false AS `is_stored`, `exchange`, `canonical_symbol`, `window_start`, CAST((`open_time`, `open_price`, `high_price`, `low_price`, `close_time`, `close_price`, `volume`, `quote_volume`, `trade_count`, `buy_volume`, `first_sequence`, `last_sequence`), 'Tuple(`open_time` DateTime64(6, \'UTC\'), `open_price` Decimal(38, 12), `high_price` Decimal(38, 12), `low_price` Decimal(38, 12), `close_time` DateTime64(6, \'UTC\'), `close_price` Decimal(38, 12), `volume` Decimal(38, 12), `quote_volume` Decimal(38, 18), `trade_count` Int64, `buy_volume` Decimal(38, 12), `first_sequence` Nullable(Int64), `last_sequence` Nullable(Int64))') AS `candle`
    FROM `k2`.`ohlcv_1h_check`
)
GROUP BY `exchange`, `canonical_symbol`, `window_start`
HAVING count() != 2 OR uniqExact(`candle`) != 1;

CREATE VIEW IF NOT EXISTS `k2`.`ohlcv_1d_check` AS
SELECT
    `exchange`,
    `canonical_symbol`,
    '1d' AS `interval`,
    `window` AS `window_start`,
    min(`at`) AS `open_time`,
    argMin(`trade_price`, `position`) AS `open_price`,
    max(`trade_price`) AS `high_price`,
    min(`trade_price`) AS `low_price`,
    max(`at`) AS `close_time`,
    argMax(`trade_price`, `position`) AS `close_price`,
    sum(`trade_quantity`) AS `volume`,
    sum(`trade_quote_volume`) AS `quote_volume`,
    toInt64(count()) AS `trade_count`,
    sumIf(`trade_quantity`, `is_buy`) AS `buy_volume`,
    min(`sequence`) AS `first_sequence`,
    max(`sequence`) AS `last_sequence`
FROM
(
    SELECT
        `exchange`,
        `canonical_symbol`,
        toStartOfInterval(`timestamp`, INTERVAL 86400000000 MICROSECOND) AS `window`,
        `timestamp` AS `at`,
        `source_sequence` AS `sequence`,
        (`timestamp`, ifNull(`source_sequence`, 0), `trade_id`) AS `position`,
        `price` AS `trade_price`,
        `quantity` AS `trade_quantity`,
        `quote_volume` AS `trade_quote_volume`,
        `side` = 'BUY' AS `is_buy`
    FROM `k2`.`silver_trades` FINAL
    WHERE `is_valid`
)
GROUP BY `exchange`, `canonical_symbol`, `window`;

CREATE VIEW IF NOT EXISTS `k2`.`ohlcv_1d_diff` AS
SELECT
    `exchange`,
    `canonical_symbol`,
    '1d' AS `interval`,
    `window_start`,
    multiIf(countIf(`is_stored`) = 0, 'missing', countIf(NOT `is_stored`) = 0, 'unfounded', 'different') AS `difference`,
    anyIf(`candle`, `is_stored`) AS `stored`,
    anyIf(`candle`, NOT `is_stored`) AS `computed`
FROM
(
    SELECT true AS `is_stored`, `exchange`, `canonical_symbol`, `window_start`, CAST((`open_time`, `open_price`, `high_price`, `low_price`, `close_time`, `close_price`, `volume`, `quote_volume`, `trade_count`, `buy_volume`, `first_sequence`, `last_sequence`), 'Tuple(`open_time` DateTime64(6, \'UTC\'), `open_price` Decimal(38, 12), `high_price` Decimal(38, 12), `low_price` Decimal(38, 12), `close_time` DateTime64(6, \'UTC\'), `close_price` Decimal(38, 12), `volume` Decimal(38, 12), `quote_volume` Decimal(38, 18), `trade_count` Int64, `buy_volume` Decimal(38, 12), `first_sequence` Nullable(Int64), `last_sequence` Nullable(Int64))') AS `candle`
    FROM `k2`.`ohlcv_1d` FINAL
    WHERE `is_final`
    UNION ALL
    SELECT false AS `is_stored`, `exchange`, `canonical_symbol`, `window_start`, CAST((`open_time`, `open_price`, `high_price`, `low_price`, `close_time`, `close_price`, `volume`, `quote_volume`, `trade_count`, `buy_volume`, `first_sequence`, `last_sequence`), 'Tuple(`open_time` DateTime64(6, \'UTC\'), `open_price` Decimal(38, 12), `high_price` Decimal(38, 12), `low_price` Decimal(38, 12), `close_time` DateTime64(6, \'UTC\'), `close_price` Decimal(38, 12), `volume` Decimal(38, 12), `quote_volume` Decimal(38, 18), `trade_count` Int64, `buy_volume` Decimal(38, 12), `first_sequence` Nullable(Int64), `last_sequence` Nullable(Int64))') AS `candle`
    FROM `k2`.`ohlcv_1d_check`
)
GROUP BY `exchange`, `canonical_symbol`, `window_start`
HAVING count() != 2 OR uniqExact(`candle`) != 1;

INSERT INTO `k2`.`schema_version` (`version`, `description`)
SELECT 1, 'tables of bronze, silver, gold and gaps, and checking views'
WHERE 1 NOT IN (SELECT `version` FROM `k2`.`schema_version`);
