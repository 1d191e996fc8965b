CREATE TABLE IF NOT EXISTS `k2`.`kafka_bad_messages`
(
    `kafka_topic` LowCardinality(String),
    `kafka_partition` Int32,
    `kafka_offset` Int64 CODEC(Delta, ZSTD(1)),
    `reason` String CODEC(ZSTD(1)),
    `message` String CODEC(ZSTD(3)),
    `loaded_at` DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(`loaded_at`)
ORDER BY (`kafka_topic`, `kafka_partition`, `kafka_offset`, `message`)
TTL toDateTime(`loaded_at`) + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS `k2`.`kafka_lines`
(
    `topic` LowCardinality(String),
    `partition` UInt64,
    `offset` UInt64,
    `line` String,
    `error` String,
    `kind` String DEFAULT JSONExtractString(`line`, 'kind'),
    `target` String DEFAULT multiIf(
        `kind` = 'trade', 'silver_trades',
        `kind` = 'bronze', concat('bronze_trades_', JSONExtractString(`line`, 'exchange')),
        `kind` = 'candle', concat('ohlcv_', JSONExtractString(`line`, 'interval')),
        `kind` = 'gap', 'feed_gaps',
        ''),
    `reason` String DEFAULT multiIf(
        `error` != '', `error`,
        JSONType(`line`) != 'Object', 'expected a JSON object',
        JSONType(`line`, 'kind') != 'String', 'kind: expected a string',
        `kind` = 'trade', multiIf(
            NOT (ifNull(toString(toUUIDOrNull(JSONExtractString(`line`, 'message_id'))) = lower(JSONExtractString(`line`, 'message_id')), false)), 'message_id: expected a UUID',
            NOT (JSONType(`line`, 'trade_id') = 'String'), 'trade_id: expected a string',
            NOT (JSONExtractString(`line`, 'exchange') IN ('binance', 'kraken', 'coinbase')), 'exchange: expected binance, kraken, coinbase',
            NOT (JSONType(`line`, 'symbol') = 'String'), 'symbol: expected a string',
            NOT (JSONType(`line`, 'canonical_symbol') = 'String'), 'canonical_symbol: expected a string',
            NOT (JSONType(`line`, 'asset_class') = 'String'), 'asset_class: expected a string',
            NOT (JSONType(`line`, 'currency') = 'String'), 'currency: expected a string',
            NOT (JSONType(`line`, 'price') = 'String' AND match(JSONExtractString(`line`, 'price'), '^-?0*[0-9]{1,26}([.][0-9]{1,12}0*)?$') AND isNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'price'), 12))), 'price: expected a decimal string, at most 26 digits and 12 decimals',
            NOT (JSONType(`line`, 'quantity') = 'String' AND match(JSONExtractString(`line`, 'quantity'), '^-?0*[0-9]{1,26}([.][0-9]{1,12}0*)?$') AND isNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'quantity'), 12))), 'quantity: expected a decimal string, at most 26 digits and 12 decimals',
            NOT (JSONType(`line`, 'quote_volume') = 'String' AND match(JSONExtractString(`line`, 'quote_volume'), '^-?0*[0-9]{1,20}([.][0-9]{1,18}0*)?$') AND isNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'quote_volume'), 18))), 'quote_volume: expected a decimal string, at most 20 digits and 18 decimals',
            NOT (JSONType(`line`, 'side') = 'String'), 'side: expected a string',
            NOT ((JSONType(`line`, 'trade_conditions') = 'Null' OR JSONType(`line`, 'trade_conditions') = 'Array' AND arrayAll(x -> startsWith(x, '"'), JSONExtractArrayRaw(`line`, 'trade_conditions')))), 'trade_conditions: expected an array of strings',
            NOT (ifNull(concat(replaceOne(toString(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'timestamp'), 6, 'UTC')), ' ', 'T'), 'Z') = JSONExtractString(`line`, 'timestamp'), false)), 'timestamp: expected a UTC time with six decimals and Z, 1900 to 2299',
            NOT (ifNull(concat(replaceOne(toString(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'ingestion_timestamp'), 6, 'UTC')), ' ', 'T'), 'Z') = JSONExtractString(`line`, 'ingestion_timestamp'), false)), 'ingestion_timestamp: expected a UTC time with six decimals and Z, 1900 to 2299',
            NOT ((JSONType(`line`, 'source_sequence') = 'Null' OR ifNull(toString(toInt64OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'source_sequence')))) = trim(BOTH '"' FROM JSONExtractRaw(`line`, 'source_sequence')), false))), 'source_sequence: expected an integer of 64 bits',
            NOT (JSONType(`line`, 'origin') = 'String'), 'origin: expected a string',
            NOT ((JSONType(`line`, 'vendor_data') = 'Null' OR JSONType(`line`, 'vendor_data') = 'Object' AND arrayAll(x -> startsWith(x.2, '"'), JSONExtractKeysAndValuesRaw(`line`, 'vendor_data')))), 'vendor_data: expected an object of strings',
            NOT (JSONType(`line`, 'is_valid') = 'Bool'), 'is_valid: expected true or false',
            NOT ((JSONType(`line`, 'validation_errors') = 'Null' OR JSONType(`line`, 'validation_errors') = 'Array' AND arrayAll(x -> startsWith(x, '"'), JSONExtractArrayRaw(`line`, 'validation_errors')))), 'validation_errors: expected an array of strings',
            ''),
        `kind` = 'bronze', multiIf(
            NOT (JSONExtractString(`line`, 'exchange') IN ('binance', 'kraken', 'coinbase')), 'exchange: expected binance, kraken, coinbase',
            NOT (ifNull(concat(replaceOne(toString(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'exchange_timestamp'), 6, 'UTC')), ' ', 'T'), 'Z') = JSONExtractString(`line`, 'exchange_timestamp'), false)), 'exchange_timestamp: expected a UTC time with six decimals and Z, 1900 to 2299',
            NOT ((JSONType(`line`, 'sequence_number') = 'Null' OR ifNull(toString(toInt64OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'sequence_number')))) = trim(BOTH '"' FROM JSONExtractRaw(`line`, 'sequence_number')), false))), 'sequence_number: expected an integer of 64 bits',
            NOT (JSONType(`line`, 'trade_id') = 'String'), 'trade_id: expected a string',
            NOT (JSONType(`line`, 'symbol') = 'String'), 'symbol: expected a string',
            NOT (JSONType(`line`, 'price') = 'String' AND match(JSONExtractString(`line`, 'price'), '^-?0*[0-9]{1,26}([.][0-9]{1,12}0*)?$') AND isNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'price'), 12))), 'price: expected a decimal string, at most 26 digits and 12 decimals',
            NOT (JSONType(`line`, 'quantity') = 'String' AND match(JSONExtractString(`line`, 'quantity'), '^-?0*[0-9]{1,26}([.][0-9]{1,12}0*)?$') AND isNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'quantity'), 12))), 'quantity: expected a decimal string, at most 26 digits and 12 decimals',
            NOT (JSONType(`line`, 'quote_volume') = 'String' AND match(JSONExtractString(`line`, 'quote_volume'), '^-?0*[0-9]{1,20}([.][0-9]{1,18}0*)?$') AND isNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'quote_volume'), 18))), 'quote_volume: expected a decimal string, at most 20 digits and 18 decimals',
            NOT (JSONType(`line`, 'side') = 'String'), 'side: expected a string',
            NOT ((JSONType(`line`, 'event_time') = 'Null' OR ifNull(concat(replaceOne(toString(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'event_time'), 6, 'UTC')), ' ', 'T'), 'Z') = JSONExtractString(`line`, 'event_time'), false))), 'event_time: expected a UTC time with six decimals and Z, 1900 to 2299',
            NOT (ifNull(concat(replaceOne(toString(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'ingestion_timestamp'), 6, 'UTC')), ' ', 'T'), 'Z') = JSONExtractString(`line`, 'ingestion_timestamp'), false)), 'ingestion_timestamp: expected a UTC time with six decimals and Z, 1900 to 2299',
            NOT ((JSONType(`line`, 'payload') = 'String' OR JSONType(`line`, 'payload') IN ('Object', 'Array') AND isValidJSON(extract(`line`, ',"payload":(.*?)(?:,"kafka_partition":[0-9]+)?(?:,"kafka_offset":[0-9]+)?\\}\\s*$')))), 'payload: expected JSON as the record\'s last member',
            ''),
        `kind` = 'candle', multiIf(
            NOT (JSONExtractString(`line`, 'exchange') IN ('binance', 'kraken', 'coinbase')), 'exchange: expected binance, kraken, coinbase',
            NOT (JSONType(`line`, 'canonical_symbol') = 'String'), 'canonical_symbol: expected a string',
            NOT (JSONExtractString(`line`, 'interval') IN ('1m', '5m', '15m', '30m', '1h', '1d')), 'interval: expected 1m, 5m, 15m, 30m, 1h, 1d',
            NOT (ifNull(concat(replaceOne(toString(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'window_start'), 6, 'UTC')), ' ', 'T'), 'Z') = JSONExtractString(`line`, 'window_start'), false)), 'window_start: expected a UTC time with six decimals and Z, 1900 to 2299',
            NOT (ifNull(concat(replaceOne(toString(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'open_time'), 6, 'UTC')), ' ', 'T'), 'Z') = JSONExtractString(`line`, 'open_time'), false)), 'open_time: expected a UTC time with six decimals and Z, 1900 to 2299',
            NOT (JSONType(`line`, 'open_price') = 'String' AND match(JSONExtractString(`line`, 'open_price'), '^-?0*[0-9]{1,26}([.][0-9]{1,12}0*)?$') AND isNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'open_price'), 12))), 'open_price: expected a decimal string, at most 26 digits and 12 decimals',
            NOT (JSONType(`line`, 'high_price') = 'String' AND match(JSONExtractString(`line`, 'high_price'), '^-?0*[0-9]{1,26}([.][0-9]{1,12}0*)?$') AND isNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'high_price'), 12))), 'high_price: expected a decimal string, at most 26 digits and 12 decimals',
            NOT (JSONType(`line`, 'low_price') = 'String' AND match(JSONExtractString(`line`, 'low_price'), '^-?0*[0-9]{1,26}([.][0-9]{1,12}0*)?$') AND isNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'low_price'), 12))), 'low_price: expected a decimal string, at most 26 digits and 12 decimals',
            NOT (ifNull(concat(replaceOne(toString(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'close_time'), 6, 'UTC')), ' ', 'T'), 'Z') = JSONExtractString(`line`, 'close_time'), false)), 'close_time: expected a UTC time with six decimals and Z, 1900 to 2299',
            NOT (JSONType(`line`, 'close_price') = 'String' AND match(JSONExtractString(`line`, 'close_price'), '^-?0*[0-9]{1,26}([.][0-9]{1,12}0*)?$') AND isNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'close_price'), 12))), 'close_price: expected a decimal string, at most 26 digits and 12 decimals',
            NOT (JSONType(`line`, 'volume') = 'String' AND match(JSONExtractString(`line`, 'volume'), '^-?0*[0-9]{1,26}([.][0-9]{1,12}0*)?$') AND isNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'volume'), 12))), 'volume: expected a decimal string, at most 26 digits and 12 decimals',
            NOT (JSONType(`line`, 'quote_volume') = 'String' AND match(JSONExtractString(`line`, 'quote_volume'), '^-?0*[0-9]{1,20}([.][0-9]{1,18}0*)?$') AND isNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'quote_volume'), 18))), 'quote_volume: expected a decimal string, at most 20 digits and 18 decimals',
            NOT (ifNull(toString(toInt64OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'trade_count')))) = trim(BOTH '"' FROM JSONExtractRaw(`line`, 'trade_count')), false)), 'trade_count: expected an integer of 64 bits',
            NOT (JSONType(`line`, 'buy_volume') = 'String' AND match(JSONExtractString(`line`, 'buy_volume'), '^-?0*[0-9]{1,26}([.][0-9]{1,12}0*)?$') AND isNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'buy_volume'), 12))), 'buy_volume: expected a decimal string, at most 26 digits and 12 decimals',
            NOT ((JSONType(`line`, 'first_sequence') = 'Null' OR ifNull(toString(toInt64OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'first_sequence')))) = trim(BOTH '"' FROM JSONExtractRaw(`line`, 'first_sequence')), false))), 'first_sequence: expected an integer of 64 bits',
            NOT ((JSONType(`line`, 'last_sequence') = 'Null' OR ifNull(toString(toInt64OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'last_sequence')))) = trim(BOTH '"' FROM JSONExtractRaw(`line`, 'last_sequence')), false))), 'last_sequence: expected an integer of 64 bits',
            NOT (ifNull(toString(toInt32OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'revision')))) = trim(BOTH '"' FROM JSONExtractRaw(`line`, 'revision')), false)), 'revision: expected an integer of 32 bits',
            NOT (JSONType(`line`, 'is_final') = 'Bool'), 'is_final: expected true or false',
            NOT (JSONType(`line`, 'has_gap') = 'Bool'), 'has_gap: expected true or false',
            ''),
        `kind` = 'gap', multiIf(
            NOT (JSONExtractString(`line`, 'exchange') IN ('binance', 'kraken', 'coinbase')), 'exchange: expected binance, kraken, coinbase',
            NOT (JSONType(`line`, 'symbol') = 'String'), 'symbol: expected a string',
            NOT (ifNull(toString(toInt64OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'first_missing')))) = trim(BOTH '"' FROM JSONExtractRaw(`line`, 'first_missing')), false)), 'first_missing: expected an integer of 64 bits',
            NOT (ifNull(toString(toInt64OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'last_missing')))) = trim(BOTH '"' FROM JSONExtractRaw(`line`, 'last_missing')), false)), 'last_missing: expected an integer of 64 bits',
            NOT ((JSONType(`line`, 'after_time') = 'Null' OR ifNull(concat(replaceOne(toString(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'after_time'), 6, 'UTC')), ' ', 'T'), 'Z') = JSONExtractString(`line`, 'after_time'), false))), 'after_time: expected a UTC time with six decimals and Z, 1900 to 2299',
            NOT ((JSONType(`line`, 'before_time') = 'Null' OR ifNull(concat(replaceOne(toString(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'before_time'), 6, 'UTC')), ' ', 'T'), 'Z') = JSONExtractString(`line`, 'before_time'), false))), 'before_time: expected a UTC time with six decimals and Z, 1900 to 2299',
            NOT (JSONType(`line`, 'state') = 'String'), 'state: expected a string',
            NOT ((JSONType(`line`, 'cause') = 'Null' OR JSONType(`line`, 'cause') = 'String')), 'cause: expected a string',
            NOT (ifNull(concat(replaceOne(toString(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'detected_at'), 6, 'UTC')), ' ', 'T'), 'Z') = JSONExtractString(`line`, 'detected_at'), false)), 'detected_at: expected a UTC time with six decimals and Z, 1900 to 2299',
            ''),
        '')
)
ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS `k2`.`kafka_to_bronze_trades_binance`
TO `k2`.`bronze_trades_binance` AS
SELECT
    assumeNotNull(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'exchange_timestamp'), 6, 'UTC')) AS `exchange_timestamp`,
    toInt64OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'sequence_number'))) AS `sequence_number`,
    JSONExtractString(`line`, 'trade_id') AS `trade_id`,
    JSONExtractString(`line`, 'symbol') AS `symbol`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'price'), 12)) AS `price`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'quantity'), 12)) AS `quantity`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'quote_volume'), 18)) AS `quote_volume`,
    JSONExtractString(`line`, 'side') AS `side`,
    parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'event_time'), 6, 'UTC') AS `event_time`,
    assumeNotNull(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'ingestion_timestamp'), 6, 'UTC')) AS `ingestion_timestamp`,
    if(JSONType(`line`, 'payload') = 'String', JSONExtractString(`line`, 'payload'), extract(`line`, ',"payload":(.*?)(?:,"kafka_partition":[0-9]+)?(?:,"kafka_offset":[0-9]+)?\\}\\s*$')) AS `payload`,
    toInt32(`partition`) AS `kafka_partition`,
    toInt64(`offset`) AS `kafka_offset`
