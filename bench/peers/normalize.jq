# Binance `raw` records → `trade` records, as far as jq can: same fields in the same order. jq has no 128-bit
# hash and no exact multiplication: `message_id` is left out, and `quote_volume` is a rounded product.
def base_quote: {"BTCUSDT":["BTC","USDT"],"ETHUSDT":["ETH","USDT"],"BNBUSDT":["BNB","USDT"],"SOLUSDT":["SOL","USDT"],"XRPUSDT":["XRP","USDT"],"ADAUSDT":["ADA","USDT"],"DOTUSDT":["DOT","USDT"],"LINKUSDT":["LINK","USDT"],"DOGEUSDT":["DOGE","USDT"],"LTCUSDT":["LTC","USDT"],"AVAXUSDT":["AVAX","USDT"],"ATOMUSDT":["ATOM","USDT"]};
def rfc3339: (. / 1000 | floor | todate | rtrimstr("Z")) + "." + ((. % 1000 + 1000 | tostring)[1:]) + "000Z";
select(.kind == "raw") | . as $raw | (.message.data // .message) | select(.e == "trade") | base_quote[.s] as $pair |
{
  kind: "trade",
  trade_id: "BINANCE-\(.t)",
  exchange: $raw.exchange,
  symbol: .s,
  canonical_symbol: "\($pair[0])/\($pair[1])",
  asset_class: "crypto",
  currency: $pair[1],
  price: .p,
  quantity: .q,
  quote_volume: ((.p | tonumber) * (.q | tonumber) | tostring),
  side: (if .m then "SELL" else "BUY" end),
  timestamp: (.T | rfc3339),
  ingestion_timestamp: $raw.received_at,
  source_sequence: .t,
  origin: $raw.origin,
  vendor_data: {E: (.E | tostring), M: (.M | tostring)},
  is_valid: true
}
