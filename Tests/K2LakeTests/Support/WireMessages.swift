/// A decimal as an exchange may send it, and the number it stands for.
struct WireDecimal {
    /// As it stands in the message, without quotes.
    var text: String
    /// Digits without leading zeros, sign apart; "0" for zero.
    var digits: String
    var isNegative: Bool
    /// Number of `digits` after the point; may be negative.
    var scale: Int
    /// Digits as they were written, leading zeros left out, trailing ones not.
    var writtenDigits: Int

    /// The number times 10^`places` as an integer's text; nil when digits would be lost or more than 38 are needed.
    func unscaled(_ places: Int) -> String? {
        if digits == "0" { return "0" }
        var digits = digits
        var scale = scale
        while digits.hasSuffix("0") {
            digits.removeLast()
            scale -= 1
        }
        guard scale <= places, digits.count + places - scale <= 38 else { return nil }
        return (isNegative ? "-" : "") + digits + String(repeating: "0", count: places - scale)
    }

    /// By school multiplication of the digits.
    func times(_ other: WireDecimal) -> WireDecimal {
        let a = digits.utf8.reversed().map { Int($0) - 48 }
        let b = other.digits.utf8.reversed().map { Int($0) - 48 }
        var product = [Int](repeating: 0, count: a.count + b.count + 1)
        for (i, x) in a.enumerated() {
            for (j, y) in b.enumerated() { product[i + j] += x * y }
        }
        for place in product.indices.dropLast() {
            product[place + 1] += product[place] / 10
            product[place] %= 10
        }
        while product.count > 1, product.last == 0 { product.removeLast() }
        let text = String(product.reversed().map { Character("\($0)") })
        return WireDecimal(
            text: "", digits: text, isNegative: text != "0" && isNegative != other.isNegative, scale: scale + other.scale, writtenDigits: text.count)
    }
}

extension LakeRandom {
    /// Of all shapes: up to 40 digits, scales from 0 to beyond what a column holds, signs, zeros, exponents.
    mutating func wireDecimal() -> WireDecimal {
        let fraction = chance(70) ? below(13) : below(22)
        let whole = chance(80) ? below(9) : below(28)
        var wholeText = String(digits(whole).drop { $0 == "0" })
        if wholeText.isEmpty { wholeText = "0" }
        var fractionText = chance(8) ? String(repeating: "0", count: fraction) : digits(fraction)
        if chance(5) { (wholeText, fractionText) = ("0", String(repeating: "0", count: fraction)) }
        if chance(20) { fractionText += String(repeating: "0", count: below(5)) }
        let isNegative = chance(12)
        let exponent = chance(25) ? below(25) - 12 : 0
        var text = (isNegative ? "-" : "") + wholeText + (fractionText.isEmpty ? "" : "." + fractionText)
        if exponent != 0 || chance(3) { text += pick(["e", "E"]) + (exponent >= 0 ? pick(["", "+"]) : "") + "\(exponent)" }
        let written = String((wholeText + fractionText).drop { $0 == "0" })
        return WireDecimal(
            text: text, digits: written.isEmpty ? "0" : written, isNegative: isNegative && !written.isEmpty, scale: fractionText.count - exponent,
            writtenDigits: written.count)
    }
}

/// A trade as it is put into a message, and what must come out of the lake.
struct WireTradeCase {
    var id: Int
    var exchange: String
    var price: WireDecimal
    var quantity: WireDecimal
    /// Microseconds since 1970.
    var time: Int64
    var received: Int64
    var isTakerBuy: Bool
    /// Names and texts that have no column.
    var vendor: [(String, String)]
    /// The message's part for this trade, as it was sent.
    var payload: String

    var product: WireDecimal { price.times(quantity) }
    /// All three values stand in their columns without loss.
    var fits: Bool { price.unscaled(12) != nil && quantity.unscaled(12) != nil && product.unscaled(18) != nil }
    /// Written with more digits than a decimal may have at all, though the value would fit: may be refused, must not be changed.
    var isOverlong: Bool { price.writtenDigits > 38 || quantity.writtenDigits > 38 }
    var isPositive: Bool { !price.isNegative && price.digits != "0" && !quantity.isNegative && quantity.digits != "0" }

    /// The whole `raw` record.
    var raw: String {
        let message =
            switch exchange {
            case "binance": payload
            case "kraken": #"{"channel":"trade","type":"update","data":[\#(payload)]}"#
            default:
                #"{"channel":"market_trades","timestamp":"\#(Records.time(time))","sequence_num":1,"events":[{"type":"update","trades":[\#(payload)]}]}"#
            }
        return
            #"{"kind":"raw","exchange":"\#(exchange)","origin":"stream","received_at":"\#(Records.time(received))","connection":"c","sequence":1,"message":\#(message)}"#
    }
}

extension LakeRandom {
    mutating func wireTrade(_ id: Int) -> WireTradeCase {
        let exchange = pick(["binance", "kraken", "coinbase"])
        // From the first coin to the end of the calendar; Binance sends milliseconds or microseconds.
        let first: Int64 = 1_230_940_800_000_000
        // A number of milliseconds after the year 5138 cannot be told from one of microseconds.
        let last: Int64 = !chance(10) ? 1_900_000_000_000_000 : exchange == "binance" ? 99_999_999_999_999_999 : 253_402_300_799_000_000
        var time = Int64.random(in: first...last, using: &self)
        let inMilliseconds = exchange == "binance" && chance(50)
        if inMilliseconds { time -= time % 1_000 }
        let (price, quantity, isBuy) = (wireDecimal(), wireDecimal(), chance(50))
        var vendor: [(String, String)] = []
        for number in 0..<below(4) {
            let value = text()
            if !value.isEmpty { vendor.append(("x\(number)" + text(4), value)) }
        }
        let extra = vendor.map { ",\"\(escaped($0.0))\":\"\(escaped($0.1))\"" }.joined()
        let payload: String
        switch exchange {
        case "binance":
            let stamp = inMilliseconds ? time / 1_000 : time
            payload =
                #"{"e":"trade","s":"BTCUSDT","t":\#(id),"p":"\#(price.text)","q":"\#(quantity.text)","T":\#(stamp),"m":\#(!isBuy)\#(extra)}"#
        case "kraken":
            payload =
                #"{"symbol":"BTC/USD","side":"\#(isBuy ? "buy" : "sell")","price":\#(price.text),"qty":\#(quantity.text),"trade_id":\#(id),"timestamp":"\#(Records.time(time))"\#(extra)}"#
        default:
            payload =
                #"{"product_id":"BTC-USD","trade_id":"\#(id)","price":"\#(price.text)","size":"\#(quantity.text)","time":"\#(Records.time(time))","side":"\#(isBuy ? "SELL" : "BUY")"\#(extra)}"#
            vendor.insert(("side", isBuy ? "SELL" : "BUY"), at: 0)
        }
        return WireTradeCase(
            id: id, exchange: exchange, price: price, quantity: quantity, time: time, received: min(time + Int64(below(1_000_000)), 253_402_300_799_999_999),
            isTakerBuy: isBuy, vendor: vendor, payload: payload)
    }
}