FROM `k2`.`kafka_lines`
WHERE `target` = 'bronze_trades_binance' AND `reason` = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS `k2`.`kafka_to_bronze_trades_kraken`
TO `k2`.`bronze_trades_kraken` AS
SELECT
    assumeNotNull(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'exchange_timestamp'), 6, 'UTC')) AS `exchange_timestamp`,
    toInt64OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'sequence_number'))) AS `sequence_number`,
    JSONExtractString(`line`, 'trade_id') AS `trade_id`,
    JSONExtractString(`line`, 'symbol') AS `symbol`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'price'), 12)) AS `price`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'quantity'), 12)) AS `quantity`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'quote_volume'), 18)) AS `quote_volume`,
    JSONExtractString(`line`, 'side') AS `side`,
    parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'event_time'), 6, 'UTC') AS `event_time`,
    assumeNotNull(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'ingestion_timestamp'), 6, 'UTC')) AS `ingestion_timestamp`,
    if(JSONType(`line`, 'payload') = 'String', JSONExtractString(`line`, 'payload'), extract(`line`, ',"payload":(.*?)(?:,"kafka_partition":[0-9]+)?(?:,"kafka_offset":[0-9]+)?\\}\\s*$')) AS `payload`,
    toInt32(`partition`) AS `kafka_partition`,
    toInt64(`offset`) AS `kafka_offset`
