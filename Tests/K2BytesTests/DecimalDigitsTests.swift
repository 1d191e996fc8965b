import K2Bytes
import K2TestSupport
import Testing

@Suite struct DecimalDigitsTests {
    private func printed(_ value: UInt64) -> String {
        var writer = ByteWriter()
        writer.append(decimal: value)
        return writer.bytes.text
    }

    private func printed(_ value: Int64) -> String {
        var writer = ByteWriter()
        writer.append(decimal: value)
        return writer.bytes.text
    }

    @Test func powersOfTenAndTheirNeighbours() {
        var power: UInt64 = 1
        for _ in 0..<20 {
            for value in [power - 1, power, power + 1] {
                #expect(printed(value) == String(value))
            }
            let (next, overflow) = power.multipliedReportingOverflow(by: 10)
            if overflow { break }
            power = next
        }
        #expect(printed(UInt64.max) == "18446744073709551615")
        #expect(printed(Int64.min) == "-9223372036854775808")
        #expect(printed(Int64.max) == "9223372036854775807")
        for bit in 0..<64 {
            #expect(printed(UInt64(1) << UInt64(bit)) == String(UInt64(1) << UInt64(bit)))
        }
    }

    @Test func randomNumbersOfEveryLength() {
        var random = Seeded.start()
        for _ in 0..<20_000 {
            let value = random.anyWidth()
            #expect(printed(value) == String(value))
            #expect(printed(Int64(bitPattern: value)) == String(Int64(bitPattern: value)))
        }
    }

    @Test func fixedWidthPadsWithZerosAndCutsHigherDigits() {
        var random = Seeded.start()
        for _ in 0..<5_000 {
            let value = random.anyWidth()
            let width = random.int(0...25)
            var writer = ByteWriter()
            writer.append(decimal: value, width: width)
            let whole = String(repeating: "0", count: 25) + String(value)
            #expect(writer.bytes.text == String(whole.suffix(width)))
        }
    }
}
