import K2Bytes
import K2Domain

/// REST of Kraken Spot: errors come with status 200. Source: docs.kraken.com, REST, seen 2026.
extension SimulatedExchange {
    mutating func krakenReply(_ target: RequestTarget, at time: Int64) -> ServeReply {
        guard target.segments.prefix(2) == ["0", "public"], target.segments.count == 3 else { return Self.krakenError("EGeneral:Unknown method") }
        switch target.segments[2] {
        case "Trades": return krakenTrades(target, at: time)
        case "AssetPairs": return assetPairs(target)
        case "SystemStatus":
            let text = Timestamp(microseconds: context.wire(time) / 1_000_000 * 1_000_000).description
            return .json("{\"error\":[],\"result\":{\"status\":\"online\",\"timestamp\":\"\(text.prefix(19))Z\"}}")
        case "Time": return .json("{\"error\":[],\"result\":{\"unixtime\":\(context.wire(time) / 1_000_000)}}")
        default: return Self.krakenError("EGeneral:Unknown method")
        }
    }

    private static func krakenError(_ text: String) -> ServeReply { .json("{\"error\":[\"\(text)\"]}") }

    /// A pair in any of its spellings: `XBTUSD`, `XXBTZUSD`, `XBT/USD`, `BTC/USD`.
    private func pair(_ name: String) -> Int? {
        plan.instruments.firstIndex { instrument in
            [instrument.krakenResultKey, instrument.wireName(.krakenREST), instrument.wireName(.krakenV1), instrument.wireName(.krakenV2)]
                .contains(name)
        }
    }

    /// The trades after `since`, itself excluded; without it the newest.
    private func krakenTrades(_ target: RequestTarget, at time: Int64) -> ServeReply {
        guard let name = target["pair"] else { return Self.krakenError("EGeneral:Invalid arguments") }
        guard let symbol = pair(name) else { return Self.krakenError("EQuery:Unknown asset pair") }
        guard let count = Int(target["count"] ?? "1000"), (1...1_000).contains(count) else {
            return Self.krakenError("EGeneral:Invalid arguments:count")
        }
        let history = market.histories[symbol]
        let end = visibleEnd(symbol, at: time)
        var start = max(end - count, history.lowest)
        if let text = target["since"] {
            guard let since = Self.nanoseconds(text) else { return Self.krakenError("EGeneral:Invalid arguments:since") }
            start = min(history.index(ofTime: since / 1_000), end)
            while start < end, case let trade = history[start], trade.time * 1_000 + KrakenRowText.nanoseconds(trade) <= since { start += 1 }
        }
        let key = name.contains("/") ? name : plan.instruments[symbol].krakenResultKey
        var bytes = ByteWriter(capacity: 1 << 14)
        rest.rows.kraken.append(history.trades(start..<min(start + count, end)), key: key, last: target["since"] ?? "0", to: &bytes)
        return .json(bytes.array)
    }

    /// `since` in ns, or in seconds when it is too small for that.
    private static func nanoseconds(_ text: String) -> Int64? {
        guard let number = Int64(text.split(separator: ".").first ?? ""), number >= 0 else { return nil }
        return number < 100_000_000_000 ? number * 1_000_000_000 : number
    }

    private func assetPairs(_ target: RequestTarget) -> ServeReply {
        var wanted = Array(plan.instruments.indices)
        if let names = target["pair"] {
            let found = names.split(separator: ",").map { pair(String($0)) }
            if found.contains(nil) { return Self.krakenError("EQuery:Unknown asset pair") }
            wanted = found.compactMap { $0 }
        }
        return .json("{\"error\":[],\"result\":{\(wanted.map { Self.info(plan.instruments[$0]) }.joined(separator: ","))}}")
    }

    private static func info(_ instrument: SimulatedInstrument) -> String {
        let isOld = instrument.krakenResultKey.hasPrefix("X")
        let alt = instrument.wireName(.krakenREST)
        let base = (isOld ? "X" : "") + alt.dropLast(instrument.quote.utf8.count)
        return "\"\(instrument.krakenResultKey)\":{\"altname\":\"\(alt)\",\"wsname\":\"\(instrument.wireName(.krakenV1))\","
            + "\"aclass_base\":\"currency\",\"base\":\"\(base)\",\"aclass_quote\":\"currency\",\"quote\":\"ZUSD\",\"lot\":\"unit\","
            + "\"cost_decimals\":5,\"pair_decimals\":\(instrument.priceDecimals),\"lot_decimals\":\(instrument.quantityDecimals),"
            + "\"lot_multiplier\":1,\"ordermin\":\"\(unit(min(instrument.quantityDecimals, 4)))\",\"costmin\":\"0.5\","
            + "\"tick_size\":\"\(unit(instrument.priceDecimals))\",\"status\":\"online\"}"
    }
}
