import CSQLite

/// One compiled statement: bind values from index 1, step through rows, read columns from index 0.
public struct SQLiteStatement: ~Copyable {
    let handle: OpaquePointer
    let connection: OpaquePointer
    let path: String
    let verb: String

    deinit { sqlite3_finalize(handle) }

    private func check(_ status: Int32) throws(SQLiteError) {
        guard status == SQLITE_OK else { throw .from(code: status, handle: connection, path: path, doing: verb) }
    }

    // SQLite copies what is bound: SQLITE_TRANSIENT, https://www.sqlite.org/c3ref/bind_blob.html
    private static var transient: sqlite3_destructor_type { unsafeBitCast(-1, to: sqlite3_destructor_type.self) }

    public borrowing func bind(_ value: Int64, at index: Int) throws(SQLiteError) {
        try check(sqlite3_bind_int64(handle, Int32(index), value))
    }

    public borrowing func bind(_ value: Int64?, at index: Int) throws(SQLiteError) {
        if let value { try bind(value, at: index) } else { try bindNull(at: index) }
    }

    public borrowing func bind(_ value: Double, at index: Int) throws(SQLiteError) {
        try check(sqlite3_bind_double(handle, Int32(index), value))
    }

    public borrowing func bind(_ value: String, at index: Int) throws(SQLiteError) {
        var copy = value
        let status = copy.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { text in
                // A nil pointer would bind NULL, and an empty string may have no storage.
                text.isEmpty
                    ? sqlite3_bind_text64(handle, Int32(index), "", 0, Self.transient, UInt8(SQLITE_UTF8))
                    : sqlite3_bind_text64(handle, Int32(index), text.baseAddress, UInt64(text.count), Self.transient, UInt8(SQLITE_UTF8))
            }
        }
        try check(status)
    }

    public borrowing func bind(_ value: String?, at index: Int) throws(SQLiteError) {
        if let value { try bind(value, at: index) } else { try bindNull(at: index) }
    }

    public borrowing func bind(_ value: [UInt8], at index: Int) throws(SQLiteError) {
        let status =
            value.isEmpty
            ? sqlite3_bind_zeroblob(handle, Int32(index), 0)
            : value.withUnsafeBytes { sqlite3_bind_blob64(handle, Int32(index), $0.baseAddress, UInt64($0.count), Self.transient) }
        try check(status)
    }

    public borrowing func bindNull(at index: Int) throws(SQLiteError) {
        try check(sqlite3_bind_null(handle, Int32(index)))
    }

    /// Moves to the next row; false when there is none.
    public borrowing func step() throws(SQLiteError) -> Bool {
        let status = sqlite3_step(handle)
        if status == SQLITE_ROW { return true }
        if status == SQLITE_DONE { return false }
        throw .from(code: status, handle: connection, path: path, doing: verb)
    }

    /// Runs to the end, then makes the statement ready for new values.
    public borrowing func runOnce() throws(SQLiteError) {
        defer { reset() }
        while try step() {}
    }

    /// Makes the statement ready to run again and forgets its values.
    public borrowing func reset() {
        sqlite3_reset(handle)
        sqlite3_clear_bindings(handle)
    }

    public borrowing func isNull(_ column: Int) -> Bool { sqlite3_column_type(handle, Int32(column)) == SQLITE_NULL }
    public borrowing func int64(_ column: Int) -> Int64 { sqlite3_column_int64(handle, Int32(column)) }
    public borrowing func optionalInt64(_ column: Int) -> Int64? { isNull(column) ? nil : int64(column) }

    public borrowing func real(_ column: Int) -> Double { sqlite3_column_double(handle, Int32(column)) }

    /// The column's text; bytes that are not UTF-8 become replacement characters, NULL becomes "".
    public borrowing func text(_ column: Int) -> String { optionalText(column) ?? "" }

    public borrowing func optionalText(_ column: Int) -> String? {
        guard let start = sqlite3_column_text(handle, Int32(column)) else { return nil }
        let count = Int(sqlite3_column_bytes(handle, Int32(column)))
        return String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    }

    public borrowing func blob(_ column: Int) -> [UInt8] {
        guard let start = sqlite3_column_blob(handle, Int32(column)) else { return [] }
        return Array(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, Int32(column)))))
    }
}

@available(*, unavailable)
extension SQLiteStatement: Sendable {}
