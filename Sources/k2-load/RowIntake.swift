import K2Bytes
import K2Domain
import K2JSON
import K2NDJSON
import K2Rows

/// Counts of one load.
struct IntakeStats: Equatable {
    var lines = 0
    var rows = 0
    /// Records of kinds that are not stored.
    var skipped = 0
    var rejected = 0
}

/// Turns lines into rows of the tables.
struct RowIntake: ~Copyable {
    private let router = RecordRouter()
    private(set) var buffers: [RowBuffer]
    private var document = JSONDocument()
    private var scratch = ByteWriter(capacity: 4096)
    private var scan = TradeScan()
    private(set) var stats = IntakeStats()

    init() { buffers = MarketTables.all.map { RowBuffer($0) } }

    /// Adds a line.
    /// - Returns: the position of the table that got a row; nil when the kind is not stored.
    /// - Throws: `RecordError`, `JSONError` when the line is refused.
    mutating func add(_ line: Span<UInt8>) throws -> Int? {
        stats.lines += 1
        // Most lines are trades just as `TradeLine` writes them.
        if scan.scan(line), Exchange(line.part(scan[.exchange])) != nil, buffers[router.silver].append(scan, line) {
            stats.rows += 1
            return router.silver
        }
        do {
            try document.parse(line)
            switch try router.route(document, line).route {
            case .skipped:
                stats.skipped += 1
                return nil
            case .table(let index), .running(let index):
                buffers[index].locate(document, line)
                try buffers[index].append(document, line, scratch: &scratch)
                stats.rows += 1
                return index
            }
        } catch {
            stats.rejected += 1
            throw error
        }
    }

    mutating func countRefused() {
        stats.lines += 1
        stats.rejected += 1
    }

    /// The rows of a table, which is empty afterwards.
    mutating func take(_ index: Int) -> RowBuffer {
        let full = buffers[index]
        buffers[index] = RowBuffer(full.definition)
        return full
    }

    /// Tables with rows.
    var waiting: [Int] { buffers.indices.filter { buffers[$0].rowCount > 0 } }

    var byteCount: Int { buffers.reduce(0) { $0 + $1.byteCount } }
}
