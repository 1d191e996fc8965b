import K2Iceberg

/// What a manifest holds, held against its line in the manifest list: readers leave out manifests by it, and count rows by it.
struct ManifestFacts {
    let manifest: ManifestFile
    /// All of them, deleted ones too.
    let entries: [ManifestEntry]
    /// Types of the partition's fields; nil for a transform that is not known.
    let types: [PrimitiveType?]

    /// What does not hold, a line each.
    var problems: [String] { counts + partitions }

    private var counts: [String] {
        let told: [(String, ManifestEntry.Status, Int?, Int64?)] = [
            ("added", .added, manifest.addedFiles, manifest.addedRows), ("existing", .existing, manifest.existingFiles, manifest.existingRows),
            ("deleted", .deleted, manifest.deletedFiles, manifest.deletedRows),
        ]
        return told.flatMap { word, status, files, rows -> [String] in
            let found = entries.filter { $0.status == status }
            let foundRows = found.reduce(Int64(0)) { $0 &+ $1.file.recordCount }
            var problems: [String] = []
            if let files, files != found.count { problems.append("the manifest list says \(files) \(word) files, the manifest has \(found.count)") }
            if let rows, rows != foundRows { problems.append("the manifest list says \(rows) rows in \(word) files, the manifest has \(foundRows)") }
            return problems
        }
    }

    private var partitions: [String] {
        guard let summaries = manifest.partitions else { return [] }
        let live = entries.filter(\.isLive)
        return zip(summaries, types).enumerated().compactMap { place, pair in
            let (summary, type) = pair
            guard let type else { return nil }
            let values = live.compactMap { place < $0.file.partition.count ? $0.file.partition[place] : nil }
            let hasNull = live.contains { place < $0.file.partition.count && $0.file.partition[place] == nil }
            let low = summary.lowerBound.flatMap { Datum(singleValue: $0, type: type) }, high = summary.upperBound.flatMap { Datum(singleValue: $0, type: type) }
            let outside = values.first { value in low.flatMap { Datum.isLess(value, $0) } == true || high.flatMap { Datum.isLess($0, value) } == true }
            if let outside { return "the manifest list says partition values \(Self.text(low)) to \(Self.text(high)), the manifest has \(outside)" }
            if hasNull, !summary.containsNull { return "the manifest list says that no partition value is null, the manifest has one" }
            return nil
        }
    }

    private static func text(_ value: Datum?) -> String { value.map { "\($0)" } ?? "nothing" }
}
