import K2Iceberg
import K2ObjectStore
import Testing

@testable import K2Maintenance

struct ObjectReadsTests {
    @Test(arguments: [1, 2, 8, 100]) func `values come in the order that was asked for, each with its own error`(_ width: Int) throws {
        let store = MemoryStore()
        for number in 0..<500 where number % 7 != 0 { try store.put([UInt8(truncatingIfNeeded: number)], to: "m/\(number)") }
        var seen = 0
        try ObjectReads(store: store, width: width).each((0..<500).map { "m/\($0)" }, { (bytes, location) throws(IcebergError) -> Int in
            if bytes[0] % 5 == 0 { throw IcebergError(.malformed, location) }
            return Int(bytes[0])
        }, take: { location, result in
            #expect(location == "m/\(seen)")
            let byte = seen % 256
            switch result {
            case .success(let value): #expect(value == byte && seen % 7 != 0)
            case .failure(let error): #expect(error.code == (seen % 7 == 0 ? .missingFile : .malformed))
            }
            seen += 1
        })
        #expect(seen == 500)
    }

    @Test func `an error of the one who takes ends it`() throws {
        struct Enough: Error {}
        let store = MemoryStore()
        try store.put([], to: "x")
        var count = 0
        #expect(throws: Enough.self) {
            try ObjectReads(store: store).each(Array(repeating: "x", count: 1_000), { (_, _) throws(IcebergError) in 1 }, take: { _, _ in
                count += 1
                if count == 70 { throw Enough() }
            })
        }
        #expect(count == 70 && store.log.filter { $0 == "get x" }.count < 200, "no more is read than was begun")
    }
}
