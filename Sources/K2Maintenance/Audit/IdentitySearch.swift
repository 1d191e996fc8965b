import K2Domain
import K2Iceberg
import K2Lake
import K2ObjectStore
import K2Parquet

extension ColdScan {
    /// Looks rows up by their identity, whatever their time.
    /// - Parameters:
    ///   - wanted: hashes of identities.
    ///   - broken: paths of files that are known to be lost or unreadable: they have no rows.
    /// - Returns: a live row of each identity that the files have, by number of the file, and which files cannot be read.
    func find(
        _ wanted: Set<UInt64>, in files: [DeletedFile], without broken: Set<String>
    ) throws -> (found: [UInt64: ColdPrint], problems: [AuditedFileProblem]) {
        var found: [UInt64: ColdPrint] = [:], problems: [AuditedFileProblem] = []
        if wanted.isEmpty { return (found, problems) }
        for (number, file) in files.enumerated() where !broken.contains(file.data.file.path) {
            guard let cold = try open(file.data.file, &problems) else { continue }
            var more: [AuditedFileProblem] = []
            _ = try Self.finding(file.data.file, &more) { try find(wanted, in: cold, of: file, number, &found) }
            problems += more
        }
        return (found, problems)
    }

    private func find(_ wanted: Set<UInt64>, in cold: ColdFile, of file: DeletedFile, _ number: Int, _ found: inout [UInt64: ColdPrint]) throws {
        // Most files have none of these rows: what is deleted, and the other columns, are asked for when there is one.
        var mask: RowMask?
        var isMaskRead = file.deletes.isEmpty
        var first = 0
        for group in cold.rowGroups {
            let start = first
            first += cold.rowCount(group)
            var hasRows = false
            try forEachBatch(identityColumns, cold, group) { batch in
                hasRows = try terms(batch, identityColumns).contains { wanted.contains($0) && found[$0] == nil }
                return !hasRows
            }
            guard hasRows else { continue }
            if !isMaskRead {
                mask = try masks([file])[0]
                isMaskRead = true
            }
            var prints: [ColdPrint] = []
            try append(cold, number, group, to: &prints) { batch, names in
                names.indices.filter { wanted.contains(names[$0]) && found[names[$0]] == nil && mask?.isLive(start + batch.first + $0) ?? true }
            }
            for print in prints { found[print.identity] = print }
        }
    }
}
