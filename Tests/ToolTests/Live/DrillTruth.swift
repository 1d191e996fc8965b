import Glibc

/// What a simulated exchange says that it made: `--truth`.
struct DrillTruth {
    /// A trade as text: equal digits are equal numbers when zeros at the end do not count.
    struct Trade: Equatable {
        var price: [UInt8]
        var quantity: [UInt8]
        var side: UInt8
        var time: [UInt8]

        init(_ line: RecordText, time name: StaticString) {
            price = Self.decimal(line["\"price\":"])
            quantity = Self.decimal(line["\"quantity\":"])
            side = line["\"side\":"].first ?? 0
            time = Array(line[name])
        }

        private static func decimal(_ text: UnsafeRawBufferPointer) -> [UInt8] {
            guard text.contains(UInt8(ascii: ".")) else { return Array(text) }
            var end = text.count
            while text[end - 1] == UInt8(ascii: "0") { end -= 1 }
            return Array(text[..<(text[end - 1] == UInt8(ascii: ".") ? end - 1 : end)])
        }

        var text: String { "\(String(decoding: price, as: UTF8.self)) x \(String(decoding: quantity, as: UTF8.self)) at \(String(decoding: time, as: UTF8.self))" }
    }

    enum Kind: Equatable {
        case sent
        /// Made before the market opened: only snapshots and REST have it.
        case before
        /// Neither sent nor in REST.
        case lost
    }

    /// By symbol, then id.
    private(set) var trades: [String: [UInt64: (kind: Kind, trade: Trade)]] = [:]
    /// Trades made while the market was open.
    private(set) var count = 0

    init(_ path: String) throws {
        RecordText.forEach(in: try DrillFile.read(path)) { take($0) }
    }

    private mutating func take(_ line: RecordText) {
        let kind: Kind
        if line.starts(with: "{\"kind\":\"sent\"") {
            kind = .sent
        } else if line.starts(with: "{\"kind\":\"before\"") {
            kind = .before
        } else if line.starts(with: "{\"kind\":\"lost\"") {
            kind = .lost
        } else {
            return
        }
        guard let id = line.number("\"id\":") else { return }
        if kind != .before { count += 1 }
        trades[line.string("\"symbol\":"), default: [:]][id] = (kind, Trade(line, time: "\"time\":"))
    }
}

enum DrillFile {
    static func read(_ path: String) throws -> [UInt8] {
        guard let file = fopen(path, "rb") else { throw DrillError( "\(path): \(String(cString: strerror(errno)))") }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        while true {
            // Files of /proc have no size.
            let room = max(size(file) - bytes.count, 1 << 12)
            let part = [UInt8](unsafeUninitializedCapacity: room) { buffer, count in count = fread(buffer.baseAddress, 1, room, file) }
            if part.isEmpty { return bytes }
            if bytes.isEmpty { bytes = part } else { bytes += part }
        }
    }

    private static func size(_ file: UnsafeMutablePointer<FILE>) -> Int {
        var status = stat()
        return fstat(fileno(file), &status) == 0 ? Int(status.st_size) : 0
    }

    static func text(_ path: String) -> String { (try? read(path)).map { String(decoding: $0, as: UTF8.self) } ?? "" }
}
