import Glibc
import K2Bytes
import K2CLI
import K2Capture
import K2Domain
import K2Exchanges
import K2NDJSON

/// What `fill` is to ask for.
enum FillPlan {
    /// Ranges by symbol.
    static func wanted(_ command: FillCommand) throws -> [(symbol: String, hole: Hole)] {
        if let ledger = command.ledger {
            guard command.symbol == nil, command.fromId == nil, command.toId == nil else {
                throw ToolFailure(.usage, "--ledger: expected neither --symbol nor ids beside it")
            }
            return try openGaps(ledger, command.exchange.exchange)
        }
        guard let symbol = command.symbol, let first = command.fromId, let last = command.toId else {
            throw ToolFailure(.usage, "expected --symbol, --from-id and --to-id, or --ledger", hint: "k2-feed fill --help")
        }
        guard first <= last, last < UInt64(Int64.max) - 1 else {
            throw ToolFailure(.usage, "--to-id: expected an id not below \(first), found \(last)")
        }
        var time: Timestamp?
        if let after = command.after {
            guard let read = Timestamp(after) else {
                throw ToolFailure(.usage, "--after: expected a time such as 2026-02-18T00:00:00Z, found \"\(after)\"")
            }
            time = read
        } else if command.exchange.exchange == .kraken {
            throw ToolFailure(.usage, "--after: expected a time before trade \(first): Kraken's history is ordered by time")
        }
        return [(symbol, hole(first, last, time))]
    }

    private static func hole(_ first: UInt64, _ last: UInt64, _ after: Timestamp?, _ before: Timestamp? = nil) -> Hole {
        Hole(first: first, last: last, afterTime: after, beforeTime: before, detectedAt: WallClock.now(), cause: "fill", isAnnounced: true)
    }

    /// The gaps of a ledger whose last record says that they are open, ascending.
    private static func openGaps(_ path: String, _ exchange: Exchange) throws -> [(symbol: String, hole: Hole)] {
        var gaps = OpenGaps(exchange: exchange)
        var lines = RecordingLines(try RecordingInput(path: path, stopDescriptor: Shutdown.descriptor))
        var unused = LineWriter(descriptor: STDOUT_FILENO, name: "stdout")
        while try lines.next(flushing: &unused) == .line {
            do throws(RecordError) { try gaps.read(lines.line) } catch {
                throw ToolFailure(.badInput, "\(lines.name):\(lines.number): \(error)")
            }
        }
        return gaps.open.map { ($0.symbol, hole($0.first, $0.last, $0.after, $0.before)) }
    }

    /// One series for each symbol, its holes announced.
    static func add(_ wanted: [(symbol: String, hole: Hole)], to capture: inout Capture, _ list: InstrumentList) throws {
        var holes: [(instrument: ListedInstrument, holes: [Hole])] = []
        for (symbol, hole) in wanted {
            let instrument = try list.find([symbol], on: capture.exchange)[0]
            if let index = holes.firstIndex(where: { $0.instrument.streamName == instrument.streamName }) {
                holes[index].holes.append(hole)
            } else {
                holes.append((instrument, [hole]))
            }
        }
        for (instrument, parts) in holes {
            let sorted = parts.sorted { $0.first < $1.first }
            let end = RefillAnchor(id: sorted[sorted.count - 1].last + 1, time: sorted[sorted.count - 1].beforeTime ?? WallClock.now())
            let known = CaptureState.Symbol(name: instrument.streamName, newest: end, holes: sorted)
            let name = instrument.base + instrument.quote
            capture.add(
                SymbolSeries(name: instrument.streamName, symbol: name, restName: instrument.restName, resuming: known),
                spellings: instrument.spellings)
        }
    }
}
