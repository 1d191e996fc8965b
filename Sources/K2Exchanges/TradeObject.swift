import K2Bytes
import K2Domain
import K2JSON

/// How an exchange spells a trade that it sends as a JSON object: the names of its members and what
/// its side and time mean. Members that are not named are kept as vendor fields.
struct TradeObject: Sendable {
    enum SideMeaning: Sendable {
        /// `buy` or `sell`, the taker's.
        case taker
        /// `buy` or `sell`, the maker's: it is inverted, and kept among the vendor fields as it was sent.
        case maker
        /// True when the buyer was the maker: then the taker sold.
        case buyerIsMaker
    }

    enum TimeForm: Sendable {
        case rfc3339
        /// Milliseconds or microseconds since 1970; see `WireReader.epoch`.
        case epoch
    }

    let symbol: ByteName
    let id: ByteName
    let price: ByteName
    let quantity: ByteName
    let side: ByteName
    let sideMeaning: SideMeaning
    let time: ByteName
    let timeForm: TimeForm
    /// The taker's order type; empty where the exchange does not send it.
    var condition: ByteName = ""
    /// When the message was sent, in the form of `time`; also kept as a vendor field.
    var eventTime: ByteName = ""
    /// A member that says nothing about the trade, such as the type of the event.
    var ignored: ByteName = ""

    /// Reads the object at `node`. Nothing is added to `vendor` when it is refused.
    /// - Parameter outer: the symbol where the objects do not name it, else empty.
    func read(
        _ node: Int, symbol outer: ByteRange, _ document: borrowing JSONDocument, _ text: Span<UInt8>,
        vendor: inout [NamedText]
    ) throws(WireError) -> WireTrade {
        guard document.kind(node) == .object else {
            throw WireError("trade", expected: "an object", found: document.verbatim(node))
        }
        let mark = vendor.count
        do throws(WireError) {
            var trade = WireTrade(symbol: outer, payload: document.range(node))
            var seen: RequiredFields = outer.isEmpty ? [] : .symbol
            let end = document.next(node)
            var key = node + 1
            while key < end {
                try readMember(key, into: &trade, &seen, document, text, &vendor)
                key = document.next(key + 1)
            }
            try seen.check(symbol.text, id.text, price.text, quantity.text, side.text, time.text, in: trade.payload)
            trade.vendorFields = mark..<vendor.count
            return trade
        } catch {
            vendor.removeSubrange(mark...)
            throw error
        }
    }

    @inline(__always)
    private func readMember(
        _ key: Int, into trade: inout WireTrade, _ seen: inout RequiredFields, _ document: borrowing JSONDocument,
        _ text: Span<UInt8>, _ vendor: inout [NamedText]
    ) throws(WireError) {
        let value = key + 1
        let name = ByteName.Candidate(text.part(document.range(key)))
        if name.equals(price) {
            trade.price = try WireReader.decimal(value, price.text, document, text, copy: &trade.priceText)
            seen.insert(.price)
        } else if name.equals(quantity) {
            trade.quantity = try WireReader.decimal(value, quantity.text, document, text, copy: &trade.quantityText)
            seen.insert(.quantity)
        } else if name.equals(time) {
            trade.timestamp = try readTime(value, time.text, document, text)
            seen.insert(.time)
        } else if name.equals(id) {
            trade.id = try WireReader.id(value, id.text, document, text)
            seen.insert(.id)
        } else if name.equals(symbol) {
            trade.symbol = try WireReader.string(value, symbol.text, document)
            seen.insert(.symbol)
        } else if name.equals(side) {
            trade.side = try readSide(value, document, text)
            seen.insert(.side)
            if sideMeaning == .maker { WireReader.keep(key, document, in: &vendor) }
        } else if name.equals(condition), case let type = WireReader.condition(value, document, text), type != .none {
            trade.condition = type
        } else if !name.equals(ignored) {
            if name.equals(eventTime) { trade.eventTime = try readTime(value, eventTime.text, document, text) }
            WireReader.keep(key, document, in: &vendor)
        }
    }

    private func readTime(
        _ value: Int, _ name: StaticString, _ document: borrowing JSONDocument, _ text: Span<UInt8>
    ) throws(WireError) -> Timestamp {
        switch timeForm {
        case .rfc3339: try WireReader.rfc3339(value, name, document, text)
        case .epoch: try WireReader.epoch(value, name, document, text)
        }
    }

    private func readSide(
        _ value: Int, _ document: borrowing JSONDocument, _ text: Span<UInt8>
    ) throws(WireError) -> Side {
        switch sideMeaning {
        case .taker: try WireReader.side(value, side.text, document, text)
        case .maker: try WireReader.side(value, side.text, document, text).opposite
        case .buyerIsMaker: try WireReader.boolean(value, side.text, document) ? .sell : .buy
        }
    }
}
