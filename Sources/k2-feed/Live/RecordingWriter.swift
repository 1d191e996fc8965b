import Glibc
import K2Bytes
import K2Domain
import K2NDJSON

/// Writes the records of one exchange to compressed files, one for each hour (UTC): `DIR/binance/2026-11-26T09.ndjson.gz`.
///
/// Lines are collected and written as whole gzip members or zstd frames: when `flush` is called, when a block is full and when the hour
/// ends. What was flushed is safe from kill -9 (not from a loss of power), and the file can be read at any time.
///
/// After an error the writer goes on with the next lines; those of the block that could not be written are lost to the recording
/// (`lostBytes`).
struct RecordingWriter: ~Copyable {
    static let blockBytes = 1 << 20
    static let hour: Int64 = 3_600_000_000

    private let folder: String
    private let format: RecordingFormat
    private var compressor: BlockCompressor
    private var block = ByteWriter(capacity: RecordingWriter.blockBytes + (1 << 16))
    /// Start of the hour that the block and the file belong to.
    private var period: Timestamp?
    private var file: RecordingFile?
    /// Bytes of lines that could not be written.
    private(set) var lostBytes = 0
    /// Compressed bytes that were written.
    private(set) var bytesWritten = 0

    init(directory: String, exchange: Exchange, format: RecordingFormat = .gzip) {
        folder = "\(directory)/\(exchange.rawValue)"
        self.format = format
        compressor = BlockCompressor(format)
    }

    /// Opens the file for `time`: an existing one is read to its end, which may take seconds, better spent before lines arrive.
    mutating func prepare(at time: Timestamp) throws(StreamError) {
        try enter(time.floor(to: Self.hour))
        try open()
    }

    /// Takes whole lines that were received at `time`.
    ///
    /// - Throws: when lines that were taken before could not be written; these ones are taken nevertheless.
    mutating func append(_ lines: Span<UInt8>, at time: Timestamp) throws(StreamError) {
        let period = time.floor(to: Self.hour)
        var failure: StreamError?
        if period != self.period || block.count >= Self.blockBytes {
            do throws(StreamError) { try enter(period) } catch { failure = error }
        }
        block.append(lines)
        if let failure { throw failure }
    }

    /// Writes what is waiting for the last period, and turns to another one.
    private mutating func enter(_ period: Timestamp) throws(StreamError) {
        defer {
            if period != self.period { file = nil }
            self.period = period
        }
        try flush()
    }

    /// Writes all lines that are waiting, as one member.
    mutating func flush() throws(StreamError) {
        if block.count == 0 { return }
        do throws(StreamError) {
            try open()
            try write()
        } catch {
            lostBytes += block.count
            block.removeAll()
            throw error
        }
        block.removeAll()
    }

    private mutating func write() throws(StreamError) {
        guard let file else { return }
        guard let member = Self.compress(block, &compressor) else {
            throw StreamError(.writeFailed, name: file.path, errno: ENOMEM)
        }
        try file.append(member)
        bytesWritten += member.count
    }

    private static func compress(_ block: borrowing ByteWriter, _ compressor: inout BlockCompressor) -> [UInt8]? {
        compressor.compress(block.bytes)
    }

    private mutating func open() throws(StreamError) {
        guard let period, file == nil else { return }
        file = try RecordingFile.open(folder: folder, stem: Self.stem(period), format: format)
    }

    /// Such as `2026-11-26T09`.
    static func stem(_ time: Timestamp) -> String {
        var text = ByteWriter(capacity: 16)
        let date = Timestamp.civil(day: time.day)
        text.append(decimal: UInt64(date.year), width: 4)
        text.append(UInt8(ascii: "-"))
        text.append(decimal: UInt64(date.month), width: 2)
        text.append(UInt8(ascii: "-"))
        text.append(decimal: UInt64(date.day), width: 2)
        text.append(UInt8(ascii: "T"))
        text.append(decimal: UInt64((time.microseconds - time.day * Timestamp.microsecondsPerDay) / hour), width: 2)
        return String(decoding: text.array, as: UTF8.self)
    }

    /// Writes all that is waiting and closes the file. More lines may follow.
    mutating func close() throws(StreamError) {
        defer { file = nil }
        try flush()
    }
}