FROM `k2`.`kafka_lines`
WHERE `target` = 'bronze_trades_kraken' AND `reason` = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS `k2`.`kafka_to_bronze_trades_coinbase`
TO `k2`.`bronze_trades_coinbase` AS
SELECT
    assumeNotNull(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'exchange_timestamp'), 6, 'UTC')) AS `exchange_timestamp`,
    toInt64OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'sequence_number'))) AS `sequence_number`,
    JSONExtractString(`line`, 'trade_id') AS `trade_id`,
    JSONExtractString(`line`, 'symbol') AS `symbol`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'price'), 12)) AS `price`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'quantity'), 12)) AS `quantity`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'quote_volume'), 18)) AS `quote_volume`,
    JSONExtractString(`line`, 'side') AS `side`,
    parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'event_time'), 6, 'UTC') AS `event_time`,
    assumeNotNull(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'ingestion_timestamp'), 6, 'UTC')) AS `ingestion_timestamp`,
    if(JSONType(`line`, 'payload') = 'String', JSONExtractString(`line`, 'payload'), extract(`line`, ',"payload":(.*?)(?:,"kafka_partition":[0-9]+)?(?:,"kafka_offset":[0-9]+)?\\}\\s*$')) AS `payload`,
    toInt32(`partition`) AS `kafka_partition`,
    toInt64(`offset`) AS `kafka_offset`
