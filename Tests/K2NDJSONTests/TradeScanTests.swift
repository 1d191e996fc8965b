import K2Bytes
import K2Domain
import K2JSON
import K2NDJSON
import K2TestSupport
import Testing

/// The members of a trade record as `TradeScan` finds them; nil when it leaves the line to the general way.
private func scanned(_ line: [UInt8]) -> [String?]? {
    var scan = TradeScan()
    guard scan.scan(line.span) else { return nil }
    var members: [String?] = []
    for member in TradeScan.Member.allCases { members.append(scan.has(member) ? line.span.part(scan[member]).text : nil) }
    return members
}

/// The same members as `JSONDocument` finds them: strings without quotes, lists and maps without brackets.
private func parsed(_ line: [UInt8]) -> [String?]? {
    let layout = RecordLayout([
        "kind", "message_id", "trade_id", "exchange", "symbol", "canonical_symbol", "asset_class", "currency", "price", "quantity", "quote_volume",
        "side", "trade_conditions", "timestamp", "ingestion_timestamp", "source_sequence", "origin", "vendor_data", "is_valid", "validation_errors",
    ])
    var document = JSONDocument()
    do throws(JSONError) { try document.parse(line.span) } catch { return nil }
    guard document.kind(0) == .object else { return nil }
    var nodes: [Int32] = []
    layout.locate(in: 0, of: document, text: line.span, nodes: &nodes)
    var members: [String?] = []
    for node in nodes.dropFirst() {
        guard node >= 0 else {
            members.append(nil)
            continue
        }
        let text = line.span.part(document.range(Int(node))).text
        let isContainer = document.kind(Int(node)) == .array || document.kind(Int(node)) == .object
        members.append(isContainer ? String(text.dropFirst().dropLast()) : text)
    }
    return members
}

@Suite struct TradeScanTests {
    /// A record as `TradeLine` writes it, with or without each optional member.
    private func record(_ random: inout Seeded) -> [UInt8] {
        var values = TradeValues()
        values.price = FixedDecimal("\(random.int(0...999)).\(random.digits(random.int(1...12)))")!
        values.quantity = FixedDecimal("\(random.int(0...999))")!
        values.quoteVolume = values.price.multiplied(by: values.quantity)!
        values.side = random.pick(Side.allCases)
        values.timestamp = Timestamp(microseconds: Int64(random.int(0...2_000_000_000_000_000)))
        values.ingestionTimestamp = values.timestamp
        values.sequence = random.once(in: 4) ? nil : random.anyWidth() >> 1
        values.origin = random.pick(Origin.allCases)
        let names = Array(#"sideSELL[]{},:é\""#.utf8)
        let vendor = (0..<random.int(0...3)).map { _ in
            // The last two bytes of the names cannot stand in a plain line: some records must take the general way.
            NamedText(key: ByteRange(0, 4), value: ByteRange(4, random.once(in: 20) ? 18 : random.int(5...15)), isStructured: false)
        }
        var writer = ByteWriter()
        TradeLine.write(
            values, messageID: UUIDValue(bits: UInt128(random.next())), tradeID: Array("KRAKEN-\(random.int(0...99))".utf8).span,
            instrument: Array(#""exchange":"kraken","symbol":"BTCUSD","canonical_symbol":"BTC/USD","asset_class":"crypto","currency":"USD""#.utf8),
            condition: random.once(in: 2) ? "limit" : "", vendorData: vendor[...], isValid: random.once(in: 2),
            problems: random.once(in: 3) ? ["instrument_inferred", "price_not_positive"] : [], text: names.span, to: &writer)
        return writer.array.dropLast()
    }

    @Test func ourOwnRecordsAreScannedAsTheyAreParsed() {
        var random = Seeded.start()
        var count = 0
        for _ in 0..<1_000 {
            let line = record(&random)
            guard let members = scanned(line) else { continue }
            count += 1
            #expect(members == parsed(line), "\(String(decoding: line, as: UTF8.self))")
        }
        #expect(count > 700)
    }

    /// Whatever is done to a record: the scan gives what the parser gives, or nothing.
    @Test func damagedRecordsAreNeverScannedAsSomethingElse() {
        var random = Seeded.start()
        let meaningful = Array("\"{}[],:0123456789 truefals_kind".utf8) + [0x00, 0x5c, 0xc3]
        for _ in 0..<20_000 {
            var line = record(&random)
            for _ in 0..<random.int(1...3) {
                let place = random.int(0...(line.count - 1))
                switch random.int(0...3) {
                case 0: line.remove(at: place)
                case 1: line.insert(random.pick(meaningful), at: place)
                case 2: line[place] = random.pick(meaningful)
                default:
                    let length = random.int(1...30)
                    line.insert(contentsOf: line[place..<min(line.count, place + length)], at: random.int(0...(line.count - 1)))
                }
            }
            guard let members = scanned(line) else { continue }
            #expect(members == parsed(line), "\(String(decoding: line, as: UTF8.self))")
        }
    }

    @Test func linesInOtherFormsAreLeftToTheParser() {
        var random = Seeded.start()
        let line = String(decoding: record(&random), as: UTF8.self)
        for other in [
            "", "{}", line + " ", " " + line, line + "}", line.replacing("\"kind\":\"trade\",", with: "\"kind\": \"trade\","),
            line.replacing("\"kind\":\"trade\"", with: "\"kind\":\"bronze\""), line.replacing("\"is_valid\":", with: "\"new\":1,\"is_valid\":"),
            line.replacing("BTC/USD", with: "BTC\\/USD"), line.replacing("BTC/USD", with: "É/USD"), String(line.dropLast()),
        ] {
            #expect(scanned(Array(other.utf8)) == nil, "\(other)")
        }
    }
}
