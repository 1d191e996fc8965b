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
    `members` Map(String, String) DEFAULT CAST(JSONExtractKeysAndValuesRaw(`line`), 'Map(String, String)'),
    `kind` String DEFAULT JSONExtractString(`members`['kind']),
    `target` String DEFAULT multiIf(
        `kind` = 'trade', 'silver_trades',
        `kind` = 'bronze', concat('bronze_trades_', JSONExtractString(`members`['exchange'])),
        `kind` = 'candle', concat('ohlcv_', JSONExtractString(`members`['interval'])),
        `kind` = 'gap', 'feed_gaps',
        ''),
    `reason` String DEFAULT multiIf(
        `error` != '', `error`,
        empty(`members`), 'expected a JSON object',
        NOT startsWith(`members`['kind'], '"'), 'kind: expected a string',
        `kind` = 'trade', multiIf(
            NOT (ifNull(toString(toUUIDOrNull(trim(BOTH '"' FROM `members`['message_id']))) = lower(trim(BOTH '"' FROM `members`['message_id'])), false)), 'message_id: expected a UUID',
            NOT (startsWith(`members`['trade_id'], '"')), 'trade_id: expected a string',
            NOT (JSONExtractString(`members`['exchange']) IN ('binance', 'kraken', 'coinbase')), 'exchange: expected binance, kraken, coinbase',
            NOT (startsWith(`members`['symbol'], '"')), 'symbol: expected a string',
            NOT (startsWith(`members`['canonical_symbol'], '"')), 'canonical_symbol: expected a string',
            NOT (startsWith(`members`['asset_class'], '"')), 'asset_class: expected a string',
            NOT (startsWith(`members`['currency'], '"')), 'currency: expected a string',
            NOT (match(`members`['price'], '^"-?0*[0-9]{1,26}([.][0-9]{1,12}0*)?"$') AND isNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['price']), 12))), 'price: expected a decimal string, at most 26 digits and 12 decimals',
            NOT (match(`members`['quantity'], '^"-?0*[0-9]{1,26}([.][0-9]{1,12}0*)?"$') AND isNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['quantity']), 12))), 'quantity: expected a decimal string, at most 26 digits and 12 decimals',
            NOT (match(`members`['quote_volume'], '^"-?0*[0-9]{1,20}([.][0-9]{1,18}0*)?"$') AND isNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['quote_volume']), 18))), 'quote_volume: expected a decimal string, at most 20 digits and 18 decimals',
            NOT (startsWith(`members`['side'], '"')), 'side: expected a string',
            NOT ((`members`['trade_conditions'] IN ('', 'null') OR startsWith(`members`['trade_conditions'], '[') AND arrayAll(x -> startsWith(x, '"'), JSONExtractArrayRaw(`members`['trade_conditions'])))), 'trade_conditions: expected an array of strings',
            NOT (ifNull(concat('"', replaceOne(toString(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['timestamp']), 6, 'UTC')), ' ', 'T'), 'Z"') = `members`['timestamp'], false)), 'timestamp: expected a UTC time with six decimals and Z, from 1900 to 2299',
            NOT (ifNull(concat('"', replaceOne(toString(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['ingestion_timestamp']), 6, 'UTC')), ' ', 'T'), 'Z"') = `members`['ingestion_timestamp'], false)), 'ingestion_timestamp: expected a UTC time with six decimals and Z, from 1900 to 2299',
            NOT ((`members`['source_sequence'] IN ('', 'null') OR ifNull(toString(toInt64OrNull(trim(BOTH '"' FROM `members`['source_sequence']))) = trim(BOTH '"' FROM `members`['source_sequence']), false))), 'source_sequence: expected an integer of 64 bits',
            NOT (startsWith(`members`['origin'], '"')), 'origin: expected a string',
            NOT ((`members`['vendor_data'] IN ('', 'null') OR startsWith(`members`['vendor_data'], '{') AND arrayAll(x -> startsWith(x.2, '"'), JSONExtractKeysAndValuesRaw(`members`['vendor_data'])))), 'vendor_data: expected an object of strings',
            NOT (`members`['is_valid'] IN ('true', 'false')), 'is_valid: expected true or false',
            NOT ((`members`['validation_errors'] IN ('', 'null') OR startsWith(`members`['validation_errors'], '[') AND arrayAll(x -> startsWith(x, '"'), JSONExtractArrayRaw(`members`['validation_errors'])))), 'validation_errors: expected an array of strings',
            ''),
        `kind` = 'bronze', multiIf(
            NOT (JSONExtractString(`members`['exchange']) IN ('binance', 'kraken', 'coinbase')), 'exchange: expected binance, kraken, coinbase',
            NOT (ifNull(concat('"', replaceOne(toString(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['exchange_timestamp']), 6, 'UTC')), ' ', 'T'), 'Z"') = `members`['exchange_timestamp'], false)), 'exchange_timestamp: expected a UTC time with six decimals and Z, from 1900 to 2299',
            NOT ((`members`['sequence_number'] IN ('', 'null') OR ifNull(toString(toInt64OrNull(trim(BOTH '"' FROM `members`['sequence_number']))) = trim(BOTH '"' FROM `members`['sequence_number']), false))), 'sequence_number: expected an integer of 64 bits',
            NOT (startsWith(`members`['trade_id'], '"')), 'trade_id: expected a string',
            NOT (startsWith(`members`['symbol'], '"')), 'symbol: expected a string',
            NOT (match(`members`['price'], '^"-?0*[0-9]{1,26}([.][0-9]{1,12}0*)?"$') AND isNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['price']), 12))), 'price: expected a decimal string, at most 26 digits and 12 decimals',
            NOT (match(`members`['quantity'], '^"-?0*[0-9]{1,26}([.][0-9]{1,12}0*)?"$') AND isNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['quantity']), 12))), 'quantity: expected a decimal string, at most 26 digits and 12 decimals',
            NOT (match(`members`['quote_volume'], '^"-?0*[0-9]{1,20}([.][0-9]{1,18}0*)?"$') AND isNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['quote_volume']), 18))), 'quote_volume: expected a decimal string, at most 20 digits and 18 decimals',
            NOT (startsWith(`members`['side'], '"')), 'side: expected a string',
            NOT ((`members`['event_time'] IN ('', 'null') OR ifNull(concat('"', replaceOne(toString(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['event_time']), 6, 'UTC')), ' ', 'T'), 'Z"') = `members`['event_time'], false))), 'event_time: expected a UTC time with six decimals and Z, from 1900 to 2299',
            NOT (ifNull(concat('"', replaceOne(toString(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['ingestion_timestamp']), 6, 'UTC')), ' ', 'T'), 'Z"') = `members`['ingestion_timestamp'], false)), 'ingestion_timestamp: expected a UTC time with six decimals and Z, from 1900 to 2299',
            NOT ((startsWith(`members`['payload'], '"') OR match(`members`['payload'], '^[[{]') AND isValidJSON(extract(`line`, ',"payload":(.*?)(?:,"kafka_partition":[0-9]+)?(?:,"kafka_offset":[0-9]+)?\\}\\s*$')))), 'payload: expected JSON as the record\'s last member',
            ''),
        `kind` = 'candle', multiIf(
            NOT (JSONExtractString(`members`['exchange']) IN ('binance', 'kraken', 'coinbase')), 'exchange: expected binance, kraken, coinbase',
            NOT (startsWith(`members`['canonical_symbol'], '"')), 'canonical_symbol: expected a string',
            NOT (JSONExtractString(`members`['interval']) IN ('1m', '5m', '15m', '30m', '1h', '1d')), 'interval: expected 1m, 5m, 15m, 30m, 1h, 1d',
            NOT (ifNull(concat('"', replaceOne(toString(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['window_start']), 6, 'UTC')), ' ', 'T'), 'Z"') = `members`['window_start'], false)), 'window_start: expected a UTC time with six decimals and Z, from 1900 to 2299',
            NOT (ifNull(concat('"', replaceOne(toString(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['open_time']), 6, 'UTC')), ' ', 'T'), 'Z"') = `members`['open_time'], false)), 'open_time: expected a UTC time with six decimals and Z, from 1900 to 2299',
            NOT (match(`members`['open_price'], '^"-?0*[0-9]{1,26}([.][0-9]{1,12}0*)?"$') AND isNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['open_price']), 12))), 'open_price: expected a decimal string, at most 26 digits and 12 decimals',
            NOT (match(`members`['high_price'], '^"-?0*[0-9]{1,26}([.][0-9]{1,12}0*)?"$') AND isNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['high_price']), 12))), 'high_price: expected a decimal string, at most 26 digits and 12 decimals',
            NOT (match(`members`['low_price'], '^"-?0*[0-9]{1,26}([.][0-9]{1,12}0*)?"$') AND isNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['low_price']), 12))), 'low_price: expected a decimal string, at most 26 digits and 12 decimals',
            NOT (ifNull(concat('"', replaceOne(toString(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['close_time']), 6, 'UTC')), ' ', 'T'), 'Z"') = `members`['close_time'], false)), 'close_time: expected a UTC time with six decimals and Z, from 1900 to 2299',
            NOT (match(`members`['close_price'], '^"-?0*[0-9]{1,26}([.][0-9]{1,12}0*)?"$') AND isNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['close_price']), 12))), 'close_price: expected a decimal string, at most 26 digits and 12 decimals',
            NOT (match(`members`['volume'], '^"-?0*[0-9]{1,26}([.][0-9]{1,12}0*)?"$') AND isNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['volume']), 12))), 'volume: expected a decimal string, at most 26 digits and 12 decimals',
            NOT (match(`members`['quote_volume'], '^"-?0*[0-9]{1,20}([.][0-9]{1,18}0*)?"$') AND isNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['quote_volume']), 18))), 'quote_volume: expected a decimal string, at most 20 digits and 18 decimals',
            NOT (ifNull(toString(toInt64OrNull(trim(BOTH '"' FROM `members`['trade_count']))) = trim(BOTH '"' FROM `members`['trade_count']), false)), 'trade_count: expected an integer of 64 bits',
            NOT (match(`members`['buy_volume'], '^"-?0*[0-9]{1,26}([.][0-9]{1,12}0*)?"$') AND isNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['buy_volume']), 12))), 'buy_volume: expected a decimal string, at most 26 digits and 12 decimals',
            NOT ((`members`['first_sequence'] IN ('', 'null') OR ifNull(toString(toInt64OrNull(trim(BOTH '"' FROM `members`['first_sequence']))) = trim(BOTH '"' FROM `members`['first_sequence']), false))), 'first_sequence: expected an integer of 64 bits',
            NOT ((`members`['last_sequence'] IN ('', 'null') OR ifNull(toString(toInt64OrNull(trim(BOTH '"' FROM `members`['last_sequence']))) = trim(BOTH '"' FROM `members`['last_sequence']), false))), 'last_sequence: expected an integer of 64 bits',
            NOT (ifNull(toString(toInt32OrNull(trim(BOTH '"' FROM `members`['revision']))) = trim(BOTH '"' FROM `members`['revision']), false)), 'revision: expected an integer of 32 bits',
            NOT (`members`['is_final'] IN ('true', 'false')), 'is_final: expected true or false',
            NOT (`members`['has_gap'] IN ('true', 'false')), 'has_gap: expected true or false',
            ''),
        `kind` = 'gap', multiIf(
            NOT (JSONExtractString(`members`['exchange']) IN ('binance', 'kraken', 'coinbase')), 'exchange: expected binance, kraken, coinbase',
            NOT (startsWith(`members`['symbol'], '"')), 'symbol: expected a string',
            NOT (ifNull(toString(toInt64OrNull(trim(BOTH '"' FROM `members`['first_missing']))) = trim(BOTH '"' FROM `members`['first_missing']), false)), 'first_missing: expected an integer of 64 bits',
            NOT (ifNull(toString(toInt64OrNull(trim(BOTH '"' FROM `members`['last_missing']))) = trim(BOTH '"' FROM `members`['last_missing']), false)), 'last_missing: expected an integer of 64 bits',
            NOT ((`members`['after_time'] IN ('', 'null') OR ifNull(concat('"', replaceOne(toString(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['after_time']), 6, 'UTC')), ' ', 'T'), 'Z"') = `members`['after_time'], false))), 'after_time: expected a UTC time with six decimals and Z, from 1900 to 2299',
            NOT ((`members`['before_time'] IN ('', 'null') OR ifNull(concat('"', replaceOne(toString(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['before_time']), 6, 'UTC')), ' ', 'T'), 'Z"') = `members`['before_time'], false))), 'before_time: expected a UTC time with six decimals and Z, from 1900 to 2299',
            NOT (startsWith(`members`['state'], '"')), 'state: expected a string',
            NOT ((`members`['cause'] IN ('', 'null') OR startsWith(`members`['cause'], '"'))), 'cause: expected a string',
            NOT (ifNull(concat('"', replaceOne(toString(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['detected_at']), 6, 'UTC')), ' ', 'T'), 'Z"') = `members`['detected_at'], false)), 'detected_at: expected a UTC time with six decimals and Z, from 1900 to 2299',
            ''),
        '')
)
ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS `k2`.`kafka_to_bronze_trades_binance`
TO `k2`.`bronze_trades_binance` AS
SELECT
    assumeNotNull(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['exchange_timestamp']), 6, 'UTC')) AS `exchange_timestamp`,
    toInt64OrNull(trim(BOTH '"' FROM `members`['sequence_number'])) AS `sequence_number`,
    JSONExtractString(`members`['trade_id']) AS `trade_id`,
    JSONExtractString(`members`['symbol']) AS `symbol`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['price']), 12)) AS `price`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['quantity']), 12)) AS `quantity`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['quote_volume']), 18)) AS `quote_volume`,
    JSONExtractString(`members`['side']) AS `side`,
    parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['event_time']), 6, 'UTC') AS `event_time`,
    assumeNotNull(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['ingestion_timestamp']), 6, 'UTC')) AS `ingestion_timestamp`,
    if(startsWith(`members`['payload'], '"'), JSONExtractString(`members`['payload']), extract(`line`, ',"payload":(.*?)(?:,"kafka_partition":[0-9]+)?(?:,"kafka_offset":[0-9]+)?\\}\\s*$')) AS `payload`,
    toInt32(`partition`) AS `kafka_partition`,
    toInt64(`offset`) AS `kafka_offset`
