import CPostgres
import K2SQL

/// What the server answered to one statement.
struct PostgresResult: ~Copyable {
    private typealias TypeID = PostgresParameters.TypeID
    private let handle: OpaquePointer

    init(_ handle: OpaquePointer) { self.handle = handle }

    deinit { PQclear(handle) }

    var isSuccess: Bool { [PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY].contains(PQresultStatus(handle)) }

    /// `COMMIT`, `INSERT 0 1` …
    var tag: String { PQcmdStatus(handle).map { String(cString: $0) } ?? "" }
    var changes: Int { PQcmdTuples(handle).flatMap { Int(String(cString: $0)) } ?? 0 }

    /// Why it failed: the fields 'C' and 'M' of the error, https://www.postgresql.org/docs/current/protocol-error-fields.html
    var failure: PostgresMessage {
        func field(_ letter: Unicode.Scalar) -> String? {
            PQresultErrorField(handle, Int32(letter.value)).map { String(cString: $0) }
        }
        let all = PQresultErrorMessage(handle).map { String(cString: $0) } ?? ""
        return PostgresMessage(state: field("C"), text: field("M") ?? all)
    }

    func rows() throws(SQLError) -> SQLRows {
        let width = Int(PQnfields(handle))
        var values: [SQLValue] = []
        values.reserveCapacity(width * Int(PQntuples(handle)))
        for row in 0..<PQntuples(handle) {
            for column in 0..<Int32(width) { values.append(try value(row, column)) }
        }
        return SQLRows(width: width, values: values)
    }

    private func value(_ row: Int32, _ column: Int32) throws(SQLError) -> SQLValue {
        if PQgetisnull(handle, row, column) == 1 { return .null }
        let bytes = UnsafeRawBufferPointer(start: PQgetvalue(handle, row, column), count: Int(PQgetlength(handle, row, column)))
        switch PQftype(handle, column) {
        case TypeID.bytea: return .bytes(Array(bytes))
        case TypeID.text, TypeID.varchar, TypeID.bpchar, TypeID.name: return .text(String(decoding: bytes, as: UTF8.self))
        case TypeID.int8, TypeID.int4, TypeID.int2: return .integer(Self.signed(bytes))
        case TypeID.bool: return .integer(bytes.first == 0 ? 0 : 1)
        case TypeID.float8: return .real(Double(bitPattern: UInt64(bitPattern: Self.signed(bytes))))
        case TypeID.float4: return .real(Double(Float(bitPattern: UInt32(truncatingIfNeeded: Self.signed(bytes)))))
        case TypeID.timestamptz: return .time(try Self.time(bytes))
        case let type: throw SQLError(.failed, "column \(column + 1): type \(type) is not read here")
        }
    }

    /// A big-endian integer of 2, 4 or 8 bytes.
    private static func signed(_ bytes: UnsafeRawBufferPointer) -> Int64 {
        var value: Int64 = bytes.first.map { $0 & 0x80 != 0 } == true ? -1 : 0
        for byte in bytes { value = value << 8 | Int64(byte) }
        return value
    }

    private static func time(_ bytes: UnsafeRawBufferPointer) throws(SQLError) -> Int64 {
        let (value, overflow) = signed(bytes).addingReportingOverflow(PostgresParameters.epoch)
        guard !overflow else { throw SQLError(.failed, "a time after all times (infinity)") }
        return value
    }
}
