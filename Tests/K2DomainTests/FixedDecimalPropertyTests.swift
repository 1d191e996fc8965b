import K2Domain
import K2TestSupport
import Testing

/// `FixedDecimal` against schoolbook arithmetic on digit arrays.
@Suite struct FixedDecimalPropertyTests {
    /// Plain text of at most 38 digits; short ones, long ones, and many zeros at both ends.
    private func text(_ random: inout Seeded) -> String {
        let scale = random.once(in: 3) ? 0 : random.int(1...(random.once(in: 4) ? 38 : 12))
        let wholeDigits = max(0, min(random.once(in: 4) ? 38 : 9, 38 - scale))
        let whole = wholeDigits == 0 || random.once(in: 4) ? "0" : "\(random.int(1...9))" + random.digits(random.int(0...(wholeDigits - 1)))
        var fraction = random.digits(scale)
        if random.once(in: 3) { fraction = String(fraction.prefix(random.int(0...scale))).padding(scale) }
        if random.once(in: 5) { fraction = String(repeating: "0", count: scale) }
        return (random.once(in: 3) ? "-" : "") + whole + (scale > 0 ? "." + fraction : "")
    }

    private func value(_ text: String) throws -> FixedDecimal { try #require(FixedDecimal(text), "\(text)") }

    /// What the oracle says may be held: at most 38 digits and 38 decimals.
    private func fits(_ exact: BigDecimal) -> Bool { exact.digits.count <= 38 && exact.scale <= 38 }

    @Test func printsWhatItRead() throws {
        var random = Seeded.start()
        for _ in 0..<20_000 {
            let text = text(&random)
            let printed = try value(text).description
            #expect(printed == BigDecimal(text).text)
        }
    }

    @Test func anyRunOfDigitsIsReadExactlyOrRefused() {
        var random = Seeded.start()
        for _ in 0..<20_000 {
            let scale = random.int(0...45)
            let text = random.digits(random.int(1...45)) + (scale > 0 ? "." + random.digits(scale) : "")
            let exact = BigDecimal(text)
            if let value = FixedDecimal(text) {
                #expect(BigDecimal(value.description).trimmed == exact.trimmed, "\(text)")
            } else {
                #expect(!fits(exact), "\(text)")
            }
        }
    }

    @Test func exponentsMoveThePoint() throws {
        var random = Seeded.start()
        for _ in 0..<20_000 {
            let mantissa = text(&random)
            let exponent = random.int(-80...80)
            let exact = BigDecimal(mantissa)
            let moved = BigDecimal(
                digits: Array(repeating: 0, count: max(0, exponent - exact.scale)) + exact.digits,
                scale: max(0, exact.scale - exponent), isNegative: exact.isNegative)
            if let value = FixedDecimal("\(mantissa)e\(exponent)") {
                #expect(BigDecimal(value.description).trimmed == moved.trimmed, "\(mantissa)e\(exponent)")
            } else {
                #expect(!fits(moved.trimmed), "\(mantissa)e\(exponent)")
            }
        }
    }

    @Test func comparesByValue() throws {
        var random = Seeded.start()
        for _ in 0..<20_000 {
            let a = text(&random)
            // Often nearly equal: the same text with another scale or another last digit.
            let b = random.once(in: 2) ? text(&random) : near(a, &random)
            guard let x = FixedDecimal(a), let y = FixedDecimal(b) else { continue }
            let order = BigDecimal.compare(BigDecimal(a), BigDecimal(b))
            #expect((x < y) == (order < 0), "\(a) < \(b)")
            #expect((y < x) == (order > 0), "\(b) < \(a)")
            #expect((x == y) == (order == 0), "\(a) == \(b)")
            if order == 0 { #expect(x.hashValue == y.hashValue, "\(a) \(b)") }
        }
    }

    private func near(_ text: String, _ random: inout Seeded) -> String {
        switch random.int(0...2) {
        case 0: return text.contains(".") ? text + "0" : text + ".0"
        case 1: return String(text.dropLast()) + random.digits(1)
        default: return text.hasPrefix("-") ? String(text.dropFirst()) : "-" + text
        }
    }

    @Test func multipliesExactlyOrNotAtAll() throws {
        var random = Seeded.start()
        for _ in 0..<20_000 {
            let a = text(&random), b = text(&random)
            let exact = BigDecimal(a) * BigDecimal(b)
            if let product = try value(a).multiplied(by: value(b)) {
                #expect(BigDecimal(product.description).trimmed == exact.trimmed, "\(a) × \(b)")
            } else {
                #expect(!fits(exact.trimmed), "\(a) × \(b)")
            }
        }
    }

    @Test func addsExactlyOrNotAtAll() throws {
        var random = Seeded.start()
        for _ in 0..<20_000 {
            let a = text(&random), b = text(&random)
            let exact = BigDecimal(a) + BigDecimal(b)
            if let sum = try value(a).adding(value(b)) {
                #expect(sum.description == exact.text, "\(a) + \(b)")
            } else {
                // Its scale is the larger of both: an operand that has to grow may already not fit.
                let scale = max(BigDecimal(a).scale, BigDecimal(b).scale)
                let parts = [BigDecimal(a).scaled(to: scale), BigDecimal(b).scaled(to: scale), exact]
                #expect(parts.contains { $0.digits.count > 38 }, "\(a) + \(b)")
            }
        }
    }

    @Test func rescalesExactlyOrNotAtAll() throws {
        var random = Seeded.start()
        for _ in 0..<20_000 {
            let text = text(&random)
            let scale = random.int(0...38)
            let exact = BigDecimal(text)
            if let rescaled = try value(text).rescaled(to: UInt8(scale)) {
                #expect(Int(rescaled.scale) == scale)
                #expect(BigDecimal(rescaled.description).trimmed == exact.trimmed, "\(text) to \(scale)")
            } else {
                let needed = exact.trimmed
                #expect(needed.scale > scale || needed.scaled(to: scale).digits.count > 38, "\(text) to \(scale)")
            }
        }
    }
}

extension String {
    fileprivate func padding(_ count: Int) -> String { self + String(repeating: "0", count: max(0, count - self.count)) }
}