FROM `k2`.`kafka_lines`
WHERE `target` = 'bronze_trades_binance' AND `reason` = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS `k2`.`kafka_to_bronze_trades_kraken`
TO `k2`.`bronze_trades_kraken` AS
SELECT
    assumeNotNull(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['exchange_timestamp']), 6, 'UTC')) AS `exchange_timestamp`,
    toInt64OrNull(trim(BOTH '"' FROM `members`['sequence_number'])) AS `sequence_number`,
    JSONExtractString(`members`['trade_id']) AS `trade_id`,
    JSONExtractString(`members`['symbol']) AS `symbol`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['price']), 12)) AS `price`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['quantity']), 12)) AS `quantity`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['quote_volume']), 18)) AS `quote_volume`,
    JSONExtractString(`members`['side']) AS `side`,
    parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['event_time']), 6, 'UTC') AS `event_time`,
    assumeNotNull(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['ingestion_timestamp']), 6, 'UTC')) AS `ingestion_timestamp`,
    if(startsWith(`members`['payload'], '"'), JSONExtractString(`members`['payload']), extract(`line`, ',"payload":(.*?)(?:,"kafka_partition":[0-9]+)?(?:,"kafka_offset":[0-9]+)?\\}\\s*$')) AS `payload`,
    toInt32(`partition`) AS `kafka_partition`,
    toInt64(`offset`) AS `kafka_offset`
