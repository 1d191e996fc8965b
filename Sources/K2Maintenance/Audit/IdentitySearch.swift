import K2Domain
import K2Iceberg
import K2Lake
import K2ObjectStore
import K2Parquet

extension ColdScan {
    /// Looks rows up by their identity, whatever their time. Memory: a column of a row group, and what is found.
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
            let path = file.data.file.path
            do {
                guard let cold = try open(file.data.file, &problems) else { continue }
                try find(wanted, in: cold, of: file, number, &found)
            } catch let error as ParquetError {
                problems.append(AuditedFileProblem(path: path, kind: .unreadable, text: "\(error)"))
            } catch let error as StoreError where error.code == .notFound {
                problems.append(AuditedFileProblem(path: path, kind: .lost, text: "not in the store"))
            }
        }
        return (found, problems)
    }

    private func find(_ wanted: Set<UInt64>, in cold: ColdFile, of file: DeletedFile, _ number: Int, _ found: inout [UInt64: ColdPrint]) throws {
        // Most files have none of these rows: what is deleted is asked for when there is one.
        var mask: RowMask?
        var isMaskRead = file.deletes.isEmpty
        var first = 0
        for group in cold.rowGroups {
            try mayGoOn()
            let names = try identities(cold, group)
            let rows = names.indices.filter { wanted.contains(names[$0]) && found[names[$0]] == nil }
            if !rows.isEmpty, !isMaskRead {
                mask = try masks([file])[0]
                isMaskRead = true
            }
            let live = rows.filter { mask?.isLive(first + $0) ?? true }
            first += cold.rowCount(group)
            if live.isEmpty { continue }
            let (times, hashes) = (try times(cold, group), try terms(cold, group, columns))
            for row in live {
                found[names[row]] = ColdPrint(
                    identity: names[row], row: hashes[row], time: times[row], file: UInt32(number), rowGroup: UInt16(clamping: group), position: UInt32(row))
            }
        }
    }

    private func identities(_ file: ColdFile, _ group: Int) throws -> [UInt64] {
        try terms(file, group, columns.filter { definition.identity.contains(definition.columns[$0].name) })
    }

    private func terms(_ file: ColdFile, _ group: Int, _ columns: [Int]) throws -> [UInt64] {
        var terms = RowTerms(rows: file.rowCount(group))
        for index in columns {
            try mayGoOn()
            try terms.add(try file.column(index, rowGroup: group))
        }
        return terms.hashes
    }
}
