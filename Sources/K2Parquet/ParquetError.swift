import K2Bytes
import K2Compression

/// Why a Parquet file could not be written or read.
public struct ParquetError: Error, Equatable, CustomStringConvertible, Sendable {
    public enum Code: String, Sendable {
        /// The bytes are not a Parquet file, or are damaged.
        case malformed
        /// The file may be good, but holds something that this library does not read.
        case unsupported
        /// The caller's schema or columns contradict themselves or each other.
        case invalidInput
        /// More than the caller's limits allow.
        case tooLarge
    }
    public var code: Code
    /// The place: a column path, `footer`, or a byte offset in words.
    public var place: String
    /// What was found there and what was expected.
    public var message: String

    public init(_ code: Code, _ place: String, _ message: String) {
        self.code = code
        self.place = place
        self.message = message
    }

    public var description: String { "parquet: \(place): \(message)" }

    /// `error` with `place` before its own when it is about the bytes of a file; those of the caller's source stay as they are.
    static func located(_ error: any Error, _ place: String) -> any Error {
        switch error {
        case let error as ParquetError:
            ParquetError(error.code, error.place.isEmpty ? place : "\(place): \(error.place)", error.message)
        case let error as ByteError: ParquetError(.malformed, place, error.description)
        case let error as ZstdError: ParquetError(.malformed, place, error.description)
        case let error as CompressedDataError: ParquetError(error.code == .outOfMemory ? .tooLarge : .malformed, place, error.description)
        default: error
        }
    }
}