FROM `k2`.`kafka_lines`
WHERE `target` = 'bronze_trades_kraken' AND `reason` = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS `k2`.`kafka_to_bronze_trades_coinbase`
TO `k2`.`bronze_trades_coinbase` AS
SELECT
    assumeNotNull(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['exchange_timestamp']), 6, 'UTC')) AS `exchange_timestamp`,
    toInt64OrNull(trim(BOTH '"' FROM `members`['sequence_number'])) AS `sequence_number`,
    JSONExtractString(`members`['trade_id']) AS `trade_id`,
    JSONExtractString(`members`['symbol']) AS `symbol`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['price']), 12)) AS `price`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['quantity']), 12)) AS `quantity`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['quote_volume']), 18)) AS `quote_volume`,
    JSONExtractString(`members`['side']) AS `side`,
    parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['event_time']), 6, 'UTC') AS `event_time`,
    assumeNotNull(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['ingestion_timestamp']), 6, 'UTC')) AS `ingestion_timestamp`,
    if(startsWith(`members`['payload'], '"'), JSONExtractString(`members`['payload']), extract(`line`, ',"payload":(.*?)(?:,"kafka_partition":[0-9]+)?(?:,"kafka_offset":[0-9]+)?\\}\\s*$')) AS `payload`,
    toInt32(`partition`) AS `kafka_partition`,
    toInt64(`offset`) AS `kafka_offset`