FROM `k2`.`kafka_lines`
WHERE `target` = 'bronze_trades_coinbase' AND `reason` = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS `k2`.`kafka_to_silver_trades`
TO `k2`.`silver_trades` AS
SELECT
    assumeNotNull(toUUIDOrNull(JSONExtractString(`line`, 'message_id'))) AS `message_id`,
    JSONExtractString(`line`, 'trade_id') AS `trade_id`,
    JSONExtractString(`line`, 'exchange') AS `exchange`,
    JSONExtractString(`line`, 'symbol') AS `symbol`,
    JSONExtractString(`line`, 'canonical_symbol') AS `canonical_symbol`,
    JSONExtractString(`line`, 'asset_class') AS `asset_class`,
    JSONExtractString(`line`, 'currency') AS `currency`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'price'), 12)) AS `price`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'quantity'), 12)) AS `quantity`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'quote_volume'), 18)) AS `quote_volume`,
    JSONExtractString(`line`, 'side') AS `side`,
    JSONExtract(`line`, 'trade_conditions', 'Array(String)') AS `trade_conditions`,
    assumeNotNull(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'timestamp'), 6, 'UTC')) AS `timestamp`,
    assumeNotNull(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'ingestion_timestamp'), 6, 'UTC')) AS `ingestion_timestamp`,
    toInt64OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'source_sequence'))) AS `source_sequence`,
    JSONExtractString(`line`, 'origin') AS `origin`,
    JSONExtract(`line`, 'vendor_data', 'Map(String, String)') AS `vendor_data`,
    JSONExtractBool(`line`, 'is_valid') AS `is_valid`,
    JSONExtract(`line`, 'validation_errors', 'Array(String)') AS `validation_errors`
