import K2Rows

/// Asks the warm store, under names that its log shows, so that an answer is whole or an error.
final class WarmQueries {
    private let client: ClickHouseClient
    private let name: String
    private let compresses: Bool
    private var count = 0

    /// - Parameter name: begins the ids of the queries in the server's log; nobody else may have it.
    init(_ client: ClickHouseClient, name: String) {
        self.client = client
        self.name = name
        compresses = !client.isLocal
    }

    /// Large blocks, which cost less a row; one row of an identity also where several partitions hold it; and whatever the profile says,
    /// an answer is whole or an error.
    private static let settings = [
        ("preferred_block_size_bytes", "16000000"), ("do_not_merge_across_partitions_select_final", "0"), ("limit", "0"), ("offset", "0"),
        ("timeout_overflow_mode", "throw"), ("read_overflow_mode", "throw"), ("result_overflow_mode", "throw"), ("group_by_overflow_mode", "throw"),
        ("skip_unavailable_shards", "0"), ("fallback_to_stale_replicas_for_distributed_queries", "0"),
        // Lists of identities are long.
        ("max_query_size", "16777216"),
    ]

    private func nextID() -> String {
        count += 1
        return "\(name)-\(count)"
    }

    private func asking<R>(_ body: () throws(ClickHouseError) -> R) throws(WarmSourceError) -> R {
        do throws(ClickHouseError) { return try body() } catch { throw WarmSourceError(error) }
    }

    func text(_ sql: String) throws(WarmSourceError) -> String {
        try asking { () throws(ClickHouseError) in String(decoding: try client.query(sql, settings: Self.settings, id: nextID()), as: UTF8.self) }
    }

    /// The lines of an answer, `width` numbers each.
    func numbers<T: FixedWidthInteger>(_ sql: String, width: Int, as type: T.Type = Int64.self) throws(WarmSourceError) -> [[T]] {
        let text = try text(sql)
        let lines = text.split(separator: "\n").map { $0.split(separator: "\t").compactMap { T($0) } }
        guard lines.allSatisfy({ $0.count == width }) else { throw Self.unreadable(ServerException.oneLine(text.prefix(80))) }
        return lines
    }

    static func unreadable(_ what: String) -> WarmSourceError { WarmSourceError("\(what): expected numbers in the answer", isRetryable: true) }

    /// An answer as it comes. Until it is closed, nothing else may be asked.
    func stream(_ sql: String) throws(WarmSourceError) -> ClickHouseStream {
        try asking { () throws(ClickHouseError) in try client.stream(sql, settings: Self.settings, id: nextID(), compressed: compresses) }
    }
}

extension WarmSourceError {
    init(_ error: ClickHouseError) { self.init(error.description, isRetryable: error.fault == .temporary || error.fault == .aborted) }
}
