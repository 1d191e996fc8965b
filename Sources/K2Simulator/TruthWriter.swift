import K2Bytes
import K2Domain

/// Writes what is true about a recording, one NDJSON line for each distinct trade and each hole:
///
/// `{"kind":"sent","exchange":"kraken","symbol":"BTCUSD","id":95530412,"price":"67250.8","quantity":"0.00149210",
/// "side":"BUY","time":"2026-02-18T00:00:00.016211Z"}`
/// `{"kind":"hole","exchange":"kraken","symbol":"BTCUSD","first_missing":95530611,"last_missing":95530613}`
///
/// A simulated exchange that is served also writes `before` (made before the market opened, so only snapshots and REST
/// have it) and `lost` (neither sent nor in REST) with the fields of `sent`.
///
/// Price and quantity are the digits on the wire, `side` is the taker's, the time is cut to what the wire carries.
/// Kraken v1 has no ids on the wire, so its lines have none either.
struct TruthWriter: ~Copyable {
    /// What became of a trade.
    enum Kind: Int, CaseIterable {
        case sent, before, lost
    }

    var bytes = ByteWriter(capacity: 1 << 12)
    private var clock = ClockText()
    private let symbols: [WireSymbol]
    private let heads: [(trades: [[UInt8]], hole: [UInt8])]
    private let showsIDs: Bool
    /// µs in a unit of the wire's times.
    private let timeUnit: Int64

    init(_ symbols: [WireSymbol], format: WireFormat) {
        self.symbols = symbols
        heads = symbols.map { symbol in
            let fields = "\"exchange\":\"\(format.exchange.name)\",\"symbol\":\"\(symbol.instrument.compactName)\","
            return (Kind.allCases.map { Array("{\"kind\":\"\($0)\",\(fields)".utf8) }, Array("{\"kind\":\"hole\",\(fields)".utf8))
        }
        showsIDs = format != .krakenV1
        timeUnit = format.exchange == .binance && format != .binanceMicroseconds ? 1_000 : 1
    }

    mutating func append(_ trade: SimulatedTrade, kind: Kind = .sent) {
        bytes.append(heads[trade.symbol].trades[kind.rawValue])
        if showsIDs {
            bytes.append("\"id\":")
            bytes.append(decimal: trade.id)
            bytes.append(",")
        }
        bytes.append("\"price\":\"")
        bytes.append(trade.price, as: symbols[trade.symbol].price)
        bytes.append("\",\"quantity\":\"")
        bytes.append(trade.quantity, as: symbols[trade.symbol].quantity)
        bytes.append(trade.takerBuys ? "\",\"side\":\"BUY\",\"time\":\"" : "\",\"side\":\"SELL\",\"time\":\"")
        clock.append(trade.time - trade.time % timeUnit, to: &bytes)
        bytes.append("\"}\n")
    }

    mutating func append(_ hole: SimulatedHole) {
        bytes.append(heads[hole.symbol].hole)
        bytes.append("\"first_missing\":")
        bytes.append(decimal: hole.first)
        bytes.append(",\"last_missing\":")
        bytes.append(decimal: hole.last)
        bytes.append("}\n")
    }
}
