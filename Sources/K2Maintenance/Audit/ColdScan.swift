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

/// Reads the data files of a table, some rows of all columns at a time. Memory: what these take, whatever the size of row groups.
struct ColdScan {
    let schema: LakeSchema
    let metadata: TableMetadata
    let store: any ObjectStore
    /// Positions of the columns that are compared.
    let columns: [Int]
    /// Rows that are read at once, at most.
    var rowsAtOnce = 1 << 16
    /// Called between reads; what it throws is passed on.
    let mayGoOn: () throws -> Void

    var definition: TableDefinition { schema.definition }
    private var timeIndex: Int { definition.index(of: definition.timeColumn)! }

    /// The rows that are left of each file; nil where all are.
    func masks(_ files: [DeletedFile]) throws -> [RowMask?] {
        if files.allSatisfy({ $0.deletes.isEmpty }) { return Array(repeating: nil, count: files.count) }
        var reader = DeleteReader(store: store, metadata: metadata, mayGoOn: mayGoOn)
        return try reader.masks(files)
    }

    /// Opens a file of which it is not known whether it is what the lake says.
    /// - Returns: nil when it cannot be read, with what was found in `problems`.
    func open(_ file: DataFile, _ problems: inout [AuditedFileProblem]) throws -> ColdFile? {
        guard let size = try Self.finding(file, &problems, { try store.size(file.path) }) else { return nil }
        if size != file.fileSize {
            problems.append(AuditedFileProblem(path: file.path, kind: .misdescribed, text: "size: manifest says \(file.fileSize) bytes, file has \(size)"))
        }
        return try Self.finding(file, &problems) { try ColdFile(file, size: size, in: store, schema, specs: metadata.partitionSpecs) }
    }

    /// Opens a file.
    func open(_ file: DataFile) throws -> ColdFile {
        try ColdFile(file, size: try store.size(file.path), in: store, schema, specs: metadata.partitionSpecs)
    }

    /// Runs `body`; that the file is lost or unreadable is a problem of it.
    static func finding<R>(_ file: DataFile, _ problems: inout [AuditedFileProblem], _ body: () throws -> R) throws -> R? {
        do { return try body() } catch let error as ParquetError {
            problems.append(AuditedFileProblem(path: file.path, kind: error.code == .unsupported ? .unsupported : .unreadable, text: "\(error)"))
        } catch let error as StoreError where error.code == .notFound {
            problems.append(AuditedFileProblem(path: file.path, kind: .lost, text: "not in the store"))
        }
        return nil
    }

    /// Calls `body` with the rows of a row group in their order, some at a time; it may end early by returning false.
    func forEachBatch(_ columns: [Int], _ file: ColdFile, _ group: Int, _ body: (ColdBatch) throws -> Bool) throws {
        let batches = try file.batches(columns, rowGroup: group, rowsAtOnce: rowsAtOnce)
        try mayGoOn()
        while let batch = try batches.next() {
            guard try body(batch) else { return }
            try mayGoOn()
        }
    }

    // MARK: Sums

    /// The sums of the rows of each hour in `range`, and what is wrong with the files.
    /// - Parameter checks: whether files are held against their manifests.
    func sums(
        _ files: [DeletedFile], in range: Range<Timestamp>, checks: Bool
    ) throws -> (hours: [Int64: AuditSums], problems: [AuditedFileProblem]) {
        var hours: [Int64: AuditSums] = [:], problems: [AuditedFileProblem] = []
        for (file, mask) in zip(files.map(\.data.file), try masks(files)) {
            guard let cold = try open(file, &problems) else { continue }
            var found: [AuditedFileProblem] = []
            let result = try Self.finding(file, &found) { try sums(of: cold, mask, range, checks: checks) }
            problems += found + (result?.problems ?? [])
            guard let table = result?.hours else { continue }
            for (hour, sums) in zip(table.hours, table.sums) { hours[hour, default: AuditSums(measures: sums.measures.count)].add(sums) }
        }
        return (hours, problems)
    }

    private func sums(
        of file: ColdFile, _ mask: RowMask?, _ range: Range<Timestamp>, checks: Bool
    ) throws -> (hours: HourTable, problems: [AuditedFileProblem]) {
        var table = HourTable(measures: AuditSums.measured(columns.map { definition.columns[$0] }).count)
        var facts = FileFacts()
        var wrong: [String] = []
        var first = 0
        for group in file.rowGroups {
            var part = FileFacts()
            try forEachBatch(columns + [timeIndex], file, group) { batch in
                try add(batch, range, mask, firstRow: first + batch.first, to: &table, &part, checks)
                return true
            }
            try part.settle(schema.schema)
            if checks { wrong += footerProblems(part, file, group) }
            facts.add(part)
            first += file.rowCount(group)
        }
        if checks { wrong = try facts.problems(with: file.file, schema.schema, metadata.spec(id: file.file.specID)) + wrong }
        return (table, wrong.map { AuditedFileProblem(path: file.file.path, kind: .misdescribed, text: $0) })
    }

