import K2Bytes
import K2Domain
import K2JSON

/// Why a line of an instruments file was refused.
public struct InstrumentFileError: Error, Sendable, CustomStringConvertible {
    /// 1-based.
    public var line: Int
    public var message: String
    public var description: String { "\(line): \(message)" }
}

/// Reads an instruments file: one object a line,
/// `{"kind":"instrument","exchange":"kraken","base":"BTC","quote":"USD","spellings":["BTC/USD","XBT/USD","XXBTZUSD"],"asset_class":"crypto"}`.
///
/// `asset_class` may be left out (`crypto`), empty lines are skipped, unknown keys are ignored.
public enum InstrumentFile {
    public static func read(_ bytes: [UInt8], into catalog: inout InstrumentCatalog) throws(InstrumentFileError) {
        var document = JSONDocument(maxValues: 4096)
        var start = 0
        var number = 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: 0x0a) ?? bytes.count
            number += 1
            if end > start { try readLine(Array(bytes[start..<end]), number, &document, &catalog) }
            start = end + 1
        }
    }

    private static func readLine(
        _ line: [UInt8], _ number: Int, _ document: inout JSONDocument, _ catalog: inout InstrumentCatalog
    ) throws(InstrumentFileError) {
        let text = line.span
        do throws(JSONError) { try document.parse(text) } catch {
            throw InstrumentFileError(line: number, message: error.description)
        }
        guard document.kind(0) == .object else {
            throw InstrumentFileError(line: number, message: "expected an instrument object")
        }
        func string(_ name: StaticString) throws(InstrumentFileError) -> String {
            guard let node = document.member(0, named: name, in: text), document.kind(node) == .string,
                InstrumentCatalog.isPlain(text.part(document.range(node)))
            else { throw InstrumentFileError(line: number, message: "\(name): expected a name") }
            return JSONString.string(text.part(document.range(node)))
        }
        let exchangeName = try string("exchange")
        guard let exchange = Exchange(rawValue: exchangeName) else {
            throw InstrumentFileError(line: number, message: "exchange: \"\(exchangeName)\" is not known")
        }
        var assetClass = "crypto"
        if document.member(0, named: "asset_class", in: text) != nil { assetClass = try string("asset_class") }
        let instrument = Instrument(
            exchange: exchange, base: try string("base"), quote: try string("quote"), assetClass: assetClass,
            isInferred: false)
        catalog.add(instrument, spellings: try spellings(text, number, document))
    }

    private static func spellings(
        _ text: Span<UInt8>, _ number: Int, _ document: borrowing JSONDocument
    ) throws(InstrumentFileError) -> [String] {
        guard let list = document.member(0, named: "spellings", in: text), document.kind(list) == .array,
            document.next(list) > list + 1
        else { throw InstrumentFileError(line: number, message: "spellings: expected an array of names") }
        var names: [String] = []
        var node = list + 1
        while node < document.next(list) {
            guard document.kind(node) == .string else {
                throw InstrumentFileError(line: number, message: "spellings: expected an array of names")
            }
            names.append(JSONString.string(text.part(document.range(node))))
            node = document.next(node)
        }
        return names
    }
}
