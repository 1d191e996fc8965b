/// A plain oracle for `FixedDecimal`: digits in an array, schoolbook arithmetic, no limits.
struct BigDecimal: Equatable {
    var isNegative = false
    /// Least significant first, no zeros at the high end; empty for zero.
    var digits: [Int] = []
    var scale = 0

    init(digits: [Int], scale: Int, isNegative: Bool) {
        self.digits = digits
        self.scale = scale
        while self.digits.last == 0 { self.digits.removeLast() }
        self.isNegative = isNegative && !self.digits.isEmpty
    }

    /// Reads `[-]digits[.digits]`.
    init(_ text: String) {
        let unsigned = text.drop { $0 == "-" }
        let parts = unsigned.split(separator: ".", omittingEmptySubsequences: false)
        let fraction = parts.count > 1 ? parts[1] : ""
        self.init(
            digits: (parts[0] + fraction).reversed().map { $0.wholeNumberValue! }, scale: fraction.count,
            isNegative: text.hasPrefix("-"))
    }

    /// Without trailing zeros after the point.
    var trimmed: BigDecimal {
        var result = self
        if digits.isEmpty { result.scale = 0 }
        while result.scale > 0, result.digits.first == 0 {
            result.digits.removeFirst()
            result.scale -= 1
        }
        return result
    }

    func scaled(to scale: Int) -> BigDecimal {
        precondition(scale >= self.scale)
        return BigDecimal(
            digits: Array(repeating: 0, count: scale - self.scale) + digits, scale: scale, isNegative: isNegative)
    }

    var text: String {
        let padded = digits + Array(repeating: 0, count: max(0, scale + 1 - digits.count))
        let whole = padded[scale...].reversed().map(String.init).joined()
        let fraction = padded[..<scale].reversed().map(String.init).joined()
        return (isNegative ? "-" : "") + whole + (scale > 0 ? "." + fraction : "")
    }

    static func compareDigits(_ a: [Int], _ b: [Int]) -> Int {
        if a.count != b.count { return a.count < b.count ? -1 : 1 }
        for (x, y) in zip(a.reversed(), b.reversed()) where x != y { return x < y ? -1 : 1 }
        return 0
    }

    static func compare(_ a: BigDecimal, _ b: BigDecimal) -> Int {
        if a.isNegative != b.isNegative { return a.isNegative ? -1 : 1 }
        let scale = max(a.scale, b.scale)
        let order = compareDigits(a.scaled(to: scale).digits, b.scaled(to: scale).digits)
        return a.isNegative ? -order : order
    }

    static func * (a: BigDecimal, b: BigDecimal) -> BigDecimal {
        var product = Array(repeating: 0, count: a.digits.count + b.digits.count + 1)
        for (i, x) in a.digits.enumerated() {
            var carry = 0
            for (j, y) in b.digits.enumerated() {
                carry += product[i + j] + x * y
                product[i + j] = carry % 10
                carry /= 10
            }
            product[i + b.digits.count] += carry
        }
        return BigDecimal(digits: product, scale: a.scale + b.scale, isNegative: a.isNegative != b.isNegative)
    }

    static func + (a: BigDecimal, b: BigDecimal) -> BigDecimal {
        let scale = max(a.scale, b.scale)
        let x = a.scaled(to: scale), y = b.scaled(to: scale)
        if x.isNegative == y.isNegative {
            var sum: [Int] = []
            var carry = 0
            for index in 0..<max(x.digits.count, y.digits.count) + 1 {
                carry += (index < x.digits.count ? x.digits[index] : 0) + (index < y.digits.count ? y.digits[index] : 0)
                sum.append(carry % 10)
                carry /= 10
            }
            return BigDecimal(digits: sum, scale: scale, isNegative: x.isNegative)
        }
        let order = compareDigits(x.digits, y.digits)
        let (large, small) = order < 0 ? (y, x) : (x, y)
        var difference: [Int] = []
        var borrow = 0
        for index in large.digits.indices {
            var digit = large.digits[index] - borrow - (index < small.digits.count ? small.digits[index] : 0)
            borrow = digit < 0 ? 1 : 0
            if digit < 0 { digit += 10 }
            difference.append(digit)
        }
        return BigDecimal(digits: difference, scale: scale, isNegative: large.isNegative)
    }
}
