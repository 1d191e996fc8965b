import ArgumentParser
import K2CLI
import K2ClickHouse
import K2HTTP

/// Where ClickHouse is; the same flags for all verbs that talk to it.
public struct ClickHouseOptions: ParsableArguments {
    @Option(
        name: .customLong("clickhouse-url"),
        help: ArgumentHelp("ClickHouse, without a password; else K2_CLICKHOUSE_URL, else http://127.0.0.1:8123.", valueName: "url"))
    public var url: String?

    public init() {}

    /// Who is asked, with the secrets that the environment names.
    public func address() throws(ToolFailure) -> ClickHouseAddress {
        let (text, origin) = url.map { ($0, "--clickhouse-url") } ?? (InputFile.environment("K2_CLICKHOUSE_URL") ?? "http://127.0.0.1:8123", "K2_CLICKHOUSE_URL")
        var address: ClickHouseAddress
        do throws(ClickHouseAddress.Malformed) { address = try ClickHouseAddress(text) } catch { throw ToolFailure(.usage, "\(origin): \(error)") }
        if url != nil, address.password != nil {
            throw ToolFailure(
                .usage, "--clickhouse-url: a password on a command line can be seen by everybody",
                hint: "K2_CLICKHOUSE_URL, K2_CLICKHOUSE_PASSWORD or K2_CLICKHOUSE_PASSWORD_FILE")
        }
        address.user = InputFile.environment("K2_CLICKHOUSE_USER") ?? address.user
        address.password = try password() ?? address.password
        return address
    }

    private func password() throws(ToolFailure) -> String? {
        if let password = InputFile.environment("K2_CLICKHOUSE_PASSWORD") { return password }
        guard let path = InputFile.environment("K2_CLICKHOUSE_PASSWORD_FILE") else { return nil }
        let bytes = try InputFile.read(path, what: "password file", limit: 4096)
        return String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
    }

    /// - Parameters:
    ///   - tool: tells the server who asks.
    ///   - timeout: of one request, ms.
    public static func http(_ tool: String, timeout: Int, abort: AbortFlag? = nil) -> HTTPOptions {
        var options = HTTPOptions()
        options.userAgent = "\(tool)/\(ToolMain.version)"
        options.totalTimeout = timeout
        // A server that merges or waits for a quorum sends nothing meanwhile; the time limit is what ends it.
        options.lowSpeedBytes = 0
        options.abort = abort
        return options
    }
}

extension ToolFailure {
    /// What a query's error means for the tool.
    public init(_ error: ClickHouseError) {
        let hint = error.code == 60 || error.code == 81 ? "k2-load init makes the tables" : nil
        self.init(error.fault == .permanent || error.fault == .rows ? .unavailable : .temporary, error.description, hint: hint)
    }
}
