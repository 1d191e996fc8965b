/// Why compressed data could not be read as a stream. `offset` counts compressed bytes over all members or frames.
public struct CompressedDataError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Format: String, Sendable {
        case gzip, zstd, snappy
    }

    public enum Code: Sendable {
        /// The data end inside a member or frame.
        case truncated
        /// Another format, damage, a checksum that does not fit, or something else behind a member or frame.
        case corrupt
        case outOfMemory
    }

    public var format: Format
    public var code: Code
    public var offset: Int

    public init(_ format: Format, _ code: Code, at offset: Int) {
        self.format = format
        self.code = code
        self.offset = offset
    }

    public var description: String {
        switch code {
        case .truncated: "\(format.rawValue) data ends too early (byte \(offset))"
        case .corrupt: "\(format.rawValue) data is corrupt (byte \(offset))"
        case .outOfMemory: "out of memory"
        }
    }
}