FROM `k2`.`kafka_lines`
WHERE `target` = 'bronze_trades_coinbase' AND `reason` = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS `k2`.`kafka_to_silver_trades`
TO `k2`.`silver_trades` AS
SELECT
    assumeNotNull(toUUIDOrNull(trim(BOTH '"' FROM `members`['message_id']))) AS `message_id`,
    JSONExtractString(`members`['trade_id']) AS `trade_id`,
    JSONExtractString(`members`['exchange']) AS `exchange`,
    JSONExtractString(`members`['symbol']) AS `symbol`,
    JSONExtractString(`members`['canonical_symbol']) AS `canonical_symbol`,
    JSONExtractString(`members`['asset_class']) AS `asset_class`,
    JSONExtractString(`members`['currency']) AS `currency`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['price']), 12)) AS `price`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['quantity']), 12)) AS `quantity`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['quote_volume']), 18)) AS `quote_volume`,
    JSONExtractString(`members`['side']) AS `side`,
    JSONExtract(`members`['trade_conditions'], 'Array(String)') AS `trade_conditions`,
    assumeNotNull(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['timestamp']), 6, 'UTC')) AS `timestamp`,
    assumeNotNull(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['ingestion_timestamp']), 6, 'UTC')) AS `ingestion_timestamp`,
    toInt64OrNull(trim(BOTH '"' FROM `members`['source_sequence'])) AS `source_sequence`,
    JSONExtractString(`members`['origin']) AS `origin`,
    JSONExtract(`members`['vendor_data'], 'Map(String, String)') AS `vendor_data`,
    `members`['is_valid'] = 'true' AS `is_valid`,
    JSONExtract(`members`['validation_errors'], 'Array(String)') AS `validation_errors`
