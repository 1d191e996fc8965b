import K2HTTP
import Testing

@testable import K2ClickHouse

@Suite struct ServerExceptionTests {
    @Test func readsCodeAndMessage() throws {
        let text = "Code: 60. DB::Exception: Table k2.x does not exist.\nMaybe you meant y? (UNKNOWN_TABLE) (version 24.3.5.46 (official build))\n"
        let exception = try #require(ServerException(text))
        #expect(exception.code == 60)
        #expect(exception.message == "Table k2.x does not exist. Maybe you meant y? (UNKNOWN_TABLE)")
        #expect(exception.fault == .permanent)
        #expect(ServerException("Ok.\n") == nil && ServerException("Code: x. DB::Exception") == nil)
        let long = try #require(ServerException("Code: 27. DB::Exception: " + String(repeating: "é", count: 5_000)))
        #expect(long.message.count == ServerException.maxMessageLength + 1)
    }

    @Test(arguments: [
        (252, ClickHouseError.Fault.temporary), (241, .temporary), (159, .temporary), (999, .temporary), (242, .temporary), (60, .permanent),
        (516, .permanent), (53, .permanent), (81, .permanent), (469, .rows), (131, .rows), (27, .rows), (123_456, .temporary),
    ])
    func meaning(_ code: Int, _ fault: ClickHouseError.Fault) throws {
        #expect(try #require(ServerException("Code: \(code). DB::Exception: x")).fault == fault)
    }

    private func reply(_ status: Int, _ body: String, _ headers: [(name: String, value: String)] = []) -> (code: Int?, fault: ClickHouseError.Fault)? {
        let all = headers + [(name: "x-clickhouse-query-id", value: "7")]
        return ClickHouseReply.exception(HTTPResponse(status: status, headers: all, body: Array(body.utf8))).map { ($0.exception?.code, $0.fault) }
    }

    @Test func answersAreUnderstood() throws {
        #expect(reply(200, "") == nil)
        #expect(reply(200, "1\tCode: 60. DB::Exception: quoted\n") == nil, "rows may speak of errors")
        #expect(try #require(reply(404, "Code: 60. DB::Exception: no\n")) == (60, .permanent))
        #expect(try #require(reply(500, "", [("X-ClickHouse-Exception-Code", "241")])) == (241, .temporary))
        #expect(try #require(reply(200, "", [("X-ClickHouse-Exception-Code", "241")])) == (241, .temporary))
        #expect(try #require(reply(502, "<html>")).fault == .temporary)
        #expect(try #require(reply(429, "")).fault == .temporary)
        #expect(try #require(reply(401, "no")).fault == .permanent)
        #expect(try #require(reply(302, "")).fault == .permanent)
    }

    @Test func aPageOfSomethingElseIsNoResult() throws {
        let page = HTTPResponse(status: 200, headers: [(name: "Content-Type", value: "text/html")], body: Array("<html>".utf8))
        #expect(try #require(ClickHouseReply.exception(page)).fault == .permanent)
    }

    @Test func anErrorBehindRowsIsFound() throws {
        let rows = String(repeating: "1\t2\n", count: 20_000)
        let error = "Code: 395. DB::Exception: Value passed to 'throwIf' function is non-zero. (FUNCTION_THROW_IF_VALUE_IS_NON_ZERO) (version 24.3.5.46 (official build))\n"
        #expect(try #require(reply(200, rows + error)).code == 395)
        let tagged = rows + "\r\n__exception__\r\nabcdefghijklmnop\r\n" + error + "150 abcdefghijklmnop\r\n__exception__\r\n"
        #expect(try #require(reply(200, tagged, [("X-ClickHouse-Exception-Tag", "abcdefghijklmnop")])).code == 395)
        #expect(reply(200, rows, [("X-ClickHouse-Exception-Tag", "abcdefghijklmnop")]) == nil)
    }
}
