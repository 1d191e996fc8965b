import K2Bytes
import K2Domain

/// How an exchange writes a decimal.
struct DecimalStyle {
    /// Digits after the point that the mantissa has.
    let decimals: Int
    /// 10^`decimals`.
    let scale: UInt64
    /// Zeros added behind, as Binance does up to eight decimals.
    let addedZeros: Int
    /// Whether trailing zeros, and a point with nothing behind it, are left out.
    let cutsZeros: Bool

    init(decimals: Int, paddedTo: Int = 0, cutsZeros: Bool = false) {
        self.decimals = decimals
        scale = (0..<decimals).reduce(1) { value, _ in value * 10 }
        addedZeros = max(paddedTo - decimals, 0)
        self.cutsZeros = cutsZeros
    }
}

extension ByteWriter {
    mutating func append(_ mantissa: Int64, as style: DecimalStyle) {
        let (whole, rest) = UInt64(bitPattern: mantissa).quotientAndRemainder(dividingBy: style.scale)
        append(decimal: whole)
        if style.cutsZeros {
            appendFraction(rest, digits: style.decimals)
            return
        }
        if style.decimals + style.addedZeros == 0 { return }
        append(UInt8(ascii: "."))
        if style.decimals > 0 { append(decimal: rest, width: style.decimals) }
        if style.addedZeros > 0 { append(repeating: 0x30, count: style.addedZeros) }
    }

    /// Appends `.` and the fraction without its trailing zeros; nothing for zero.
    mutating func appendFraction(_ fraction: UInt64, digits: Int) {
        if fraction == 0 { return }
        var rest = fraction
        var width = digits
        while rest % 10 == 0 {
            rest /= 10
            width -= 1
        }
        append(UInt8(ascii: "."))
        append(decimal: rest, width: width)
    }

    /// Appends a random (version 4) UUID made from `key`, the same for the same key.
    mutating func appendUUID(_ key: UInt64) {
        let high = (RandomSource.mixed(key) & ~0xf000) | 0x4000
        let low = (RandomSource.mixed(~key) & ~(3 << 62)) | (2 << 62)
        appendHex(high >> 32, digits: 8)
        append(UInt8(ascii: "-"))
        appendHex(high >> 16, digits: 4)
        append(UInt8(ascii: "-"))
        appendHex(high, digits: 4)
        append(UInt8(ascii: "-"))
        appendHex(low >> 48, digits: 4)
        append(UInt8(ascii: "-"))
        appendHex(low, digits: 12)
    }

    mutating func appendHex(_ value: UInt64, digits: Int) {
        var shift = digits * 4
        while shift > 0 {
            shift -= 4
            let digit = UInt8(truncatingIfNeeded: value >> UInt64(shift)) & 15
            append(digit < 10 ? 0x30 + digit : 0x57 + digit)
        }
    }
}

/// Prints times; the part up to the second is kept, because it changes rarely.
struct ClockText {
    private var second = Int64.min
    private var text: [UInt8] = []

    /// Appends `2026-02-18T00:00:00`, the whole second of a time in µs since 1970.
    mutating func appendSecond(_ time: Int64, to output: inout ByteWriter) {
        let second = time / 1_000_000
        if second != self.second {
            self.second = second
            var writer = ByteWriter(capacity: 32)
            writer.append(Timestamp(microseconds: second * 1_000_000))
            text = Array(writer.array.prefix(19))
        }
        output.append(text)
    }

    /// Appends `2026-02-18T00:00:00.023596Z`.
    mutating func append(_ time: Int64, to output: inout ByteWriter) {
        appendSecond(time, to: &output)
        output.append(UInt8(ascii: "."))
        output.append(decimal: UInt64(time % 1_000_000), width: 6)
        output.append(UInt8(ascii: "Z"))
    }

    /// Appends the time with its trailing zeros cut, as Go's RFC3339Nano does.
    mutating func appendCut(_ time: Int64, nanoseconds: UInt64 = 0, to output: inout ByteWriter) {
        appendSecond(time, to: &output)
        output.appendFraction(UInt64(time % 1_000_000) * 1_000 + nanoseconds, digits: 9)
        output.append(UInt8(ascii: "Z"))
    }
}

/// A plan's instrument with what a format needs to print its trades.
struct WireSymbol {
    let instrument: SimulatedInstrument
    /// The spelling on the wire, such as `BTC/USD`.
    let name: String
    let price: DecimalStyle
    let quantity: DecimalStyle

    init(_ instrument: SimulatedInstrument, format: WireFormat) {
        self.instrument = instrument
        name = instrument.wireName(format)
        let (priceDecimals, quantityDecimals) = (instrument.priceDecimals, instrument.quantityDecimals)
        switch format {
        case .binanceCombined, .binanceRaw, .binanceMicroseconds, .binanceREST:
            price = DecimalStyle(decimals: priceDecimals, paddedTo: 8)
            quantity = DecimalStyle(decimals: quantityDecimals, paddedTo: 8)
        case .krakenV2:
            price = DecimalStyle(decimals: priceDecimals)
            quantity = DecimalStyle(decimals: quantityDecimals)
        case .krakenV1, .krakenREST:
            price = DecimalStyle(decimals: priceDecimals, paddedTo: instrument.paddedPriceDecimals)
            quantity = DecimalStyle(decimals: quantityDecimals)
        case .coinbaseREST:
            price = DecimalStyle(decimals: priceDecimals, paddedTo: 8)
            quantity = DecimalStyle(decimals: quantityDecimals, paddedTo: 8)
        case .coinbaseAdvanced, .coinbaseExchange, .coinbaseAdvancedREST:
            price = DecimalStyle(decimals: priceDecimals, cutsZeros: true)
            quantity = DecimalStyle(decimals: quantityDecimals, cutsZeros: true)
        }
    }
}