FROM `k2`.`kafka_lines`
WHERE `target` = 'silver_trades' AND `reason` = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS `k2`.`kafka_to_ohlcv_1m`
TO `k2`.`ohlcv_1m` AS
SELECT
    JSONExtractString(`line`, 'exchange') AS `exchange`,
    JSONExtractString(`line`, 'canonical_symbol') AS `canonical_symbol`,
    JSONExtractString(`line`, 'interval') AS `interval`,
    assumeNotNull(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'window_start'), 6, 'UTC')) AS `window_start`,
    assumeNotNull(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'open_time'), 6, 'UTC')) AS `open_time`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'open_price'), 12)) AS `open_price`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'high_price'), 12)) AS `high_price`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'low_price'), 12)) AS `low_price`,
    assumeNotNull(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'close_time'), 6, 'UTC')) AS `close_time`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'close_price'), 12)) AS `close_price`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'volume'), 12)) AS `volume`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'quote_volume'), 18)) AS `quote_volume`,
    assumeNotNull(toInt64OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'trade_count')))) AS `trade_count`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'buy_volume'), 12)) AS `buy_volume`,
    toInt64OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'first_sequence'))) AS `first_sequence`,
    toInt64OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'last_sequence'))) AS `last_sequence`,
    assumeNotNull(toInt32OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'revision')))) AS `revision`,
    JSONExtractBool(`line`, 'is_final') AS `is_final`,
    JSONExtractBool(`line`, 'has_gap') AS `has_gap`
