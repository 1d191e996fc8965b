import K2Bytes
import K2Domain
import K2JSON

/// Reads the messages of one exchange. Pure: no socket, no clock, no file.
///
/// `text` is the whole line that `document` was parsed from; all ranges are offsets into it.
public protocol ExchangeAdapter: Sendable {
    /// Appends the trades of a message to `batch`.
    ///
    /// A trade that cannot be read is added to `batch.refused` and does not hinder the others.
    /// - Parameters:
    ///   - message: node of the message in `document`.
    ///   - request: path and query of the REST request that was answered; empty otherwise.
    /// - Throws: when the message as a whole does not have the shape it should have.
    func read(
        _ message: Int, request: ByteRange, document: borrowing JSONDocument, text: Span<UInt8>,
        into batch: inout WireBatch
    ) throws(WireError) -> WireMessage

    /// Splits a spelling that is in no instrument list into base and quote, `BTC` and `DOGE` as K2
    /// spells them; nil when no known quote asset ends it.
    func inferInstrument(_ spelling: Span<UInt8>) -> (base: String, quote: String)?
}

/// The adapters by exchange: the one list to edit when an exchange is added.
public enum ExchangeRegistry {
    public static func adapter(for exchange: Exchange) -> any ExchangeAdapter {
        switch exchange {
        case .binance: BinanceAdapter()
        case .kraken: KrakenAdapter()
        case .coinbase: CoinbaseAdapter()
        }
    }
}
