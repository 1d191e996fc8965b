@testable import K2Iceberg
import Testing

struct TransformTests {
    @Test(arguments: ["identity", "year", "month", "day", "hour", "void", "bucket[16]", "truncate[4]", "bucket[0]", "zorder(a)"])
    func `names come back`(_ name: String) { #expect(Transform(name).description == name) }

    @Test func `what cannot be applied is refused`() {
        #expect(throws: IcebergError.self) { try Transform("bucket[0]").apply(.long(1)) }
        #expect(throws: IcebergError.self) { try Transform.day.apply(.long(1)) }
        #expect(throws: IcebergError.self) { try Transform.bucket(4).apply(.double(1)) }
        #expect(Transform.hour.resultType(.date) == nil && Transform.bucket(3).resultType(.float) == nil)
        #expect(Transform.day.resultType(.timestamptz) == .date && Transform.month.resultType(.date) == .int)
    }

    @Test(arguments: [
        (Int64(0), 0, 0, Int32(0), 0), (-1, -1, -1, -1, -1), (1_512_151_975_038_194, 47, 575, 17501, 420_042), (-62_135_596_800_000_000, -1969, -23628, -719_162, -17_259_888),
        (253_402_300_799_999_999, 8029, 96359, 2_932_896, 70_389_527), (951_782_400_000_000, 30, 361, 11016, 264_384),
    ] as [(Int64, Int32, Int32, Int32, Int32)])
    func `times are rounded down, also before 1970`(_ micros: Int64, _ year: Int32, _ month: Int32, _ day: Int32, _ hour: Int32) throws {
        #expect(try Transform.year.apply(.timestamp(micros)) == .int(year))
        #expect(try Transform.month.apply(.timestamp(micros)) == .int(month))
        #expect(try Transform.day.apply(.timestamp(micros)) == .date(day))
        #expect(try Transform.hour.apply(.timestamp(micros)) == .int(hour))
        #expect(try Transform.month.apply(.date(day)) == .int(month))
    }

    @Test func `extreme values do not trap`() throws {
        for value in [Int64.min, .max] {
            for transform in [Transform.year, .month, .day, .hour] { _ = try transform.apply(.timestamp(value)) }
            #expect(try Transform.truncate(10).apply(.long(value)) != nil)
        }
        for value in [Int32.min, .max] { for transform in [Transform.year, .month, .day] { _ = try transform.apply(.date(value)) } }
        #expect(try Transform.truncate(10).apply(.int(.min)) == .int(2_147_483_646))
    }

    /// Appendix B of the specification.
    @Test(arguments: [
        (Datum.int(34), Int32(2_017_239_379)), (.long(34), 2_017_239_379), (.decimal(1420), -500_754_589), (.date(17486), -653_330_422),
        (.time(81_068_000_000), -662_762_989), (.timestamp(1_510_871_468_000_000), -2_047_944_441), (.string("iceberg"), 1_210_000_089),
        (.uuid(hexBytes("f79c3e09677c4bbda4793f349cb785e7")), 1_488_055_340), (.fixed([0, 1, 2, 3]), -188_683_207), (.binary([0, 1, 2, 3]), -188_683_207),
    ])
    func `hashes are those of the specification`(_ value: Datum, _ hash: Int32) {
        #expect(Murmur3.hash(value) == UInt32(bitPattern: hash))
    }

    @Test func `truncation rounds down and cuts`() throws {
        #expect(try Transform.truncate(10).apply(.int(-1)) == .int(-10) && Transform.truncate(10).apply(.long(19)) == .long(10))
        #expect(try Transform.truncate(50).apply(.decimal(1065)) == .decimal(1050) && Transform.truncate(50).apply(.decimal(-1)) == .decimal(-50))
        #expect(try Transform.truncate(3).apply(.string("é😀ab")) == .string("é😀a") && Transform.truncate(3).apply(.binary([1, 2, 3, 4])) == .binary([1, 2, 3]))
        #expect(try Transform.void.apply(.int(1)) == nil && Transform.day.apply(nil) == nil)
    }

    @Test func `a spec that cannot partition its table is refused`() throws {
        let schema = try Fixtures.everyTypeSchema()
        try Fixtures.daySpec().validate(for: schema)
        func refused(_ field: PartitionField) -> String? {
            #expect(throws: IcebergError.self) { try PartitionSpec(fields: [field]).validate(for: schema) }?.message
        }
        #expect(refused(PartitionField(sourceID: 14, fieldID: 1000, name: "x", transform: .identity)) == "partition spec 0: field \"x\": source 14 is no primitive column")
        #expect(refused(PartitionField(sourceID: 3, fieldID: 1000, name: "x", transform: .day)) == "partition spec 0: field \"x\": day cannot be applied to string")
        #expect(refused(PartitionField(sourceID: 2, fieldID: 1000, name: "ts", transform: .day)) == "partition spec 0: field \"ts\": a column has that name")
        #expect(refused(PartitionField(sourceID: 2, fieldID: 9, name: "d", transform: .day)) == "partition spec 0: field \"d\": id 9 is below 1000")
    }
}
