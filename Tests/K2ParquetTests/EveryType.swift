import K2Bytes
import K2Parquet

/// Batches that hold every type, required and optional, with edge values and nulls.
struct EveryType {
    var fields: [ParquetSchema.Field] = []
    var batch: [Column] = []
    let rowCount: Int
    private var random: SeededGenerator
    private var nextID: Int32 = 1
    private var isRequired = true
    private var nullPercent = 0

    init(rows: Int, seed: UInt64, nullPercent: Int = 20) {
        rowCount = rows
        random = SeededGenerator(seed: seed)
        for isRequired in [true, false] {
            self.isRequired = isRequired
            self.nullPercent = nullPercent
            addNumbers(isRequired ? "_required" : "_optional")
            addBytes(isRequired ? "_required" : "_optional")
            addList(isRequired ? "list_required" : "list_optional")
            addMap(isRequired ? "map_required" : "map_optional")
        }
        for precision in 1...38 { addDecimal(precision) }
        isRequired = false
        self.nullPercent = 100
        let texts = ByteColumn(repeatElement("", count: rows))
        add("nothing", .string, .bytes(texts))
        add("nothing_decimal", .decimal(precision: 38, scale: 12), .int128([Int128](repeating: 0, count: rows)))
        let element = ParquetSchema.Field("element", id: 900, .string, isRequired: true)
        let offsets = [UInt32](repeating: 0, count: rows + 1)
        add("nothing_list", .list(element: element), .list(offsets: offsets, elements: Column(.bytes(ByteColumn()))))
    }

    private mutating func addNumbers(_ suffix: String) {
        let bools: [Bool] = cells { $0.chance(50) }
        add("bool" + suffix, .boolean, .bool(bools))
        let small: [Int32] = cells { $0.pick([Int32.min, 0, .max]) ?? Int32(truncatingIfNeeded: $0.next()) }
        add("int32" + suffix, .int32, .int32(small))
        let large: [Int64] = cells { $0.pick([Int64.min, 0, .max]) ?? Int64(bitPattern: $0.next()) }
        add("int64" + suffix, .int64, .int64(large))
        let floats: [Float] = cells {
            $0.pick([-0.0, .infinity, .leastNonzeroMagnitude, -.greatestFiniteMagnitude]) ?? Float(Int64(bitPattern: $0.next())) / 1e9
        }
        add("float" + suffix, .float, .float(floats))
        let doubles: [Double] = cells {
            $0.pick([-0.0, -.infinity, .pi, .greatestFiniteMagnitude]) ?? Double(Int64(bitPattern: $0.next())) / 1e11
        }
        add("double" + suffix, .double, .double(doubles))
        // ClickHouse's dates reach from 1900 to 2299.
        let days: [Int32] = cells { $0.pick([-25_567, 0, 120_529]) ?? Int32.random(in: -9000...90_000, using: &$0) }
        add("date" + suffix, .date, .int32(days))
        // 0001-01-01, the epoch and the microsecond before it, and the last microsecond of 9999
        let times: [Int64] = cells {
            $0.pick([-62_135_596_800_000_000, -1, 0, 253_402_300_799_999_999]) ?? Int64.random(in: 0...1 << 51, using: &$0)
        }
        add("time" + suffix, .timestampTZMicros, .int64(times))
    }

    private mutating func addBytes(_ suffix: String) {
        let texts: [String] = cells { $0.text() }
        add("string" + suffix, .string, .bytes(ByteColumn(texts)))
        let codes: [UInt32] = cells { UInt32.random(in: 0..<4, using: &$0) }
        add("interned" + suffix, .string, .dictionary(codes: codes, values: ByteColumn(["BUY", "SELL", "", "größer"])))
        let lengths: [Int] = cells { Int.random(in: 0...20, using: &$0) }
        add("binary" + suffix, .binary, .bytes(randomBytes(lengths)))
        let ids: [UInt128] = cells { UInt128($0.next()) << 64 | UInt128($0.next()) }
        add("uuid" + suffix, .uuid, .uint128(ids))
        add("fixed" + suffix, .fixed(5), .bytes(randomBytes(lengths.map { _ in 5 })))
    }

