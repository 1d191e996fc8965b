import Foundation

/// SplitMix64: the same numbers for the same seed on every machine.
struct LakeRandom: RandomNumberGenerator {
    let seed: UInt64
    private var state: UInt64

    init(seed: UInt64) {
        self.seed = seed
        state = seed
    }

    /// With a new seed, or that of `K2_TEST_SEED`, which is printed with the name of the test.
    static func start(_ test: String = #function) -> LakeRandom {
        let asked = ProcessInfo.processInfo.environment["K2_TEST_SEED"].flatMap { UInt64($0) }
        let source = LakeRandom(seed: asked ?? UInt64.random(in: 1...999_999_999))
        print("\(test): seed \(source.seed)")
        return source
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }
    mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
    mutating func pick<T>(_ choices: [T]) -> T { choices[below(choices.count)] }

    mutating func digits(_ count: Int) -> String { String((0..<count).map { _ in Character("\(below(10))") }) }

    /// Text of up to `limit` characters of every kind of length in UTF-8, with what JSON must escape.
    mutating func text(_ limit: Int = 12) -> String {
        let alphabet: [Character] = ["a", "Z", "0", " ", "\"", "\\", "/", "\n", "\t", "\u{1}", "\u{7f}", "é", "ß", "€", "漢", "😀", "\u{0}", "\u{2028}", "|"]
        return String((0..<below(limit + 1)).map { _ in pick(alphabet) })
    }

    /// `text` as the inside of a JSON string, each character escaped in one of the ways that JSON allows.
    mutating func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            let mustEscape = scalar.value < 0x20 || scalar == "\"" || scalar == "\\"
            if !mustEscape && !chance(25) {
                result.unicodeScalars.append(scalar)
            } else if let short = Self.short[scalar], chance(60) {
                result += short
            } else {
                for unit in String(scalar).utf16 {
                    let hex = String(unit, radix: 16, uppercase: chance(50))
                    result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
                }
            }
        }
        return result
    }

    private static let short: [Unicode.Scalar: String] = ["\"": "\\\"", "\\": "\\\\", "/": "\\/", "\n": "\\n", "\t": "\\t"]
}
