import K2ClickHouse
import K2Domain
import K2Iceberg
import K2Lake
import K2ObjectStore
import K2Parquet
import K2Rows
import K2StateStore

/// Holds one table of the lake against ClickHouse: rows against rows, files against their manifests, candles against trades.
///
/// Nothing is changed. Loads, offloads and maintenance may go on meanwhile.
public struct TableAudit {
    let definition: TableDefinition
    let reader: AuditReader
    let stores: LakeStores
    let options: AuditOptions
    /// Called again and again; what it throws ends the audit.
    let mayGoOn: () throws -> Void

    public init(
        _ definition: TableDefinition, _ reader: AuditReader, _ stores: LakeStores, _ options: AuditOptions, mayGoOn: @escaping () throws -> Void = {}
    ) {
        self.definition = definition
        self.reader = reader
        self.stores = stores
        self.options = options
        self.mayGoOn = mayGoOn
    }

    /// How often a table is looked at again whose files went while they were read.
    private static let attempts = 5

    /// - Throws: only for what is no finding: a state store that fails, a run that is stopped.
    public func run() throws -> AuditResult {
        var attempt = 1
        while true {
            var result = AuditResult(table: definition.coldName, source: definition.warmName, range: options.range)
            result.mayBeEmpty = options.mayBeEmpty.contains(definition.coldName)
            do {
                try audit(&result)
            } catch let error as WarmSourceError {
                // A stop ends requests that wait.
                try mayGoOn()
                result.reasons.append("ClickHouse: \(error)")
            } catch let error as StoreError {
                if error.code == .notFound, attempt < Self.attempts { attempt += 1; continue }
                if error.code == .notFound { result.differences.append("file lost: \(error)") } else { result.reasons.append("\(error)") }
            } catch let error as ParquetError {
                result.reasons.append("\(error)")
            } catch let error as IcebergError {
                if error.code == .missingFile, attempt < Self.attempts { attempt += 1; continue }
                if error.code == .missingFile || error.code == .malformed { result.differences.append(error.message) } else { result.reasons.append(error.message) }
            }
            // A file of a snapshot that was compacted and expired since is not lost.
            guard attempt < Self.attempts, try isOutdated(result.files) else { return result }
            attempt += 1
        }
    }

    private func isOutdated(_ problems: [AuditedFileProblem]) throws -> Bool {
        let lost = Set(problems.filter { $0.kind == .lost }.map(\.path))
        if lost.isEmpty { return false }
        guard let table = try? stores.catalog.findTable(TableIdentifier(LakeSchema.namespace, definition.coldName)),
            let live = try? TableFiles(metadata: table.metadata, store: stores.objects).dataFiles().map(\.path)
        else { return false }
        return !lost.isSubset(of: Set(live))
    }

    private func audit(_ result: inout AuditResult) throws {
        let offloaded = try stores.state.watermark(table: definition.coldName)?.position
        guard let cold = try ColdTable.open(definition, stores, range: options.range) else {
            result.watermark = offloaded
            let text = "the catalog has no table \(LakeSchema.namespace.joined(separator: ".")).\(definition.coldName)"
            guard let offloaded else { return result.reasons.append("\(text), and nothing was offloaded to it") }
            return result.differences.append("\(text): it was offloaded up to \(offloaded)")
        }
        result.watermark = cold.watermark
        result.filesRead = cold.files.count
        do {
            if let refusal = try reader.refusal(definition) {
                result.reasons.append(refusal)
                return try checkFiles(cold, &result)
            }
            try compare(cold, &result)
        } catch let error as WarmSourceError {
            // The lake can be held against itself.
            if result.rows == nil, result.files.isEmpty { try checkFiles(cold, &result) }
            throw error
        }
    }

    private func checkFiles(_ cold: ColdTable, _ result: inout AuditResult) throws {
        result.files = try scan(cold, Array(definition.columns.indices)).sums(cold.files, in: options.range, checks: true).problems + cold.problems
    }

    func scan(_ cold: ColdTable, _ columns: [Int]) -> ColdScan {
        ColdScan(schema: cold.schema, metadata: cold.metadata, store: stores.objects, columns: columns, mayGoOn: mayGoOn)
    }

    /// The comparison of the table's rows.
    func comparison(_ cold: ColdTable) throws -> RowComparison {
        let reach = WarmReach(watermark: cold.watermark, lookback: options.lookback)
        return RowComparison(
            reader: reader, cold: cold, scan: scan(cold, Array(definition.columns.indices)), options: options, keeping: try reader.keeping(definition),
            source: { AuditSource(definition, in: $0, reach) }, range: options.range, isRevised: definition.column("revision") != nil)
    }

    private func compare(_ cold: ColdTable, _ result: inout AuditResult) throws {
        let comparison = try comparison(cold)
        let (rows, clock) = try comparison.run(checks: true, &result.files)
        result.rows = rows
        result.clock = clock
        judge(rows, comparison.keeping, &result)
        if result.isEmpty, result.mayBeEmpty, case let rows = try reader.count(comparison.source(options.range)), rows > 0 {
            result.reasons.append("ClickHouse has \(rows) rows, and told none of them before")
        }
        if !result.isEmpty, !result.mayBeEmpty, options.range != AuditOptions.everything {
            result.silentDays = rows.silentDays(in: options.range, reachesBack: cold.reachesBack, clock: clock)
        }
        if let interval = CandleInterval.allCases.first(where: { MarketTables.gold($0).coldName == definition.coldName }) {
            try CandleAudit(audit: self, cold: cold, interval: interval).run(&result)
        }
    }

    /// What keeps the rows from being vouched for.
    private func judge(_ rows: RowFindings, _ keeping: WarmKeeping, _ result: inout AuditResult) {
        let (pending, expired) = (rows.count(.pending), rows.count(.expired))
        if rows.warmRows == 0, rows.coldRows == 0 {
            if !result.mayBeEmpty { result.reasons.append(AuditResult.silentText) }
        } else if rows.warmRows == 0, rows.differences > 0 {
            result.differences.append("ClickHouse has no rows there")
        } else if rows.coldRows == 0, rows.count(.unread) == 0 {
            if rows.differences > 0 {
                result.differences.append("the lake has no rows there")
            } else {
                result.reasons.append("\(pending) rows are not offloaded yet: nothing to compare")
            }
        } else if pending > 0 {
            judgeLag(pending, &result)
        }
        if let file = result.files.first(where: { $0.kind == .unsupported }) {
            let count = Set(result.files.filter { $0.kind == .unsupported }.map(\.path)).count
            result.reasons.append("\(Amount.of(count, "file")) in a form that is not read here: \(file.path): \(file.text)")
        }
        if expired > 0 { result.reasons.append("\(expired) rows are older than ClickHouse keeps them (\(keeping.text))") }
    }

    private func judgeLag(_ pending: Int64, _ result: inout AuditResult) {
        guard let watermark = result.watermark, let clock = result.clock else {
            return result.reasons.append("\(pending) rows are not in the lake, and nothing tells how far it was offloaded")
        }
        let lag = clock.microseconds - watermark.microseconds
        if lag > options.maxLag { result.reasons.append("\(pending) rows wait, and the watermark \(watermark) is \(lag / 60_000_000) minutes behind") }
    }
}

extension WarmKeeping {
    var text: String {
        switch self {
        case .always: "for ever"
        case .days(let days): "\(days) days"
        case .unknown(let text): "TTL \(text)"
        }
    }
}