FROM `k2`.`kafka_lines`
WHERE `target` = 'silver_trades' AND `reason` = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS `k2`.`kafka_to_ohlcv_1m`
TO `k2`.`ohlcv_1m` AS
SELECT
    JSONExtractString(`members`['exchange']) AS `exchange`,
    JSONExtractString(`members`['canonical_symbol']) AS `canonical_symbol`,
    JSONExtractString(`members`['interval']) AS `interval`,
    assumeNotNull(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['window_start']), 6, 'UTC')) AS `window_start`,
    assumeNotNull(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['open_time']), 6, 'UTC')) AS `open_time`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['open_price']), 12)) AS `open_price`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['high_price']), 12)) AS `high_price`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['low_price']), 12)) AS `low_price`,
    assumeNotNull(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['close_time']), 6, 'UTC')) AS `close_time`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['close_price']), 12)) AS `close_price`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['volume']), 12)) AS `volume`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['quote_volume']), 18)) AS `quote_volume`,
    assumeNotNull(toInt64OrNull(trim(BOTH '"' FROM `members`['trade_count']))) AS `trade_count`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['buy_volume']), 12)) AS `buy_volume`,
    toInt64OrNull(trim(BOTH '"' FROM `members`['first_sequence'])) AS `first_sequence`,
    toInt64OrNull(trim(BOTH '"' FROM `members`['last_sequence'])) AS `last_sequence`,
    assumeNotNull(toInt32OrNull(trim(BOTH '"' FROM `members`['revision']))) AS `revision`,
    `members`['is_final'] = 'true' AS `is_final`,
    `members`['has_gap'] = 'true' AS `has_gap`
