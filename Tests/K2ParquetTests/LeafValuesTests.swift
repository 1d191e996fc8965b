import K2Bytes
import Testing

@testable import K2Parquet

struct LeafValuesTests {
    private static let samples: [LeafValues] = [
        .boolean([true, false]), .int32([1, 2]), .int64([1, 2]), .float([1, 2]), .double([1, 2]), .byteArray(ByteColumn(["a", "bc"])),
        .fixed(width: 3, [1, 2, 3, 4, 5, 6]),
    ]

    /// Where the values lie.
    private static func address(_ values: LeafValues) -> UnsafeRawPointer? {
        switch values {
        case .boolean(let values): values.withUnsafeBytes { $0.baseAddress }
        case .int32(let values): values.withUnsafeBytes { $0.baseAddress }
        case .int64(let values): values.withUnsafeBytes { $0.baseAddress }
        case .float(let values): values.withUnsafeBytes { $0.baseAddress }
        case .double(let values): values.withUnsafeBytes { $0.baseAddress }
        case .byteArray(let values): values.offsets.withUnsafeBytes { $0.baseAddress }
        case .fixed(_, let values): values.withUnsafeBytes { $0.baseAddress }
        case .coded(let codes, _): codes.withUnsafeBytes { $0.baseAddress }
        }
    }

    /// Where there is room, pages are added without moving what is there: a chunk of many pages would be copied for each of them.
    @Test func appendingDoesNotCopyWhatIsThere() throws {
        let bytes = [UInt8](repeating: 0, count: 64)
        for sample in Self.samples {
            var values = sample.emptied
            values.reserve(1000)
            try values.append([0, 1], of: sample, budget: .max)
            let start = Self.address(values)
            try values.append([1, 1], of: sample, budget: .max)
            #expect(Self.address(values) == start, "codes of \(sample)")
            try values.append(sample)
            #expect(Self.address(values) == start, "values of \(sample)")
            try values.appendPlain(bytes.span, count: 2)
            #expect(Self.address(values) == start, "a plain page of \(sample)")
            #expect(values.count == 8 && values[0..<2] == sample && values[4..<6] == sample)
        }
        let dictionary = LeafDictionary(.int32([5, 6]))
        var some: [UInt32] = [0, 1]
        some.reserveCapacity(100)
        var codes = LeafValues.coded(some, of: dictionary)
        some = []
        let start = Self.address(codes)
        try codes.append(.coded([1], of: dictionary))
        #expect(Self.address(codes) == start && codes == .coded([0, 1, 1], of: dictionary))
    }

    @Test func codesBecomeValuesWhereTheyMeetOthers() throws {
        for sample in Self.samples {
            let dictionary = LeafDictionary(sample)
            var values = LeafValues.coded([1, 0], of: dictionary)
            #expect(try values.decoded() == sample[1..<2].appending(sample[0..<1]))
            try values.append(.coded([0], of: LeafDictionary(sample)))
            #expect(values == sample[1..<2].appending(sample[0..<1]).appending(sample[0..<1]))
            values = sample
            try values.append(.coded([1], of: dictionary))
            #expect(values == sample.appending(sample[1..<2]))
        }
        #expect(throws: ParquetError.self) {
            var values = LeafValues.int32([1])
            try values.append(.int64([1]))
        }
    }

    @Test func codesThatUnfoldTooFarAreErrors() throws {
        let long = LeafDictionary(.byteArray(ByteColumn([String(repeating: "x", count: 1000)])))
        let codes = LeafValues.coded([UInt32](repeating: 0, count: 1000), of: long)
        #expect(try codes.decoded(limit: 1_004_000).count == 1000)
        #expect { try codes.decoded(limit: 1_003_999) } throws: { ($0 as? ParquetError)?.code == .tooLarge }
        let wide = LeafValues.coded([0, 0, 0], of: LeafDictionary(.fixed(width: 100, [UInt8](repeating: 0, count: 100))))
        #expect { try wide.decoded(limit: 299) } throws: { ($0 as? ParquetError)?.code == .tooLarge }
        #expect(try wide.decoded(limit: 300).count == 3)
    }
}

extension LeafValues {
    fileprivate func appending(_ other: LeafValues) -> LeafValues {
        var values = self
        do { try values.append(other) } catch { Issue.record(error) }
        return values
    }
}
