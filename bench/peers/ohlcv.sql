SELECT exchange, canonical_symbol, epoch_us(timestamp) // 60000000 * 60000000 AS window_start,
       min(timestamp) AS open_time, arg_min(price, (timestamp, source_sequence)) AS open_price, max(price) AS high_price, min(price) AS low_price,
       max(timestamp) AS close_time, arg_max(price, (timestamp, source_sequence)) AS close_price,
       sum(quantity) AS volume, sum(quote_volume) AS quote_volume, count(*) AS trade_count,
       sum(quantity) FILTER (side = 'BUY') AS buy_volume, min(source_sequence) AS first_sequence, max(source_sequence) AS last_sequence
FROM read_json('{input}', format = 'newline_delimited', columns = {columns})
WHERE kind = 'trade' AND is_valid
GROUP BY ALL
