import CZlib

/// The checksum of gzip, PNG and Parquet's pages (ISO 3309, polynomial 0x04c11db7).
public enum CRC32 {
    public static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        UInt32(truncatingIfNeeded: crc32_z(0, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count))
    }
}
