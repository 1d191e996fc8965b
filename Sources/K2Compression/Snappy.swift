import CSnappy

/// Snappy blocks: the raw format without frames that Parquet and Avro hold.
///
/// Source: format_description.txt of google/snappy.
public enum Snappy {
    /// The most bytes that `count` compressed bytes can become: a copy of 64 bytes takes two bytes and an offset.
    public static func expansionBound(_ count: Int) -> Int {
        let (bound, overflow) = count.multipliedReportingOverflow(by: 64)
        return overflow ? .max : bound
    }

    /// The length that a block says it has after decompression; nothing of the rest is looked at.
    /// - Throws: `.corrupt`.
    public static func uncompressedLength(_ source: UnsafeRawBufferPointer) throws(CompressedDataError) -> Int {
        var length = 0
        let status = snappy_uncompressed_length(source.baseAddress?.assumingMemoryBound(to: CChar.self), source.count, &length)
        guard status == SNAPPY_OK, length >= 0 else { throw CompressedDataError(.snappy, .corrupt, at: 0) }
        return length
    }

    /// Decompresses `source` into `target` and returns the number of bytes written.
    /// - Throws: `.corrupt`, also when the content does not fit. Nothing outside `target` is ever written.
    public static func decompress(
        _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
    ) throws(CompressedDataError) -> Int {
        var length = target.count
        // The library asks for a place to write to even where the content is empty.
        var nothing: CChar = 0
        let status = withUnsafeMutablePointer(to: &nothing) { nothing in
            snappy_uncompress(
                source.baseAddress?.assumingMemoryBound(to: CChar.self), source.count,
                target.baseAddress?.assumingMemoryBound(to: CChar.self) ?? nothing, &length)
        }
        guard status == SNAPPY_OK else { throw CompressedDataError(.snappy, .corrupt, at: 0) }
        return length
    }

    /// The block of `source`.
    public static func compress(_ source: Span<UInt8>) -> [UInt8] {
        let bound = snappy_max_compressed_length(source.count)
        return [UInt8](unsafeUninitializedCapacity: bound) { target, count in
            var length = bound
            source.withUnsafeBytes { source in
                target.withMemoryRebound(to: CChar.self) { target in
                    _ = snappy_compress(source.baseAddress?.assumingMemoryBound(to: CChar.self), source.count, target.baseAddress, &length)
                }
            }
            count = length
        }
    }
}
