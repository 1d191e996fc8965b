import ArgumentParser
import K2Compression

/// How recordings are compressed.
enum RecordingFormat: String, CaseIterable, Sendable, ExpressibleByArgument {
    case gzip, zstd

    /// Of a recording's file name.
    var suffix: String {
        switch self {
        case .gzip: ".ndjson.gz"
        case .zstd: ".ndjson.zst"
        }
    }
}

/// Compresses blocks to something that can be decompressed on its own: a gzip member or a zstd frame.
struct BlockCompressor: ~Copyable {
    private let format: RecordingFormat
    // Made at their first use, which can fail.
    private var gzip: GzipWriter?
    private var zstd: ZstdCompressor?

    init(_ format: RecordingFormat) { self.format = format }

    /// The whole member or frame that holds `block`, which is not empty; nil when memory is short.
    ///
    /// Level 1: while trades come in, the disk is not what is short.
    mutating func compress(_ block: Span<UInt8>) -> [UInt8]? {
        switch format {
        case .gzip:
            if gzip == nil { gzip = try? GzipWriter(level: 1) }
            var member: [UInt8] = []
            gzip?.write(block, to: &member)
            gzip?.finishMember(to: &member)
            return member.isEmpty ? nil : member
        case .zstd:
            if zstd == nil { zstd = try? ZstdCompressor(level: 1, checksum: true) }
            return try? zstd?.compress(block)
        }
    }
}