FROM `k2`.`kafka_lines`
WHERE `target` = 'ohlcv_1m' AND `reason` = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS `k2`.`kafka_to_ohlcv_5m`
TO `k2`.`ohlcv_5m` AS
SELECT
    JSONExtractString(`line`, 'exchange') AS `exchange`,
    JSONExtractString(`line`, 'canonical_symbol') AS `canonical_symbol`,
    JSONExtractString(`line`, 'interval') AS `interval`,
    assumeNotNull(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'window_start'), 6, 'UTC')) AS `window_start`,
    assumeNotNull(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'open_time'), 6, 'UTC')) AS `open_time`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'open_price'), 12)) AS `open_price`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'high_price'), 12)) AS `high_price`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'low_price'), 12)) AS `low_price`,
    assumeNotNull(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'close_time'), 6, 'UTC')) AS `close_time`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'close_price'), 12)) AS `close_price`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'volume'), 12)) AS `volume`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'quote_volume'), 18)) AS `quote_volume`,
    assumeNotNull(toInt64OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'trade_count')))) AS `trade_count`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'buy_volume'), 12)) AS `buy_volume`,
    toInt64OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'first_sequence'))) AS `first_sequence`,
    toInt64OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'last_sequence'))) AS `last_sequence`,
    assumeNotNull(toInt32OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'revision')))) AS `revision`,
    JSONExtractBool(`line`, 'is_final') AS `is_final`,
    JSONExtractBool(`line`, 'has_gap') AS `has_gap`
FROM `k2`.`kafka_lines`
WHERE `target` = 'ohlcv_5m' AND `reason` = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS `k2`.`kafka_to_ohlcv_15m`
TO `k2`.`ohlcv_15m` AS
SELECT
    JSONExtractString(`line`, 'exchange') AS `exchange`,
    JSONExtractString(`line`, 'canonical_symbol') AS `canonical_symbol`,
    JSONExtractString(`line`, 'interval') AS `interval`,
    assumeNotNull(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'window_start'), 6, 'UTC')) AS `window_start`,
    assumeNotNull(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'open_time'), 6, 'UTC')) AS `open_time`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'open_price'), 12)) AS `open_price`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'high_price'), 12)) AS `high_price`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'low_price'), 12)) AS `low_price`,
    assumeNotNull(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'close_time'), 6, 'UTC')) AS `close_time`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'close_price'), 12)) AS `close_price`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'volume'), 12)) AS `volume`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'quote_volume'), 18)) AS `quote_volume`,
    assumeNotNull(toInt64OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'trade_count')))) AS `trade_count`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'buy_volume'), 12)) AS `buy_volume`,
    toInt64OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'first_sequence'))) AS `first_sequence`,
    toInt64OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'last_sequence'))) AS `last_sequence`,
    assumeNotNull(toInt32OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'revision')))) AS `revision`,
    JSONExtractBool(`line`, 'is_final') AS `is_final`,
    JSONExtractBool(`line`, 'has_gap') AS `has_gap`
