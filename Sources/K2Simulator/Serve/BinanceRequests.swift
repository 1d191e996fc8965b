import K2Bytes

/// REST of Binance Spot. Source: binance-spot-api-docs, rest-api.md, seen 2026-07.
extension SimulatedExchange {
    mutating func binanceReply(_ request: ServeRequest, _ target: RequestTarget, at time: Int64) -> ServeReply {
        guard target.segments.prefix(2) == ["api", "v3"] else { return .html(404, "Not Found") }
        let name = target.segments.dropFirst(2).joined(separator: "/")
        let used = rest.add(weight: Self.weight(name), at: time)
        if plan.limitsRequests, used > RequestWeight.limit {
            var reply = tooMany()
            reply.retry(after: 60_000_000 - time % 60_000_000)
            return reply
        }
        var reply = binanceAnswer(name, request, target, at: time)
        reply.headers.append(("X-MBX-USED-WEIGHT-1M", "\(used)"))
        return reply
    }

    private static func weight(_ name: String) -> Int {
        switch name {
        case "historicalTrades", "trades": 25
        case "exchangeInfo": 20
        case "ticker/24hr": 2
        default: 1
        }
    }

    private func binanceAnswer(_ name: String, _ request: ServeRequest, _ target: RequestTarget, at time: Int64) -> ServeReply {
        switch name {
        case "ping": return .json("{}")
        case "time": return .json("{\"serverTime\":\(context.wire(time) / 1_000)}")
        case "exchangeInfo": return exchangeInfo(target, at: time)
        case "historicalTrades", "trades", "ticker/24hr": break
        default: return .html(404, "Not Found")
        }
        guard let symbolName = target["symbol"], !symbolName.isEmpty else {
            return Self.refused(-1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")
        }
        guard let symbol = symbols.index(symbolName) else { return Self.refused(-1121, "Invalid symbol.") }
        if name == "ticker/24hr" { return ticker(symbol, at: time) }
        let unit: Int64 = request.header("x-mbx-time-unit")?.uppercased() == "MICROSECOND" ? 1 : 1_000
        return trades(symbol, target, takesID: name == "historicalTrades", timeUnit: unit, at: time)
    }

    private static func refused(_ code: Int, _ text: String) -> ServeReply { .json("{\"code\":\(code),\"msg\":\"\(text)\"}", status: 400) }

    private func trades(_ symbol: Int, _ target: RequestTarget, takesID: Bool, timeUnit: Int64, at time: Int64) -> ServeReply {
        guard let limit = Int(target["limit"] ?? "500"), limit > 0 else {
            return Self.refused(-1100, "Illegal characters found in parameter 'limit'; legal range is '^[0-9]{1,20}$'.")
        }
        let end = visibleEnd(symbol, at: time)
        let history = market.histories[symbol]
        var range = max(end - min(limit, 1_000), history.lowest)..<end
        if takesID, let text = target["fromId"] {
            guard let first = Int64(text), first >= 0 else {
                return Self.refused(-1100, "Illegal characters found in parameter 'fromId'; legal range is '^[0-9]{1,20}$'.")
            }
            let start = min(history.index(ofID: first), end)
            range = start..<min(start + min(limit, 1_000), end)
        }
        var bytes = ByteWriter(capacity: 1 << 14)
        rest.rows.binance.append(history.trades(range), timeUnit: timeUnit, to: &bytes)
        return .json(bytes.array)
    }

    /// The id range comes from another place than the trades: it is neither late nor pruned.
    private func ticker(_ symbol: Int, at time: Int64) -> ServeReply {
        let history = market.histories[symbol]
        let wire = symbols.symbols[symbol]
        let price = history.last?.price ?? wire.instrument.price
        var bytes = ByteWriter()
        bytes.append(string: "{\"symbol\":\"\(wire.name)\",\"lastPrice\":\"")
        bytes.append(price, as: wire.price)
        let now = context.wire(time) / 1_000
        bytes.append(
            string: "\",\"openTime\":\(now - 86_400_000),\"closeTime\":\(now),\"firstId\":\(history.oldestID ?? -1),"
                + "\"lastId\":\(history.newestID ?? -1),\"count\":\(history.count)}")
        return .json(bytes.array)
    }

    private func exchangeInfo(_ target: RequestTarget, at time: Int64) -> ServeReply {
        var wanted = Array(symbols.symbols.indices)
        if let names = target["symbol"].map({ [$0] }) ?? target["symbols"].map(Self.names) {
            let found = names.map { symbols.index($0) }
            if found.contains(nil) || found.isEmpty { return Self.refused(-1121, "Invalid symbol.") }
            wanted = found.compactMap { $0 }
        }
        let list = wanted.map { Self.info(symbols.symbols[$0]) }.joined(separator: ",")
        return .json(
            "{\"timezone\":\"UTC\",\"serverTime\":\(context.wire(time) / 1_000),\"rateLimits\":[{\"rateLimitType\":\"REQUEST_WEIGHT\","
                + "\"interval\":\"MINUTE\",\"intervalNum\":1,\"limit\":6000},{\"rateLimitType\":\"RAW_REQUESTS\",\"interval\":\"MINUTE\","
                + "\"intervalNum\":5,\"limit\":300000}],\"exchangeFilters\":[],\"symbols\":[\(list)]}")
    }

    /// Of `["BTCUSDT","ETHUSDT"]`.
    private static func names(_ list: String) -> [String] {
        list.split(separator: ",").map { $0.filter { !"[]\" ".contains($0) } }
    }

    private static func info(_ symbol: WireSymbol) -> String {
        let instrument = symbol.instrument
        let (tick, step) = (unit(instrument.priceDecimals, padded: 8), unit(instrument.quantityDecimals, padded: 8))
        return "{\"symbol\":\"\(symbol.name)\",\"status\":\"TRADING\",\"baseAsset\":\"\(instrument.base)\",\"baseAssetPrecision\":8,"
            + "\"quoteAsset\":\"\(instrument.quote)\",\"quotePrecision\":8,\"quoteAssetPrecision\":8,\"orderTypes\":[\"LIMIT\",\"MARKET\"],"
            + "\"isSpotTradingAllowed\":true,\"filters\":[{\"filterType\":\"PRICE_FILTER\",\"minPrice\":\"\(tick)\","
            + "\"maxPrice\":\"1000000.00000000\",\"tickSize\":\"\(tick)\"},{\"filterType\":\"LOT_SIZE\",\"minQty\":\"\(step)\","
            + "\"maxQty\":\"9000000.00000000\",\"stepSize\":\"\(step)\"}],\"permissions\":[],\"permissionSets\":[[\"SPOT\"]]}"
    }

    /// The smallest step of so many decimals: `0.01`, or `0.01000000` when padded to eight.
    static func unit(_ decimals: Int, padded: Int = 0) -> String {
        var bytes = ByteWriter()
        bytes.append(1, as: DecimalStyle(decimals: decimals, paddedTo: padded))
        return bytes.bytes.text
    }
}
