import K2Bytes
import K2Domain
import K2Exchanges
import K2JSON
import K2NDJSON

@testable import K2Normalize

/// The input as the message of each exchange, as a stream message and as a page.
let fuzzMessages: @Sendable ([UInt8]) -> Void = { bytes in
    // A line never holds a newline.
    let message = bytes.map { $0 == 0x0a ? UInt8(0x20) : $0 }
    let requests = [
        "", "/api/v3/historicalTrades?symbol=BTCUSDT&limit=10", "/0/public/Trades?pair=XBTUSD", "/products/BTC-USD/trades?after=7",
    ]
    var lines: [[UInt8]] = []
    for exchange in Exchange.allCases {
        for request in requests {
            let head = """
                {"kind":"raw","exchange":"\(exchange.rawValue)","origin":"\(request.isEmpty ? "stream" : "rest")",\
                "received_at":"2026-10-01T00:00:00.000000Z","connection":"f","sequence":1,\(request.isEmpty ? "" : "\"request\":\"\(request)\",")"message":
                """
            lines.append(Array(head.utf8) + message + Array("}".utf8))
        }
    }
    normalize(lines)
}

/// The input as lines of a recording.
let fuzzLines: @Sendable ([UInt8]) -> Void = { bytes in
    normalize(bytes.split(separator: 0x0a, omittingEmptySubsequences: false).map(Array.init))
}

/// Every line gives records, or reasons, or is counted; every record is a whole line of JSON with exact numbers.
private func normalize(_ lines: [[UInt8]]) {
    // A small catalog: the bundled one would take most of the time.
    var catalog = InstrumentCatalog()
    for (exchange, spellings) in [(Exchange.binance, ["BTCUSDT"]), (.kraken, ["BTC/USD", "XXBTZUSD"]), (.coinbase, ["BTC-USD"])] {
        let quote = exchange == .binance ? "USDT" : "USD"
        catalog.add(Instrument(exchange: exchange, base: "BTC", quote: quote, assetClass: "crypto", isInferred: false), spellings: spellings)
    }
    var normalizer = Normalizer(catalog: catalog, writesBronze: true, gapPatience: 1_000_000)
    var output = ByteWriter()
    var document = JSONDocument()
    for line in lines {
        output.removeAll()
        let before = normalizer.stats
        normalizer.process(line.span, into: &output)
        check(output.array, &document)
        let after = normalizer.stats
        require(after.lines == before.lines + 1, "line not counted")
        require(after.rejected == before.rejected || !normalizer.refusals.isEmpty, "rejected without a reason")
        require(!normalizer.reason.utf8.contains(0x0a), "reason of two lines")
    }
    output.removeAll()
    normalizer.finish(into: &output)
    check(output.array, &document)
}


private func check(_ output: [UInt8], _ document: inout JSONDocument) {
    require(output.isEmpty || output.last == 0x0a, "half a record")
    for record in output.split(separator: 0x0a).map(Array.init) {
        do throws(JSONError) { try document.parse(record.span) } catch {
            return require(false, "record is no JSON: \(error): \(record.span.text)")
        }
        guard let kind = RecordKind(of: document, in: record.span) else { return require(false, "record without kind") }
        if case .gap = kind {
            do throws(RecordError) { _ = try GapLine(document, text: record.span) } catch { require(false, "\(error): \(record.span.text)") }
            continue
        }
        for name in ["price", "quantity", "quote_volume"] as [StaticString] {
            let node = document.member(0, named: name, in: record.span)
            let value = node.flatMap { FixedDecimal(record.span.part(document.range($0)).text) }
            require(value != nil, "\(name) is no decimal: \(record.span.text)")
        }
        if case .trade = kind {
            let node = document.member(0, named: "timestamp", in: record.span)
            require(node.flatMap { Timestamp(record.span.part(document.range($0)).text) } != nil, "timestamp: \(record.span.text)")
        }
    }
}

/// A file of instruments is read or refused at a line; its names can stand in records.
let fuzzInstruments: @Sendable ([UInt8]) -> Void = { bytes in
    var catalog = InstrumentCatalog()
    do throws(InstrumentFileError) { try InstrumentFile.read(bytes, into: &catalog) } catch {
        require(error.line >= 1 && !error.description.utf8.contains(0x0a), "\(error)")
    }
    for instrument in catalog.instruments {
        let members = Array("{".utf8) + instrument.tradeMembers + Array("}".utf8)
        var document = JSONDocument()
        do throws(JSONError) { try document.parse(members.span) } catch { require(false, "members are no JSON: \(members.span.text)") }
    }
}
