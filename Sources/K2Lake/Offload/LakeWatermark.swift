import K2Domain
import K2Iceberg

/// How far a table is offloaded, as its snapshots tell.
public enum LakeWatermark {
    /// The newest watermark in the summaries of the table's snapshots; nil when none names one.
    public static func newest(_ metadata: TableMetadata) -> Timestamp? {
        metadata.snapshots.sorted { $0.sequenceNumber > $1.sequenceNumber }
            .lazy.compactMap { $0.summary[TableCommitter.watermarkKey].flatMap(time) }.first
    }

    private static func time(_ text: String) -> Timestamp? {
        let bytes = Array(text.utf8)
        return try? Timestamp(rfc3339: bytes.span)
    }
}
