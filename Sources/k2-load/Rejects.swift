import K2Bytes
import K2CLI
import K2NDJSON

/// Lines and rows that cannot be stored: kept in the dead-letter file, else shown; from any thread.
final class Rejects: @unchecked Sendable {
    // Unchecked: what changes is touched inside `condition` only.
    private let condition = Condition()
    private var file: DeadLetterFile?
    private var shown = 0
    private var total = 0
    private let diagnostics: Diagnostics
    let isKept: Bool

    private static let maxShown = 10

    init(_ path: String?, _ diagnostics: Diagnostics) throws(ToolFailure) {
        file = try DeadLetterFile.open(path, tool: diagnostics.tool)
        isKept = path != nil
        self.diagnostics = diagnostics
    }

    var count: Int { condition.look { total } }

    /// - Parameters:
    ///   - line: number of the line of stdin; 0 for a row that ClickHouse refused.
    ///   - input: the line, or the row as a record.
    func add(line: Int, reason: String, input: Span<UInt8>) throws(StreamError) {
        try condition.change { () throws(StreamError) in
            try file?.write(line: line, reason: reason, input: input)
            total += 1
            if isKept || shown >= Self.maxShown { return }
            shown += 1
            diagnostics.report(line > 0 ? "stdin:\(line): \(reason)" : "\(reason): \(input.text.prefix(200))")
            if shown == Self.maxShown { diagnostics.report("further rejected lines are only counted") }
        }
    }

    func close() throws(StreamError) { try condition.change { () throws(StreamError) in try file?.close() } }
}
