/// Finds the instrument that a name means among those that an exchange lists.
///
/// Upper and lower case, separators, XBT for BTC and XDG for DOGE make no difference, unless an instrument is spelled exactly so.
enum InstrumentMatch {
    enum Result: Equatable, Sendable {
        /// The index of the instrument.
        case found(Int)
        /// No instrument has this name; the first spellings of up to three whose names are near it, nearest first.
        case unknown(nearest: [String])
        /// Several instruments have it: their first spellings.
        case ambiguous([String])
    }

    private static let maxNearest = 3

    /// The instrument that `wanted` names.
    ///
    /// - Parameter instruments: for each instrument its spellings, first the one for messages.
    static func resolve(_ wanted: String, among instruments: [[String]]) -> Result {
        for form in forms {
            let key = form(wanted)
            if key.isEmpty { continue }
            let found = instruments.indices.filter { instruments[$0].contains { form($0) == key } }
            if found.count == 1 { return .found(found[0]) }
            if found.count > 1 { return .ambiguous(found.map { instruments[$0][0] }) }
        }
        return .unknown(nearest: nearest(wanted, instruments))
    }

    /// What is compared, from strict to lenient: the first in which something is equal counts.
    private static let forms: [@Sendable (String) -> [UInt8]] = [
        { Array($0.utf8) },
        { parts($0).flatMap { $0 } },
        { plain($0) },
    ]

    /// In capitals, cut at what is neither letter nor digit.
    private static func parts(_ name: String) -> [[UInt8]] {
        name.uppercased().utf8.split { !isNameByte($0) }.map(Array.init)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        (0x41...0x5a).contains(byte) || (0x30...0x39).contains(byte) || byte >= 0x80
    }

    private static let otherNames: [(from: [UInt8], to: [UInt8])] = [
        (Array("XBT".utf8), Array("BTC".utf8)), (Array("XDG".utf8), Array("DOGE".utf8)),
    ]

    /// Without separators, and each asset under the name that most exchanges use.
    static func plain(_ name: String) -> [UInt8] {
        let parts = parts(name)
        // Where the assets are not told apart, they begin and end the name.
        if parts.count == 1 { return renamedEnds(parts[0]) }
        return parts.flatMap { part in otherNames.first { $0.from == part }?.to ?? part }
    }

    private static func renamedEnds(_ name: [UInt8]) -> [UInt8] {
        var name = name
        for (from, to) in otherNames {
            if name.starts(with: from) { name.replaceSubrange(..<from.count, with: to) }
            if name.count > from.count, name.suffix(from.count) == from[...] { name = name.dropLast(from.count) + to }
        }
        return name
    }

    private static func nearest(_ wanted: String, _ instruments: [[String]]) -> [String] {
        let key = plain(wanted)
        // Names that share less than half with it would not help.
        let limit = max(1, key.count / 2)
        let distances = instruments.map { spellings in spellings.map { distance(key, plain($0)) }.min() ?? Int.max }
        let near = instruments.indices.filter { distances[$0] <= limit }.sorted {
            (distances[$0], instruments[$0][0]) < (distances[$1], instruments[$1][0])
        }
        return near.prefix(maxNearest).map { instruments[$0][0] }
    }

    /// Bytes to insert, to delete, to replace, or pairs to swap, to come from one name to the other.
    static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var (before, last, row) = ([Int](), [Int](), Array(0...b.count))
        for i in a.indices {
            (before, last, row) = (last, row, [i + 1])
            for j in b.indices {
                var best = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, before[j - 1] + 1) }
                row.append(best)
            }
        }
        return row[b.count]
    }
}
