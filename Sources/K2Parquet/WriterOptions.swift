/// How a file is written.
public struct WriterOptions: Sendable {
    public enum Compression: Equatable, Sendable {
        case uncompressed
        case zstd(level: Int)
    }
    public var compression: Compression = .zstd(level: 3)
    /// Aim for the bytes of a page before compression.
    public var pageSize = 1 << 20
    /// Whether the DELTA encodings may be chosen. pyarrow, DuckDB, ClickHouse and Spark's own reader take them;
    /// Iceberg's vectorized reader for Spark takes the last of them since 2026 (apache/iceberg pull 15362) and
    /// older releases only when `read.parquet.vectorization.enabled` is false.
    public var allowsDeltaEncodings = true
    /// Longest bound of a byte string column in the statistics.
    public var maxBoundLength = 64
    /// `name version x.y.z (build …)`, as readers that work around old writers' errors expect it.
    public var createdBy = "k2 version 0.1.0 (build unknown)"
    public var keyValues: [KeyValue] = []

    public init() {}
}
