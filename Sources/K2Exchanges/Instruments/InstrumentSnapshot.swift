/// The instruments that come with the program: those the exchanges' own lists named when this was written.
///
/// An instruments file adds to them and replaces them; see `InstrumentFile` for its form, which is
/// also the form of these lines.
enum InstrumentSnapshot {
    static let lines = #"""
        {"kind":"instrument","exchange":"binance","base":"BTC","quote":"USDT","spellings":["BTCUSDT"]}
        {"kind":"instrument","exchange":"binance","base":"ETH","quote":"USDT","spellings":["ETHUSDT"]}
        {"kind":"instrument","exchange":"binance","base":"BNB","quote":"USDT","spellings":["BNBUSDT"]}
        {"kind":"instrument","exchange":"binance","base":"SOL","quote":"USDT","spellings":["SOLUSDT"]}
        {"kind":"instrument","exchange":"binance","base":"XRP","quote":"USDT","spellings":["XRPUSDT"]}
        {"kind":"instrument","exchange":"binance","base":"ADA","quote":"USDT","spellings":["ADAUSDT"]}
        {"kind":"instrument","exchange":"binance","base":"DOT","quote":"USDT","spellings":["DOTUSDT"]}
        {"kind":"instrument","exchange":"binance","base":"LINK","quote":"USDT","spellings":["LINKUSDT"]}
        {"kind":"instrument","exchange":"binance","base":"DOGE","quote":"USDT","spellings":["DOGEUSDT"]}
        {"kind":"instrument","exchange":"binance","base":"LTC","quote":"USDT","spellings":["LTCUSDT"]}
        {"kind":"instrument","exchange":"binance","base":"AVAX","quote":"USDT","spellings":["AVAXUSDT"]}
        {"kind":"instrument","exchange":"binance","base":"ATOM","quote":"USDT","spellings":["ATOMUSDT"]}
        {"kind":"instrument","exchange":"binance","base":"ETH","quote":"BTC","spellings":["ETHBTC"]}
        {"kind":"instrument","exchange":"binance","base":"BCC","quote":"BTC","spellings":["BCCBTC"]}
        {"kind":"instrument","exchange":"binance","base":"LUNA","quote":"BUSD","spellings":["LUNABUSD"]}
        {"kind":"instrument","exchange":"kraken","base":"BTC","quote":"USD","spellings":["BTC/USD","XBT/USD","XXBTZUSD","XBTUSD"]}
        {"kind":"instrument","exchange":"kraken","base":"ETH","quote":"USD","spellings":["ETH/USD","XETHZUSD","ETHUSD"]}
        {"kind":"instrument","exchange":"kraken","base":"SOL","quote":"USD","spellings":["SOL/USD","SOLUSD"]}
        {"kind":"instrument","exchange":"kraken","base":"XRP","quote":"USD","spellings":["XRP/USD","XXRPZUSD","XRPUSD"]}
        {"kind":"instrument","exchange":"kraken","base":"ADA","quote":"USD","spellings":["ADA/USD","ADAUSD"]}
        {"kind":"instrument","exchange":"kraken","base":"DOT","quote":"USD","spellings":["DOT/USD","DOTUSD"]}
        {"kind":"instrument","exchange":"kraken","base":"LINK","quote":"USD","spellings":["LINK/USD","LINKUSD"]}
        {"kind":"instrument","exchange":"kraken","base":"DOGE","quote":"USD","spellings":["DOGE/USD","XDG/USD","XDGUSD"]}
        {"kind":"instrument","exchange":"kraken","base":"LTC","quote":"USD","spellings":["LTC/USD","XLTCZUSD","LTCUSD"]}
        {"kind":"instrument","exchange":"kraken","base":"AVAX","quote":"USD","spellings":["AVAX/USD","AVAXUSD"]}
        {"kind":"instrument","exchange":"kraken","base":"ATOM","quote":"USD","spellings":["ATOM/USD","ATOMUSD"]}
        {"kind":"instrument","exchange":"kraken","base":"BTC","quote":"USDT","spellings":["BTC/USDT","XBT/USDT","XBTUSDT"]}
        {"kind":"instrument","exchange":"kraken","base":"DOGE","quote":"BTC","spellings":["DOGE/BTC","XDG/XBT","XXDGXXBT","XDGXBT"]}
        {"kind":"instrument","exchange":"kraken","base":"AAPLx","quote":"USD","spellings":["AAPLx/USD","AAPLxUSD"],"asset_class":"tokenized_asset"}
        {"kind":"instrument","exchange":"coinbase","base":"BTC","quote":"USD","spellings":["BTC-USD"]}
        {"kind":"instrument","exchange":"coinbase","base":"ETH","quote":"USD","spellings":["ETH-USD"]}
        {"kind":"instrument","exchange":"coinbase","base":"SOL","quote":"USD","spellings":["SOL-USD"]}
        {"kind":"instrument","exchange":"coinbase","base":"XRP","quote":"USD","spellings":["XRP-USD"]}
        {"kind":"instrument","exchange":"coinbase","base":"ADA","quote":"USD","spellings":["ADA-USD"]}
        {"kind":"instrument","exchange":"coinbase","base":"DOT","quote":"USD","spellings":["DOT-USD"]}
        {"kind":"instrument","exchange":"coinbase","base":"LINK","quote":"USD","spellings":["LINK-USD"]}
        {"kind":"instrument","exchange":"coinbase","base":"DOGE","quote":"USD","spellings":["DOGE-USD"]}
        {"kind":"instrument","exchange":"coinbase","base":"LTC","quote":"USD","spellings":["LTC-USD"]}
        {"kind":"instrument","exchange":"coinbase","base":"AVAX","quote":"USD","spellings":["AVAX-USD"]}
        {"kind":"instrument","exchange":"coinbase","base":"ATOM","quote":"USD","spellings":["ATOM-USD"]}
        {"kind":"instrument","exchange":"coinbase","base":"BTC","quote":"USDC","spellings":["BTC-USDC"]}
        {"kind":"instrument","exchange":"coinbase","base":"BTC","quote":"GBP","spellings":["BTC-GBP"]}
        {"kind":"instrument","exchange":"coinbase","base":"MATIC","quote":"USD","spellings":["MATIC-USD"]}
        """#
}

extension InstrumentCatalog {
    /// A catalog that holds the bundled snapshot.
    public static func bundled() -> InstrumentCatalog {
        var catalog = InstrumentCatalog()
        do throws(InstrumentFileError) {
            try InstrumentFile.read(Array(InstrumentSnapshot.lines.utf8), into: &catalog)
        } catch {
            preconditionFailure("bundled instruments: \(error)")
        }
        return catalog
    }
}
