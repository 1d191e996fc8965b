import K2Domain
import K2Iceberg
import K2Lake
import K2ObjectStore
import K2Parquet


/// Hash and place of a row of the lake.
struct ColdPrint: Equatable {
    /// `RowHash` over the columns of the identity, and over all that are compared.
    var identity: UInt64
    var row: UInt64
    /// µs.
    var time: Int64
    /// Of a candle.
    var revision: Int64 = 0
    /// Number of its file in the list that was read, of its row group, and its number there.
    var file: UInt32
    var rowGroup: UInt16
    var position: UInt32
}

/// Reads the data files of a table column by column. Memory: what a column of a row group takes, and some numbers for each of its rows.
struct ColdScan {
    let schema: LakeSchema
    let metadata: TableMetadata
    let store: any ObjectStore
    /// Positions of the columns that are compared.
    let columns: [Int]
    /// Called between columns; what it throws is passed on.
    let mayGoOn: () throws -> Void

    var definition: TableDefinition { schema.definition }
    private var timeIndex: Int { definition.index(of: definition.timeColumn)! }

    /// The rows that are left of each file; nil where all are.
    func masks(_ files: [DeletedFile]) throws -> [RowMask?] {
        if files.allSatisfy({ $0.deletes.isEmpty }) { return Array(repeating: nil, count: files.count) }
        var reader = DeleteReader(store: store, metadata: metadata, mayGoOn: mayGoOn)
        return try reader.masks(files)
    }

    /// Opens a file.
    /// - Returns: nil when it is lost, with what was found in `problems`.
    func open(_ file: DataFile, _ problems: inout [AuditedFileProblem]) throws -> ColdFile? {
        do {
            let size = try store.size(file.path)
            if size != file.fileSize {
                problems.append(AuditedFileProblem(path: file.path, kind: .misdescribed, text: "size: manifest says \(file.fileSize) bytes, file has \(size)"))
            }
            return try ColdFile(file, size: size, in: store, schema)
        } catch let error as StoreError where error.code == .notFound {
            problems.append(AuditedFileProblem(path: file.path, kind: .lost, text: "not in the store"))
        } catch let error as ParquetError {
            problems.append(AuditedFileProblem(path: file.path, kind: .unreadable, text: "\(error)"))
        }
        return nil
    }

    // MARK: Sums

    /// The sums of the rows of each hour in `range`, and what is wrong with the files.
    /// - Parameter checks: whether files are held against their manifests.
    func sums(
        _ files: [DeletedFile], in range: Range<Timestamp>, checks: Bool
    ) throws -> (hours: [Int64: AuditSums], problems: [AuditedFileProblem]) {
        var hours: [Int64: AuditSums] = [:], problems: [AuditedFileProblem] = []
        for (file, mask) in zip(files.map(\.data.file), try masks(files)) {
            var table = HourTable(measures: AuditSums.measured(columns.map { definition.columns[$0] }).count)
            var facts = FileFacts()
            guard let cold = try open(file, &problems) else { continue }
            do {
                var first = 0
                for group in cold.rowGroups {
                    try mayGoOn()
                    try add(cold, group, range, mask.map { ($0, first) }, to: &table, &facts, checks)
                    first += cold.rowCount(group)
                }
            } catch let error as ParquetError {
                problems.append(AuditedFileProblem(path: file.path, kind: .unreadable, text: "\(error)"))
                continue
            } catch let error as StoreError where error.code == .notFound {
                problems.append(AuditedFileProblem(path: file.path, kind: .lost, text: "not in the store"))
                continue
            }
            if checks {
                problems += facts.problems(with: file, schema.schema, metadata.spec(id: file.specID)).map {
                    AuditedFileProblem(path: file.path, kind: .misdescribed, text: $0)
                }
            }
            for (hour, sums) in zip(table.hours, table.sums) { hours[hour, default: AuditSums(measures: sums.measures.count)].add(sums) }
        }
        return (hours, problems)
    }

