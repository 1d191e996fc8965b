{kind: 'VARCHAR', message_id: 'UUID', trade_id: 'VARCHAR', exchange: 'VARCHAR', symbol: 'VARCHAR', canonical_symbol: 'VARCHAR',
 asset_class: 'VARCHAR', currency: 'VARCHAR', price: 'DECIMAL(38,12)', quantity: 'DECIMAL(38,12)', quote_volume: 'DECIMAL(38,18)',
 side: 'VARCHAR', trade_conditions: 'VARCHAR[]', timestamp: 'TIMESTAMPTZ', ingestion_timestamp: 'TIMESTAMPTZ', source_sequence: 'BIGINT',
 origin: 'VARCHAR', vendor_data: 'MAP(VARCHAR, VARCHAR)', is_valid: 'BOOLEAN', validation_errors: 'VARCHAR[]'}