    private mutating func randomBytes(_ lengths: [Int]) -> ByteColumn {
        var column = ByteColumn()
        for length in lengths {
            let bytes = (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            column.append(bytes.span)
        }
        return column
    }

    private mutating func addDecimal(_ precision: Int) {
        isRequired = precision % 2 == 0
        var largest: Int128 = 0
        for _ in 0..<precision { largest = largest * 10 + 9 }
        let values: [Int128] = cells { random in
            if let edge = random.pick([largest, -largest, 0, 1, -1]) { return edge }
            let wide = Int128(truncatingIfNeeded: random.next()) << 64 | Int128(random.next())
            return (wide % (largest + 1)) >> Int128(random.next() % 100)
        }
        add("decimal\(precision)", .decimal(precision: precision, scale: precision / 3), .int128(values))
    }

    var schema: ParquetSchema { ParquetSchema(fields) }

    private mutating func cells<T>(_ make: (inout SeededGenerator) -> T) -> [T] {
        var cells: [T] = []
        for _ in 0..<rowCount { cells.append(make(&random)) }
        return cells
    }

    private mutating func add(_ name: String, _ type: ParquetSchema.FieldType, _ values: ColumnValues) {
        fields.append(ParquetSchema.Field(name, id: nextID, type, isRequired: isRequired))
        nextID += 1
        batch.append(Column(values, validity: isRequired ? nil : validity(rowCount, nullPercent)))
    }

    private mutating func validity(_ count: Int, _ nullPercent: Int) -> [Bool] { (0..<count).map { _ in !random.chance(nullPercent) } }

    private mutating func lengths(_ validity: [Bool]?) -> [UInt32] {
        var offsets: [UInt32] = [0]
        for row in 0..<rowCount {
            let isEmpty = validity?[row] == false || random.chance(50)
            offsets.append((offsets.last ?? 0) + (isEmpty ? 0 : UInt32.random(in: 1...4, using: &random)))
        }
        return offsets
    }

    private mutating func addList(_ name: String) {
        let element = ParquetSchema.Field("element", id: nextID + 100, .string, isRequired: true)
        fields.append(ParquetSchema.Field(name, id: nextID, .list(element: element), isRequired: isRequired))
        nextID += 1
        let validity = isRequired ? nil : validity(rowCount, nullPercent)
        let offsets = lengths(validity)
        let texts = (0..<(offsets.last ?? 0)).map { _ in random.text() }
        batch.append(Column(.list(offsets: offsets, elements: Column(.bytes(ByteColumn(texts)))), validity: validity))
    }

    private mutating func addMap(_ name: String) {
        let key = ParquetSchema.Field("key", id: nextID + 200, .string, isRequired: true)
        let value = ParquetSchema.Field("value", id: nextID + 300, .string, isRequired: isRequired)
        fields.append(ParquetSchema.Field(name, id: nextID, .map(key: key, value: value), isRequired: isRequired))
        nextID += 1
        let validity = isRequired ? nil : validity(rowCount, nullPercent)
        let offsets = lengths(validity)
        let count = Int(offsets.last ?? 0)
        let keys = (0..<count).map { "k\($0)" }
        let texts = (0..<count).map { _ in random.text() }
        let values = Column(.bytes(ByteColumn(texts)), validity: isRequired ? nil : self.validity(count, nullPercent))
        batch.append(Column(.map(offsets: offsets, keys: Column(.bytes(ByteColumn(keys))), values: values), validity: validity))
    }
}

extension SeededGenerator {
    /// One of `edges` now and then, else nil.
    mutating func pick<T>(_ edges: [T]) -> T? { chance(20) ? edges.randomElement(using: &self) : nil }

    /// Text of 0 to 24 characters, some of them not ASCII.
    mutating func text() -> String {
        if chance(10) { return "" }
        let letters = Array("abcABC-0123/é€😀")
        return String((0..<Int.random(in: 1...24, using: &self)).map { _ in letters.randomElement(using: &self) ?? "a" })
    }
}