    private func add(
        _ file: ColdFile, _ group: Int, _ range: Range<Timestamp>, _ mask: (RowMask, first: Int)?, to table: inout HourTable, _ facts: inout FileFacts,
        _ checks: Bool
    ) throws {
        let rows = file.rowCount(group)
        let times = try times(file, group)
        var places = table.place(times, in: range.lowerBound.microseconds..<range.upperBound.microseconds)
        if let (mask, first) = mask { for row in places.indices where !mask.isLive(first + row) { places[row] = HourTable.noHour } }
        facts.addRows(rows)
        var terms = RowTerms(rows: rows)
        var measure = 0
        for index in columns {
            try mayGoOn()
            let column = try file.column(index, rowGroup: group)
            try terms.add(column)
            if checks { facts.add(column, ids: ids(index), schema.schema) }
            guard case .decimal = column.definition.type, column.definition.isRequired else { continue }
            if let wide = column.wide { table.add(wide, at: try column.positions(), measure: measure, places: places) }
            measure += 1
        }
        table.add(hashes: terms.hashes, times: times, places: places)
    }

    /// The time of each row.
    func times(_ file: ColdFile, _ group: Int) throws -> [Int64] {
        let column = try file.column(timeIndex, rowGroup: group)
        let times = try column.integers()
        guard times.count == file.rowCount(group) else { throw ParquetError(.malformed, column.definition.name, "rows without a time") }
        return times
    }

    /// Field ids of a column's leaves.
    private func ids(_ index: Int) -> [Int] {
        switch schema.schema.fields.first(where: { $0.id == schema.fieldIDs[index] })?.type {
        case .list(let list): [list.elementID]
        case .map(let map): [map.keyID, map.valueID]
        default: [schema.fieldIDs[index]]
        }
    }

    // MARK: Rows

    /// The hashes of the rows of some hours, file by file.
    /// - Parameters:
    ///   - broken: paths of files that are known to be lost or unreadable: they have no rows.
    ///   - part: a share of the rows, by their identity; nil for all.
    func prints(
        _ files: [DeletedFile], without broken: Set<String>, hours: Set<Int64>, in range: Range<Timestamp>, part: (index: Int, count: Int)?
    ) throws -> [ColdPrint] {
        var prints: [ColdPrint] = []
        for (number, (file, mask)) in zip(files.map(\.data.file), try masks(files)).enumerated() where !broken.contains(file.path) {
            let cold = try ColdFile(file, size: try store.size(file.path), in: store, schema)
            var first = 0
            for group in cold.rowGroups {
                try mayGoOn()
                try append(cold, number, group, hours, range, part, to: &prints) { mask?.isLive(first + $0) ?? true }
                first += cold.rowCount(group)
            }
        }
        return prints
    }

    private func append(
        _ file: ColdFile, _ number: Int, _ group: Int, _ hours: Set<Int64>, _ range: Range<Timestamp>, _ part: (index: Int, count: Int)?,
        to prints: inout [ColdPrint], isLive: (Int) -> Bool
    ) throws {
        let times = try times(file, group)
        let wanted = times.indices.filter {
            range.contains(Timestamp(microseconds: times[$0])) && hours.contains(AuditHour.of(times[$0])) && isLive($0)
        }
        if wanted.isEmpty { return }
        var terms = RowTerms(rows: times.count), identities = RowTerms(rows: times.count)
        for index in columns {
            let column = try file.column(index, rowGroup: group)
            try terms.add(column)
            if definition.identity.contains(column.definition.name) { try identities.add(column) }
        }
        let (rows, names, revisions) = (terms.hashes, identities.hashes, try revisions(file, group))
        for row in wanted where part.map({ names[row] % UInt64($0.count) == UInt64($0.index) }) ?? true {
            prints.append(
                ColdPrint(
                    identity: names[row], row: rows[row], time: times[row], revision: revisions.isEmpty ? 0 : revisions[row], file: UInt32(number), rowGroup: UInt16(clamping: group),
                    position: UInt32(row)))
        }
    }

    /// Of candles the revision of each row.
    private func revisions(_ file: ColdFile, _ group: Int) throws -> [Int64] {
        guard let index = definition.index(of: "revision") else { return [] }
        let revisions = try file.column(index, rowGroup: group).integers()
        return revisions.count == file.rowCount(group) ? revisions : []
    }
}