FROM `k2`.`kafka_lines`
WHERE `target` = 'ohlcv_1m' AND `reason` = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS `k2`.`kafka_to_ohlcv_5m`
TO `k2`.`ohlcv_5m` AS
SELECT
    JSONExtractString(`members`['exchange']) AS `exchange`,
    JSONExtractString(`members`['canonical_symbol']) AS `canonical_symbol`,
    JSONExtractString(`members`['interval']) AS `interval`,
    assumeNotNull(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['window_start']), 6, 'UTC')) AS `window_start`,
    assumeNotNull(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['open_time']), 6, 'UTC')) AS `open_time`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['open_price']), 12)) AS `open_price`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['high_price']), 12)) AS `high_price`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['low_price']), 12)) AS `low_price`,
    assumeNotNull(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['close_time']), 6, 'UTC')) AS `close_time`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['close_price']), 12)) AS `close_price`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['volume']), 12)) AS `volume`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['quote_volume']), 18)) AS `quote_volume`,
    assumeNotNull(toInt64OrNull(trim(BOTH '"' FROM `members`['trade_count']))) AS `trade_count`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['buy_volume']), 12)) AS `buy_volume`,
    toInt64OrNull(trim(BOTH '"' FROM `members`['first_sequence'])) AS `first_sequence`,
    toInt64OrNull(trim(BOTH '"' FROM `members`['last_sequence'])) AS `last_sequence`,
    assumeNotNull(toInt32OrNull(trim(BOTH '"' FROM `members`['revision']))) AS `revision`,
    `members`['is_final'] = 'true' AS `is_final`,
    `members`['has_gap'] = 'true' AS `has_gap`
FROM `k2`.`kafka_lines`
WHERE `target` = 'ohlcv_5m' AND `reason` = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS `k2`.`kafka_to_ohlcv_15m`
TO `k2`.`ohlcv_15m` AS
SELECT
    JSONExtractString(`members`['exchange']) AS `exchange`,
    JSONExtractString(`members`['canonical_symbol']) AS `canonical_symbol`,
    JSONExtractString(`members`['interval']) AS `interval`,
    assumeNotNull(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['window_start']), 6, 'UTC')) AS `window_start`,
    assumeNotNull(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['open_time']), 6, 'UTC')) AS `open_time`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['open_price']), 12)) AS `open_price`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['high_price']), 12)) AS `high_price`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['low_price']), 12)) AS `low_price`,
    assumeNotNull(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['close_time']), 6, 'UTC')) AS `close_time`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['close_price']), 12)) AS `close_price`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['volume']), 12)) AS `volume`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['quote_volume']), 18)) AS `quote_volume`,
    assumeNotNull(toInt64OrNull(trim(BOTH '"' FROM `members`['trade_count']))) AS `trade_count`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['buy_volume']), 12)) AS `buy_volume`,
    toInt64OrNull(trim(BOTH '"' FROM `members`['first_sequence'])) AS `first_sequence`,
    toInt64OrNull(trim(BOTH '"' FROM `members`['last_sequence'])) AS `last_sequence`,
    assumeNotNull(toInt32OrNull(trim(BOTH '"' FROM `members`['revision']))) AS `revision`,
    `members`['is_final'] = 'true' AS `is_final`,
    `members`['has_gap'] = 'true' AS `has_gap`
FROM `k2`.`kafka_lines`
WHERE `target` = 'ohlcv_15m' AND `reason` = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS `k2`.`kafka_to_ohlcv_30m`
TO `k2`.`ohlcv_30m` AS
SELECT
    JSONExtractString(`members`['exchange']) AS `exchange`,
    JSONExtractString(`members`['canonical_symbol']) AS `canonical_symbol`,
    JSONExtractString(`members`['interval']) AS `interval`,
    assumeNotNull(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['window_start']), 6, 'UTC')) AS `window_start`,
    assumeNotNull(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['open_time']), 6, 'UTC')) AS `open_time`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['open_price']), 12)) AS `open_price`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['high_price']), 12)) AS `high_price`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['low_price']), 12)) AS `low_price`,
    assumeNotNull(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['close_time']), 6, 'UTC')) AS `close_time`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['close_price']), 12)) AS `close_price`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['volume']), 12)) AS `volume`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['quote_volume']), 18)) AS `quote_volume`,
    assumeNotNull(toInt64OrNull(trim(BOTH '"' FROM `members`['trade_count']))) AS `trade_count`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['buy_volume']), 12)) AS `buy_volume`,
    toInt64OrNull(trim(BOTH '"' FROM `members`['first_sequence'])) AS `first_sequence`,
    toInt64OrNull(trim(BOTH '"' FROM `members`['last_sequence'])) AS `last_sequence`,
    assumeNotNull(toInt32OrNull(trim(BOTH '"' FROM `members`['revision']))) AS `revision`,
    `members`['is_final'] = 'true' AS `is_final`,
    `members`['has_gap'] = 'true' AS `has_gap`
