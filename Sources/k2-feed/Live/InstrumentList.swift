import Glibc
import K2CLI
import K2Domain
import K2Exchanges
import K2HTTP
import K2JSON

/// The instruments of an exchange as it lists them itself.
struct InstrumentList {
    let instruments: [ListedInstrument]
    /// Whether the exchange was asked; else these are the ones that K2 knows, and names that are not among them
    /// may exist all the same.
    let isComplete: Bool

    /// Why the exchange gave no list.
    private struct Refusal: Error {
        var reason: String
        /// Whether asking again soon may help: after a warning it makes a ban of it.
        var mayAskAgain = true
        /// The exchange will never answer.
        var isFinal = false

        var failure: ToolFailure { ToolFailure(isFinal ? .unavailable : .temporary, "instrument list: \(reason)") }
    }

    /// Asks the exchange.
    /// - Throws: status 69 when it will not answer, 75 when it may later.
    static func fetch(_ feed: any ExchangeFeed, base: String, _ client: HTTPClient) throws(ToolFailure) -> InstrumentList {
        do throws(Refusal) { return try ask(feed, base, client) } catch { throw error.failure }
    }

    private static func ask(_ feed: any ExchangeFeed, _ base: String, _ client: HTTPClient) throws(Refusal) -> InstrumentList {
        switch RESTWorker.fetch(base + feed.instrumentList.target, feed.restHeaders, client) {
        case .failed(let reason): throw Refusal(reason: reason)
        case .response(let status, let body, _):
            guard status == 200 else { throw refusal(feed, status, body) }
            return try read(body, feed)
        }
    }

    private static func refusal(_ feed: any ExchangeFeed, _ status: Int, _ body: [UInt8]) -> Refusal {
        switch feed.refusal(status: status, body: try? JSONValue(parsing: body)) {
        case .tooMany: Refusal(reason: "too many requests (HTTP \(status))", mayAskAgain: false)
        case .unavailable(let reason): Refusal(reason: reason)
        case .never(let reason): Refusal(reason: reason, mayAskAgain: false, isFinal: true)
        }
    }

    private static func read(_ body: [UInt8], _ feed: any ExchangeFeed) throws(Refusal) -> InstrumentList {
        let value: JSONValue
        do throws(JSONValueError) { value = try JSONValue(parsing: body) } catch { throw Refusal(reason: "\(error)") }
        do throws(InstrumentListError) { return InstrumentList(instruments: try feed.readInstruments(value), isComplete: true) } catch {
            throw Refusal(reason: "\(error)")
        }
    }

    /// Asks the exchange some times; when it does not answer, falls back on the instruments that are known here.
    static func fetchOrKnown(
        _ feed: any ExchangeFeed, base: String, _ client: HTTPClient, _ known: borrowing InstrumentCatalog, _ diagnostics: Diagnostics
    ) throws(ToolFailure) -> InstrumentList {
        var reason = ""
        for attempt in 0..<3 {
            if attempt > 0 { Self.pause(UInt32(attempt)) }
            if Shutdown.signalNumber != nil { break }
            do throws(Refusal) { return try ask(feed, base, client) } catch {
                if error.isFinal { throw error.failure }
                reason = "instrument list: \(error.reason)"
                if !error.mayAskAgain { break }
            }
        }
        diagnostics.report("\(feed.exchange.rawValue): \(reason); names are checked against the instruments known here")
        return InstrumentList(instruments: known.listed(on: feed.exchange), isComplete: false)
    }

    private static func pause(_ seconds: UInt32) { _ = sleep(seconds) }

    /// The instruments that `names` mean.
    /// - Throws: status 64 for a name that is not in the list, with the nearest ones.
    func find(_ names: [String], on exchange: Exchange) throws(ToolFailure) -> [ListedInstrument] {
        let spellings = instruments.map { $0.spellings + [$0.base + "/" + $0.quote, $0.base + $0.quote] }
        var found: [ListedInstrument] = []
        for name in names {
            switch InstrumentMatch.resolve(name, among: spellings) {
            case .found(let index):
                let instrument = aliased(instruments[index])
                if !found.contains(where: { $0.streamName == instrument.streamName }) { found.append(instrument) }
            case .ambiguous(let several):
                throw ToolFailure(.usage, "\(exchange.rawValue): \"\(name)\" means several instruments", hint: "one of \(several.joined(separator: ", "))")
            case .unknown where !isComplete:
                throw ToolFailure(
                    .temporary, "\(exchange.rawValue): \"\(name)\" is not among the instruments known here, and the exchange's list cannot be had",
                    hint: "K2_INSTRUMENTS names a file of further ones")
            case .unknown(let nearest):
                let hint = nearest.isEmpty ? "k2-feed instruments \(exchange.rawValue) lists them" : "did you mean \(nearest.joined(separator: ", "))?"
                throw ToolFailure(.usage, "\(exchange.rawValue): no such instrument: \"\(name)\"", hint: hint)
            }
        }
        return found
    }

    /// The instrument under whose name the trades come.
    private func aliased(_ instrument: ListedInstrument) -> ListedInstrument {
        guard let alias = instrument.alias else { return instrument }
        return instruments.first { $0.streamName == alias } ?? instrument
    }
}

/// What the old platform captured, and what is captured when nothing is said.
enum DefaultSymbols {
    static func names(of exchange: Exchange) -> [String] {
        let bases = ["BTC", "ETH", "SOL", "XRP", "ADA", "DOT", "LINK", "DOGE", "LTC", "AVAX", "ATOM"]
        switch exchange {
        case .binance: return (bases + ["BNB"]).map { $0 + "/USDT" }
        case .kraken, .coinbase: return bases.map { $0 + "/USD" }
        }
    }
}
