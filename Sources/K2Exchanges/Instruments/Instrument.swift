import K2Bytes
import K2Domain

/// A tradable pair of one exchange as K2 names it.
public struct Instrument: Sendable {
    public var exchange: Exchange
    /// The exchange's spelling without separators, `BTCUSD`; Kraken with BTC and DOGE.
    public var symbol: String
    /// `BASE/QUOTE`.
    public var canonicalSymbol: String
    public var base: String
    public var quote: String
    public var assetClass: String
    /// Made from the spelling, because no instrument list names it.
    public var isInferred: Bool
    /// The members of a trade record that depend on the instrument alone, from `"exchange"` to `"currency"`.
    public let tradeMembers: [UInt8]
    /// UTF-8 of `symbol`.
    public let symbolBytes: [UInt8]
    /// `exchange|symbol|`, the head of a trade's identity.
    public let identityPrefix: [UInt8]

    public init(exchange: Exchange, base: String, quote: String, assetClass: String, isInferred: Bool) {
        self.exchange = exchange
        self.base = base
        self.quote = quote
        self.assetClass = assetClass
        self.isInferred = isInferred
        symbol = base + quote
        canonicalSymbol = base + "/" + quote
        identityPrefix = Array("\(exchange.rawValue)|\(symbol)|".utf8)
        symbolBytes = Array(symbol.utf8)
        let members = [
            ("exchange", exchange.rawValue), ("symbol", symbol), ("canonical_symbol", canonicalSymbol),
            ("asset_class", assetClass), ("currency", quote),
        ]
        tradeMembers = Array(members.map { "\"\($0)\":\"\($1)\"" }.joined(separator: ",").utf8)
    }
}
