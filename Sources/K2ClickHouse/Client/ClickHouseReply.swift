import K2HTTP

/// Finds out what an HTTP answer of a ClickHouse server means.
enum ClickHouseReply {
    /// The error in an answer, or nil when it is a result.
    static func exception(_ response: HTTPResponse) -> (exception: ServerException?, fault: ClickHouseError.Fault, text: String)? {
        if response.status == 200, response.header("X-ClickHouse-Exception-Code") == nil {
            // A page of something else is no receipt for rows.
            if !response.headers.contains(where: { $0.name.lowercased().hasPrefix("x-clickhouse-") }) {
                return (nil, .permanent, "HTTP 200, not an answer of ClickHouse")
            }
            return exceptionInside(response.body[...], tag: response.header("X-ClickHouse-Exception-Tag")).map { ($0, $0.fault, $0.message) }
        }
        let text = String(decoding: response.body.prefix(1 << 14), as: UTF8.self)
        if let exception = ServerException(text) { return (exception, exception.fault, exception.message) }
        if let code = response.header("X-ClickHouse-Exception-Code").flatMap({ Int($0) }), var exception = ServerException("Code: \(code).") {
            exception.message = "without a message"
            return (exception, exception.fault, exception.message)
        }
        return (nil, foreign(response.status), "HTTP \(response.status), not an answer of ClickHouse")
    }

    /// What something between us and the server says.
    private static func foreign(_ status: Int) -> ClickHouseError.Fault {
        status >= 500 || status == 429 || status == 408 ? .temporary : .permanent
    }

    /// A server that fails after it has begun to answer puts the error behind the rows: since version 25.11 in a block with a
    /// tag that the header announced, before that as plain text.
    static func exceptionInside(_ body: ArraySlice<UInt8>, tag: String?) -> ServerException? {
        let tail = String(decoding: body.suffix(1 << 15), as: UTF8.self)
        if let tag {
            guard let start = tail.firstRange(of: "__exception__\r\n\(tag)\r\n") else { return nil }
            return ServerException(String(tail[start.upperBound...]))
        }
        guard let start = tail.ranges(of: "Code: ").last?.lowerBound, tail[start...].contains("DB::Exception: "),
            let end = tail.lastIndex(where: { !$0.isWhitespace }), tail[end] == ")", tail[start...].contains("(version ")
        else { return nil }
        return ServerException(String(tail[start...]))
    }
}
