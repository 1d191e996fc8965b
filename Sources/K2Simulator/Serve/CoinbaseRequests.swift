import K2Bytes

/// REST of Coinbase Exchange (`/products…`) and of Advanced Trade (`/api/v3/brokerage/market/products…`).
/// Source: docs.cdp.coinbase.com, Exchange and Advanced Trade REST, seen 2026.
extension SimulatedExchange {
    mutating func coinbaseReply(_ target: RequestTarget, at time: Int64) -> ServeReply {
        var path = target.segments[...]
        let isAdvanced = path.prefix(4) == ["api", "v3", "brokerage", "market"]
        if isAdvanced { path = path.dropFirst(4) }
        guard path.first == "products" else { return Self.notFound(isAdvanced) }
        let rest = Array(path.dropFirst())
        if rest.isEmpty { return isAdvanced ? advancedProducts() : exchangeProducts() }
        guard let symbol = product(rest[0]) else { return Self.notFound(isAdvanced) }
        switch (isAdvanced, rest.dropFirst().first) {
        case (true, nil): return .json(advancedProduct(symbol))
        case (false, nil): return .json(exchangeProduct(symbol))
        case (true, "ticker"): return ticker(symbol, target, at: time)
        case (false, "trades"): return trades(symbol, target, at: time)
        default: return Self.notFound(isAdvanced)
        }
    }

    private static func notFound(_ isAdvanced: Bool) -> ServeReply {
        let text = "valid product_id is required"
        return isAdvanced
            ? .json("{\"error\":\"NOT_FOUND\",\"error_details\":\"\(text)\",\"message\":\"\(text)\"}", status: 404)
            : .json("{\"message\":\"NotFound\"}", status: 404)
    }

    private func product(_ name: String) -> Int? {
        symbols.index(name) ?? (name.hasSuffix("-USDC") ? symbols.index(String(name.dropLast())) : nil)
    }

    /// Newest first; `after` asks for older ones, `before` for newer ones, of which the newest page comes.
    private func trades(_ symbol: Int, _ target: RequestTarget, at time: Int64) -> ServeReply {
        guard let limit = Int(target["limit"] ?? "1000"), (1...1_000).contains(limit) else {
            return .json("{\"message\":\"limit must be between 1 and 1000\"}", status: 400)
        }
        let history = market.histories[symbol]
        var end = visibleEnd(symbol, at: time)
        var start = history.lowest
        if let after = target["after"] {
            guard let id = Int64(after) else { return .json("{\"message\":\"Invalid after\"}", status: 400) }
            end = min(end, history.index(ofID: id))
        } else if let before = target["before"] {
            guard let id = Int64(before) else { return .json("{\"message\":\"Invalid before\"}", status: 400) }
            start = id == .max ? history.count : history.index(ofID: id + 1)
        }
        start = min(max(start, end - limit), end)
        let rows = history.trades(start..<end)
        var bytes = ByteWriter(capacity: 1 << 14)
        var clock = ClockText()
        rest.rows.coinbase.append(rows, clock: &clock, to: &bytes)
        guard let oldest = rows.first, let newest = rows.last else { return .json(bytes.array) }
        return .json(bytes.array, [("CB-BEFORE", "\(newest.id)"), ("CB-AFTER", "\(oldest.id)")])
    }

    /// The newest `limit` trades of `start <= time < end`, both in seconds.
    private func ticker(_ symbol: Int, _ target: RequestTarget, at time: Int64) -> ServeReply {
        guard let limit = Int(target["limit"] ?? ""), limit > 0 else {
            let text = "limit is required"
            return .json("{\"error\":\"INVALID_ARGUMENT\",\"error_details\":\"\(text)\",\"message\":\"\(text)\"}", status: 400)
        }
        let history = market.histories[symbol]
        var end = visibleEnd(symbol, at: time)
        var start = history.lowest
        if let seconds = target["end"].flatMap({ Int64($0) }), seconds < 1 << 40 { end = min(end, history.index(ofTime: seconds * 1_000_000)) }
        if let seconds = target["start"].flatMap({ Int64($0) }), seconds < 1 << 40 { start = history.index(ofTime: seconds * 1_000_000) }
        start = min(max(start, end - min(limit, 1_000)), end)
        var bytes = ByteWriter(capacity: 1 << 14)
        var clock = ClockText()
        rest.rows.ticker.append(history.trades(start..<end), newest: history.last, clock: &clock, to: &bytes)
        return .json(bytes.array)
    }

    // Products.

    private func exchangeProducts() -> ServeReply {
        .json("[" + symbols.symbols.indices.map { exchangeProduct($0) }.joined(separator: ",") + "]")
    }

    private func exchangeProduct(_ symbol: Int) -> String {
        let wire = symbols.symbols[symbol]
        let instrument = wire.instrument
        return "{\"id\":\"\(wire.name)\",\"base_currency\":\"\(instrument.base)\",\"quote_currency\":\"\(instrument.quote)\","
            + "\"quote_increment\":\"\(Self.unit(instrument.priceDecimals))\",\"base_increment\":\"\(Self.unit(instrument.quantityDecimals))\","
            + "\"display_name\":\"\(instrument.base)/\(instrument.quote)\",\"min_market_funds\":\"1\",\"margin_enabled\":false,"
            + "\"post_only\":false,\"limit_only\":false,\"cancel_only\":false,\"status\":\"online\",\"status_message\":\"\","
            + "\"trading_disabled\":false,\"auction_mode\":false}"
    }

    private func advancedProducts() -> ServeReply {
        let list = symbols.symbols.indices.flatMap { [advancedProduct($0), advancedProduct($0, quote: "USDC")] }
        return .json("{\"products\":[\(list.joined(separator: ","))],\"num_products\":\(list.count)}")
    }

    /// - Parameter quote: `USDC` for the alias that shares the book of `USD`.
    private func advancedProduct(_ symbol: Int, quote: String = "USD") -> String {
        let wire = symbols.symbols[symbol]
        let base = wire.instrument.base
        let isAlias = quote != wire.instrument.quote
        return "{\"product_id\":\"\(base)-\(quote)\",\"base_increment\":\"\(Self.unit(wire.instrument.quantityDecimals))\","
            + "\"quote_increment\":\"\(Self.unit(wire.instrument.priceDecimals))\",\"base_min_size\":"
            + "\"\(Self.unit(wire.instrument.quantityDecimals))\",\"is_disabled\":false,\"status\":\"online\",\"cancel_only\":false,"
            + "\"limit_only\":false,\"post_only\":false,\"trading_disabled\":false,\"auction_mode\":false,\"product_type\":\"SPOT\","
            + "\"quote_currency_id\":\"\(quote)\",\"base_currency_id\":\"\(base)\",\"alias\":\"\(isAlias ? wire.name : "")\","
            + "\"alias_to\":[\(isAlias ? "" : "\"\(base)-USDC\"")],\"view_only\":false,"
            + "\"price_increment\":\"\(Self.unit(wire.instrument.priceDecimals))\",\"product_venue\":\"CBE\"}"
    }
}
