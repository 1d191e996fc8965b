import CPostgres
import K2SQL

/// Values in the binary form in which they travel: https://www.postgresql.org/docs/current/protocol-overview.html#PROTOCOL-FORMAT-CODES
///
/// Their types are named, so that the server need not guess; a null's it takes from its place.
struct PostgresParameters {
    /// Object ids of built-in types (pg_type.dat), which never change.
    enum TypeID {
        static let bool: Oid = 16, bytea: Oid = 17, name: Oid = 19, int8: Oid = 20, int2: Oid = 21, int4: Oid = 23, text: Oid = 25
        static let float4: Oid = 700, float8: Oid = 701, bpchar: Oid = 1042, varchar: Oid = 1043, timestamptz: Oid = 1184
    }

    /// Microseconds from 1970 to 2000, where PostgreSQL's times begin.
    static let epoch: Int64 = 946_684_800_000_000

    private var types: [Oid] = []
    private var lengths: [Int32] = []
    /// Where each value begins in `bytes`; nil for a null.
    private var starts: [Int?] = []
    private var bytes: [UInt8] = []

    init(_ values: [SQLValue]) throws(SQLError) {
        for value in values {
            starts.append(value == .null ? nil : bytes.count)
            let start = bytes.count
            types.append(try append(value))
            lengths.append(Int32(bytes.count - start))
        }
        // An empty value at the end needs an address, too.
        bytes.append(0)
    }

    private mutating func append(_ value: SQLValue) throws(SQLError) -> Oid {
        switch value {
        case .null: return 0
        case .integer(let number):
            append(bigEndian: UInt64(bitPattern: number))
            return TypeID.int8
        case .real(let number):
            append(bigEndian: number.bitPattern)
            return TypeID.float8
        case .text(let text):
            bytes += text.utf8
            return TypeID.text
        case .bytes(let data):
            bytes += data
            return TypeID.bytea
        case .time(let microseconds):
            let (time, overflow) = microseconds.subtractingReportingOverflow(Self.epoch)
            // The two outermost values are the infinities; before 4714 BC there is nothing, which the server says itself.
            guard !overflow, time != .min else { throw SQLError(.failed, "a time before all times: \(microseconds) µs since 1970") }
            append(bigEndian: UInt64(bitPattern: time))
            return TypeID.timestamptz
        }
    }

    private mutating func append(bigEndian value: UInt64) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    /// Hands the values to libpq, which reads them during the call only.
    func execute(_ sql: String, on connection: OpaquePointer) -> OpaquePointer? {
        bytes.withUnsafeBytes { data in
            let addresses = starts.map { start in start.map { data.baseAddress!.assumingMemoryBound(to: CChar.self) + $0 } }
            let formats = [Int32](repeating: 1, count: starts.count)
            return PQexecParams(connection, sql, Int32(starts.count), types, addresses, lengths, formats, 1)
        }
    }
}