FROM `k2`.`kafka_lines`
WHERE `target` = 'ohlcv_15m' AND `reason` = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS `k2`.`kafka_to_ohlcv_30m`
TO `k2`.`ohlcv_30m` AS
SELECT
    JSONExtractString(`line`, 'exchange') AS `exchange`,
    JSONExtractString(`line`, 'canonical_symbol') AS `canonical_symbol`,
    JSONExtractString(`line`, 'interval') AS `interval`,
    assumeNotNull(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'window_start'), 6, 'UTC')) AS `window_start`,
    assumeNotNull(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'open_time'), 6, 'UTC')) AS `open_time`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'open_price'), 12)) AS `open_price`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'high_price'), 12)) AS `high_price`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'low_price'), 12)) AS `low_price`,
    assumeNotNull(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'close_time'), 6, 'UTC')) AS `close_time`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'close_price'), 12)) AS `close_price`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'volume'), 12)) AS `volume`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'quote_volume'), 18)) AS `quote_volume`,
    assumeNotNull(toInt64OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'trade_count')))) AS `trade_count`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'buy_volume'), 12)) AS `buy_volume`,
    toInt64OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'first_sequence'))) AS `first_sequence`,
    toInt64OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'last_sequence'))) AS `last_sequence`,
    assumeNotNull(toInt32OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'revision')))) AS `revision`,
    JSONExtractBool(`line`, 'is_final') AS `is_final`,
    JSONExtractBool(`line`, 'has_gap') AS `has_gap`
FROM `k2`.`kafka_lines`
WHERE `target` = 'ohlcv_30m' AND `reason` = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS `k2`.`kafka_to_ohlcv_1h`
TO `k2`.`ohlcv_1h` AS
SELECT
    JSONExtractString(`line`, 'exchange') AS `exchange`,
    JSONExtractString(`line`, 'canonical_symbol') AS `canonical_symbol`,
    JSONExtractString(`line`, 'interval') AS `interval`,
    assumeNotNull(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'window_start'), 6, 'UTC')) AS `window_start`,
    assumeNotNull(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'open_time'), 6, 'UTC')) AS `open_time`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'open_price'), 12)) AS `open_price`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'high_price'), 12)) AS `high_price`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'low_price'), 12)) AS `low_price`,
    assumeNotNull(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'close_time'), 6, 'UTC')) AS `close_time`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'close_price'), 12)) AS `close_price`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'volume'), 12)) AS `volume`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'quote_volume'), 18)) AS `quote_volume`,
    assumeNotNull(toInt64OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'trade_count')))) AS `trade_count`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'buy_volume'), 12)) AS `buy_volume`,
    toInt64OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'first_sequence'))) AS `first_sequence`,
    toInt64OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'last_sequence'))) AS `last_sequence`,
    assumeNotNull(toInt32OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'revision')))) AS `revision`,
    JSONExtractBool(`line`, 'is_final') AS `is_final`,
    JSONExtractBool(`line`, 'has_gap') AS `has_gap`
FROM `k2`.`kafka_lines`
WHERE `target` = 'ohlcv_1h' AND `reason` = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS `k2`.`kafka_to_ohlcv_1d`
TO `k2`.`ohlcv_1d` AS
SELECT
    JSONExtractString(`line`, 'exchange') AS `exchange`,
    JSONExtractString(`line`, 'canonical_symbol') AS `canonical_symbol`,
    JSONExtractString(`line`, 'interval') AS `interval`,
    assumeNotNull(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'window_start'), 6, 'UTC')) AS `window_start`,
    assumeNotNull(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'open_time'), 6, 'UTC')) AS `open_time`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'open_price'), 12)) AS `open_price`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'high_price'), 12)) AS `high_price`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'low_price'), 12)) AS `low_price`,
    assumeNotNull(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'close_time'), 6, 'UTC')) AS `close_time`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'close_price'), 12)) AS `close_price`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'volume'), 12)) AS `volume`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'quote_volume'), 18)) AS `quote_volume`,
    assumeNotNull(toInt64OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'trade_count')))) AS `trade_count`,
    assumeNotNull(toDecimal128OrNull(JSONExtractString(`line`, 'buy_volume'), 12)) AS `buy_volume`,
    toInt64OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'first_sequence'))) AS `first_sequence`,
    toInt64OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'last_sequence'))) AS `last_sequence`,
    assumeNotNull(toInt32OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'revision')))) AS `revision`,
    JSONExtractBool(`line`, 'is_final') AS `is_final`,
    JSONExtractBool(`line`, 'has_gap') AS `has_gap`
