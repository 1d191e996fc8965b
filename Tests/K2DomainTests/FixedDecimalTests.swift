import K2Bytes
import K2Domain
import Testing

/// The error that reading `text` gives; nil when it is read.
private func refusal(_ text: String) -> DecimalError? {
    let bytes = Array(text.utf8)
    do throws(DecimalError) {
        _ = try FixedDecimal(bytes.span)
        return nil
    } catch { return error }
}

private func isPlain(_ text: String) throws -> Bool {
    let bytes = Array(text.utf8)
    var plain = false
    _ = try FixedDecimal.parse(bytes.span, isPlain: &plain)
    return plain
}

private let nines = String(repeating: "9", count: 38)

@Suite struct FixedDecimalTests {
    @Test(arguments: [
        ("0", 0, 0), ("0.00044780", 44780, 8), ("-1.50", -150, 2), ("83744.3", 837443, 1), ("100", 100, 0),
        ("007.10", 710, 2), ("0.0", 0, 1), ("999999999999999999", 999_999_999_999_999_999, 0),
        ("1234567890123456789", 1_234_567_890_123_456_789, 0), ("0.000000000000000001", 1, 18),
    ] as [(String, Int128, UInt8)])
    func readsPlainNotation(text: String, mantissa: Int128, scale: UInt8) throws {
        let value = try #require(FixedDecimal(text))
        #expect(value.mantissa == mantissa)
        #expect(value.scale == scale)
    }

    @Test(arguments: [
        ("1e-08", "0.00000001"), ("1E+3", "1000"), ("1.50e1", "15.0"), ("1.5e0", "1.5"), ("-2.5e-1", "-0.25"),
        ("12e2", "1200"), ("0e400", "0"), ("0e-2", "0.00"), ("1e37", "1" + String(repeating: "0", count: 37)),
        ("1e-38", "0." + String(repeating: "0", count: 37) + "1"), ("10e-39", "0." + String(repeating: "0", count: 37) + "1"),
        ("0.000e-400", "0." + String(repeating: "0", count: 38)),
    ])
    func readsExponents(text: String, printed: String) throws {
        #expect(try #require(FixedDecimal(text)).description == printed)
    }

    @Test(arguments: [
        ("", 0), ("-", 1), (".", 0), ("1.", 2), (".5", 0), ("-.5", 1), ("+1", 0), ("0x1", 1), ("NaN", 0), ("Infinity", 0),
        ("-Infinity", 1), ("1e", 2), ("1e+", 3), ("1e1.5", 3), ("1.2.3", 3), ("--1", 1), (" 1", 0), ("1 ", 1), ("1 2", 1),
        ("1,5", 1), ("1_000", 1), ("١", 0), ("1\u{0}", 1), ("e5", 0), ("1.e5", 2), ("123456789012345678901x", 21),
    ])
    func refusesWhatIsNoDecimal(text: String, offset: Int) {
        #expect(refusal(text) == .malformed(offset: offset), "\(text)")
    }

    @Test(arguments: [
        "1e400", "-1e400", "1e-400", "1e38", "1e999999999999999999999", "1e-999999999999999999999", "1e-39",
        nines + "0", nines + "9", "1" + nines, "-" + nines + "9", "9.9" + nines, String(repeating: "7", count: 40),
        String(repeating: "1", count: 5_000), nines + "e1",
    ])
    func refusesMoreThan38Digits(text: String) {
        #expect(refusal(text) == .tooManyDigits, "\(text.prefix(60))")
    }

    @Test func holds38Digits() throws {
        for text in [nines, "-" + nines, "0." + nines, "-0." + nines, "9." + String(nines.dropFirst()), "000" + nines] {
            let value = try #require(FixedDecimal(text), "\(text)")
            #expect(value.description == (text.hasPrefix("000") ? nines : text))
        }
    }

    @Test(arguments: [
        ("0", true), ("0.5", true), ("10", true), ("1.50", true), ("-3", true), ("-0.5", true), (nines, true),
        ("0." + nines, true), ("01", false), ("00.5", false), ("-01", false), ("1e2", false), ("1e0", false),
        ("1.5E3", false), ("00", false), ("-0", false), ("-0.00", false), ("0" + nines, false),
        ("0." + String(repeating: "0", count: 38), true), ("0." + String(repeating: "0", count: 39), false),
    ])
    func plainMeansThatPrintingGivesTheSameText(text: String, expected: Bool) throws {
        #expect(try isPlain(text) == expected)
        if expected { #expect(FixedDecimal(text)?.description == text) }
    }

    @Test func equalValuesOfDifferentScalesAreEqual() throws {
        let a = try #require(FixedDecimal("2667.2")), b = try #require(FixedDecimal("2667.20"))
        #expect(a == b)
        #expect(!(a < b) && !(b < a))
        #expect(a.hashValue == b.hashValue)
        #expect(FixedDecimal("0")!.hashValue == FixedDecimal("0.000")!.hashValue)
        #expect(FixedDecimal("-1.5")! < FixedDecimal("-1")!)
        #expect(FixedDecimal("-0.1")! < .zero)
        #expect(Set([a, b]).count == 1)
    }

    @Test func rescalesOnlyWithoutLoss() throws {
        let value = try #require(FixedDecimal("1.50"))
        #expect(value.rescaled(to: 1)?.description == "1.5")
        #expect(value.rescaled(to: 0) == nil)
        #expect(value.rescaled(to: 12)?.description == "1.500000000000")
        #expect(FixedDecimal(nines)?.rescaled(to: 1) == nil)
        #expect(FixedDecimal.zero.rescaled(to: 38)?.description == "0." + String(repeating: "0", count: 38))
    }

    @Test func productsThatNeedMoreDigitsAreNil() throws {
        let large = try #require(FixedDecimal(nines))
        #expect(large.multiplied(by: large) == nil)
        #expect(large.multiplied(by: FixedDecimal("1.000")!)?.description == nines)
        #expect(large.multiplied(by: FixedDecimal("0.1")!)?.description == String(nines.dropLast()) + ".9")
        // 2^54 × 5^54 = 10^54: the product of the digits needs 180 bits, its value one digit.
        let twos = try #require(FixedDecimal("0.018014398509481984"))
        let fives = try #require(FixedDecimal("55.511151231257827021181583404541015625"))
        #expect(twos.multiplied(by: fives)?.trimmed.description == "1")
    }

    @Test func sumsThatNeedMoreDigitsAreNil() throws {
        let large = try #require(FixedDecimal(nines))
        #expect(large.adding(FixedDecimal("1")!) == nil)
        #expect(large.adding(FixedDecimal("-1")!)?.description == String(nines.dropLast()) + "8")
        #expect(large.adding(FixedDecimal("0.1")!) == nil)
        #expect(FixedDecimal("-" + nines)!.adding(FixedDecimal("-1")!) == nil)
    }

    @Test func powersOfTen() {
        var expected: Int128 = 1
        for exponent in 0...38 {
            #expect(FixedDecimal.powerOfTen(exponent) == expected)
            if exponent < 38 { expected *= 10 }
        }
    }
}