    /// What the footer says of a row group that does not hold.
    private func footerProblems(_ facts: FileFacts, _ file: ColdFile, _ group: Int) -> [String] {
        columns.flatMap { index in
            ids(index).enumerated().compactMap { place, id in
                file.footerBounds(index, leaf: place, rowGroup: group).flatMap { facts.problem(withFooter: $0, id, schema.schema) }.map { "row group \(group): \($0)" }
            }
        }
    }

    private func add(
        _ batch: ColdBatch, _ range: Range<Timestamp>, _ mask: RowMask?, firstRow: Int, to table: inout HourTable, _ facts: inout FileFacts, _ checks: Bool
    ) throws {
        let times = try times(batch)
        var places = table.place(times, in: range.lowerBound.microseconds..<range.upperBound.microseconds)
        if let mask { for row in places.indices where !mask.isLive(firstRow + row) { places[row] = HourTable.noHour } }
        facts.addRows(batch.rows)
        var terms = RowTerms(rows: batch.rows)
        var measure = 0
        for index in columns {
            let column = batch[index]
            try terms.add(column)
            if checks { try facts.add(column, ids: ids(index), schema.schema) }
            guard case .decimal = column.definition.type, column.definition.isRequired else { continue }
            if let wide = column.wide { table.add(wide, at: try column.positions(), measure: measure, places: places) }
            measure += 1
        }
        table.add(hashes: terms.hashes, times: times, places: places)
    }

    /// The time of each row.
    private func times(_ batch: ColdBatch) throws -> [Int64] {
        let column = batch[timeIndex]
        let times = try column.integers()
        guard times.count == batch.rows else { throw ParquetError(.malformed, column.definition.name, "rows without a time") }
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
            let cold = try open(file)
            var first = 0
            for group in cold.rowGroups {
                let start = first
                first += cold.rowCount(group)
                func rows(_ batch: ColdBatch) throws -> [Int] {
                    let times = try times(batch)
                    return times.indices.filter { row in
                        range.contains(Timestamp(microseconds: times[row])) && hours.contains(AuditHour.of(times[row]))
                            && mask?.isLive(start + batch.first + row) ?? true
                    }
                }
                // Most row groups have none: the other columns are read of those that have.
                var hasRows = false
                try forEachBatch([timeIndex], cold, group) { batch in
                    hasRows = try !rows(batch).isEmpty
                    return !hasRows
                }
                guard hasRows else { continue }
                try append(cold, number, group, to: &prints) { batch, names in
                    try rows(batch).filter { row in part.map { names[row] % UInt64($0.count) == UInt64($0.index) } ?? true }
                }
            }
        }
        return prints
    }

    /// - Parameter rows: which rows of a batch, given the hashes of their identities.
    func append(
        _ file: ColdFile, _ number: Int, _ group: Int, to prints: inout [ColdPrint], rows: (ColdBatch, _ names: [UInt64]) throws -> [Int]
    ) throws {
        let revision = definition.index(of: "revision")
        try forEachBatch(columns + identityColumns + [timeIndex] + (revision.map { [$0] } ?? []), file, group) { batch in
            let names = try terms(batch, identityColumns)
            let wanted = try rows(batch, names)
            if wanted.isEmpty { return true }
            let (times, hashes) = (try times(batch), try terms(batch, columns))
            let revisions = try revision.map { try batch[$0].integers() } ?? []
            for row in wanted {
                prints.append(
                    ColdPrint(
                        identity: names[row], row: hashes[row], time: times[row], revision: revisions.count == batch.rows ? revisions[row] : 0,
                        file: UInt32(number), rowGroup: UInt16(clamping: group), position: UInt32(batch.first + row)))
            }
            return true
        }
    }

    var identityColumns: [Int] { columns.filter { definition.identity.contains(definition.columns[$0].name) } }

    func terms(_ batch: ColdBatch, _ columns: [Int]) throws -> [UInt64] {
        var terms = RowTerms(rows: batch.rows)
        for index in columns { try terms.add(batch[index]) }
        return terms.hashes
    }
}
