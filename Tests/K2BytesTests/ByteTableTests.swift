import K2Bytes
import K2TestSupport
import Testing

extension ByteTable {
    fileprivate func find(_ key: [UInt8]) -> Int? { find(key.span) }
    fileprivate mutating func insert(_ key: [UInt8]) -> Int { insert(key.span) }
}

@Suite struct ByteTableTests {
    @Test func agreesWithADictionary() {
        var random = Seeded.start()
        for round in 0..<20 {
            var table = ByteTable()
            var oracle: [[UInt8]: Int] = [:]
            // Short keys over two letters repeat often, also with bytes that are zero.
            let letters: [UInt8] = round % 2 == 0 ? [0, 1] : Array("ABCDEFGHIJ".utf8)
            for _ in 0..<3_000 {
                let key = (0..<random.int(0...20)).map { _ in random.pick(letters) }
                #expect(table.find(key) == oracle[key])
                let index = table.insert(key)
                if let known = oracle[key] {
                    #expect(index == known)
                } else {
                    #expect(index == oracle.count)
                    oracle[key] = index
                }
            }
            #expect(table.count == oracle.count)
            for (key, index) in oracle {
                #expect(table.find(key) == index)
                #expect(table.key(index) == key)
            }
        }
    }

    @Test func manyAtOnceAreNumberedAsOneByOne() {
        var random = Seeded.start()
        var (table, single) = (ByteTable(), ByteTable())
        for _ in 0..<50 {
            var keys = ByteColumn()
            var expected: [UInt32] = []
            for _ in 0..<random.int(0...400) {
                let key = Array("\(random.int(0...4_000))".utf8)
                keys.append(key.span)
                expected.append(UInt32(single.insert(key)))
            }
            var numbers: [UInt32] = [7]
            table.insert(keys, numbers: &numbers)
            #expect(numbers == [7] + expected, "seed \(random.seed)")
        }
        #expect(table.count == single.count && table.pool == single.pool)
    }

    @Test func forgetsAllWhenCleared() {
        var table = ByteTable()
        for index in 0..<500 { _ = table.insert(Array("key\(index)".utf8)) }
        table.removeAll()
        #expect(table.count == 0)
        for index in 0..<500 {
            let key = Array("key\(index)".utf8)
            #expect(table.find(key) == nil)
        }
        let again = table.insert(Array("again".utf8))
        #expect(again == 0)
    }

    @Test func copiesAreIndependent() {
        var first = ByteTable()
        _ = first.insert(Array("a".utf8))
        var second = first
        _ = second.insert(Array("b".utf8))
        #expect(first.find(Array("b".utf8)) == nil)
        #expect(second.count == 2)
    }
}