FROM `k2`.`kafka_lines`
WHERE `target` = 'ohlcv_30m' AND `reason` = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS `k2`.`kafka_to_ohlcv_1h`
TO `k2`.`ohlcv_1h` AS
SELECT
    JSONExtractString(`members`['exchange']) AS `exchange`,
    JSONExtractString(`members`['canonical_symbol']) AS `canonical_symbol`,
    JSONExtractString(`members`['interval']) AS `interval`,
    assumeNotNull(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['window_start']), 6, 'UTC')) AS `window_start`,
    assumeNotNull(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['open_time']), 6, 'UTC')) AS `open_time`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['open_price']), 12)) AS `open_price`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['high_price']), 12)) AS `high_price`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['low_price']), 12)) AS `low_price`,
    assumeNotNull(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['close_time']), 6, 'UTC')) AS `close_time`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['close_price']), 12)) AS `close_price`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['volume']), 12)) AS `volume`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['quote_volume']), 18)) AS `quote_volume`,
    assumeNotNull(toInt64OrNull(trim(BOTH '"' FROM `members`['trade_count']))) AS `trade_count`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['buy_volume']), 12)) AS `buy_volume`,
    toInt64OrNull(trim(BOTH '"' FROM `members`['first_sequence'])) AS `first_sequence`,
    toInt64OrNull(trim(BOTH '"' FROM `members`['last_sequence'])) AS `last_sequence`,
    assumeNotNull(toInt32OrNull(trim(BOTH '"' FROM `members`['revision']))) AS `revision`,
    `members`['is_final'] = 'true' AS `is_final`,
    `members`['has_gap'] = 'true' AS `has_gap`
FROM `k2`.`kafka_lines`
WHERE `target` = 'ohlcv_1h' AND `reason` = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS `k2`.`kafka_to_ohlcv_1d`
TO `k2`.`ohlcv_1d` AS
SELECT
    JSONExtractString(`members`['exchange']) AS `exchange`,
    JSONExtractString(`members`['canonical_symbol']) AS `canonical_symbol`,
    JSONExtractString(`members`['interval']) AS `interval`,
    assumeNotNull(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['window_start']), 6, 'UTC')) AS `window_start`,
    assumeNotNull(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['open_time']), 6, 'UTC')) AS `open_time`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['open_price']), 12)) AS `open_price`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['high_price']), 12)) AS `high_price`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['low_price']), 12)) AS `low_price`,
    assumeNotNull(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['close_time']), 6, 'UTC')) AS `close_time`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['close_price']), 12)) AS `close_price`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['volume']), 12)) AS `volume`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['quote_volume']), 18)) AS `quote_volume`,
    assumeNotNull(toInt64OrNull(trim(BOTH '"' FROM `members`['trade_count']))) AS `trade_count`,
    assumeNotNull(toDecimal128OrNull(trim(BOTH '"' FROM `members`['buy_volume']), 12)) AS `buy_volume`,
    toInt64OrNull(trim(BOTH '"' FROM `members`['first_sequence'])) AS `first_sequence`,
    toInt64OrNull(trim(BOTH '"' FROM `members`['last_sequence'])) AS `last_sequence`,
    assumeNotNull(toInt32OrNull(trim(BOTH '"' FROM `members`['revision']))) AS `revision`,
    `members`['is_final'] = 'true' AS `is_final`,
    `members`['has_gap'] = 'true' AS `has_gap`
FROM `k2`.`kafka_lines`
WHERE `target` = 'ohlcv_1d' AND `reason` = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS `k2`.`kafka_to_feed_gaps`
TO `k2`.`feed_gaps` AS
SELECT
    JSONExtractString(`members`['exchange']) AS `exchange`,
    JSONExtractString(`members`['symbol']) AS `symbol`,
    assumeNotNull(toInt64OrNull(trim(BOTH '"' FROM `members`['first_missing']))) AS `first_missing`,
    assumeNotNull(toInt64OrNull(trim(BOTH '"' FROM `members`['last_missing']))) AS `last_missing`,
    parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['after_time']), 6, 'UTC') AS `after_time`,
    parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['before_time']), 6, 'UTC') AS `before_time`,
    JSONExtractString(`members`['state']) AS `state`,
    if(startsWith(`members`['cause'], '"'), JSONExtractString(`members`['cause']), NULL) AS `cause`,
    assumeNotNull(parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM `members`['detected_at']), 6, 'UTC')) AS `detected_at`
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