FROM `k2`.`kafka_lines`
WHERE `target` = 'ohlcv_1d' AND `reason` = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS `k2`.`kafka_to_feed_gaps`
TO `k2`.`feed_gaps` AS
SELECT
    JSONExtractString(`line`, 'exchange') AS `exchange`,
    JSONExtractString(`line`, 'symbol') AS `symbol`,
    assumeNotNull(toInt64OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'first_missing')))) AS `first_missing`,
    assumeNotNull(toInt64OrNull(trim(BOTH '"' FROM JSONExtractRaw(`line`, 'last_missing')))) AS `last_missing`,
    parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'after_time'), 6, 'UTC') AS `after_time`,
    parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'before_time'), 6, 'UTC') AS `before_time`,
    JSONExtractString(`line`, 'state') AS `state`,
    if(JSONType(`line`, 'cause') = 'String', JSONExtractString(`line`, 'cause'), NULL) AS `cause`,
    assumeNotNull(parseDateTime64BestEffortOrNull(JSONExtractString(`line`, 'detected_at'), 6, 'UTC')) AS `detected_at`
FROM `k2`.`kafka_lines`
WHERE `target` = 'feed_gaps' AND `reason` = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS `k2`.`kafka_to_kafka_bad_messages`
TO `k2`.`kafka_bad_messages` AS
SELECT
    `topic` AS `kafka_topic`,
    toInt32(`partition`) AS `kafka_partition`,
    toInt64(`offset`) AS `kafka_offset`,
    `reason`,
    `line` AS `message`
FROM `k2`.`kafka_lines`
WHERE `reason` != '';

CREATE TABLE IF NOT EXISTS `k2`.`kafka_trades_binance`
(
    `line` String
)
ENGINE = Kafka
SETTINGS
    kafka_broker_list = 'a:9092,b:9092',
    kafka_topic_list = 'market.crypto.trades.binance',
    kafka_group_name = 'k2-binance',
    kafka_format = 'LineAsString',
    kafka_handle_error_mode = 'stream';

CREATE TABLE IF NOT EXISTS `k2`.`kafka_trades_kraken`
(
    `line` String
)
ENGINE = Kafka
SETTINGS
    kafka_broker_list = 'a:9092,b:9092',
    kafka_topic_list = 'market.crypto.trades.kraken',
    kafka_group_name = 'k2-kraken',
    kafka_format = 'LineAsString',
    kafka_handle_error_mode = 'stream';

CREATE TABLE IF NOT EXISTS `k2`.`kafka_trades_coinbase`
(
    `line` String
)
ENGINE = Kafka
SETTINGS
    kafka_broker_list = 'a:9092,b:9092',
    kafka_topic_list = 'market.crypto.trades.coinbase',
    kafka_group_name = 'k2-coinbase',
    kafka_format = 'LineAsString',
    kafka_handle_error_mode = 'stream';

CREATE MATERIALIZED VIEW IF NOT EXISTS `k2`.`kafka_trades_binance_lines`
TO `k2`.`kafka_lines` AS
SELECT
    `_topic` AS `topic`,
    `_partition` AS `partition`,
    `_offset` AS `offset`,
    if(`_error` = '', `line`, `_raw_message`) AS `line`,
    `_error` AS `error`
FROM `k2`.`kafka_trades_binance`;

CREATE MATERIALIZED VIEW IF NOT EXISTS `k2`.`kafka_trades_kraken_lines`
TO `k2`.`kafka_lines` AS
SELECT
    `_topic` AS `topic`,
    `_partition` AS `partition`,
    `_offset` AS `offset`,
    if(`_error` = '', `line`, `_raw_message`) AS `line`,
    `_error` AS `error`
FROM `k2`.`kafka_trades_kraken`;

CREATE MATERIALIZED VIEW IF NOT EXISTS `k2`.`kafka_trades_coinbase_lines`
TO `k2`.`kafka_lines` AS
SELECT
    `_topic` AS `topic`,
    `_partition` AS `partition`,
    `_offset` AS `offset`,
    if(`_error` = '', `line`, `_raw_message`) AS `line`,
    `_error` AS `error`
FROM `k2`.`kafka_trades_coinbase`;
