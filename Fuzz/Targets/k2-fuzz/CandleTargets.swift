import K2Bytes
import K2Domain
import K2JSON
import K2NDJSON

@testable import K2OHLCV

/// The quick way and the general way to read a trade record give the same, whatever the line.
let fuzzTradeLine: @Sendable ([UInt8]) -> Void = { bytes in
    var scan = TradeScan()
    guard scan.scan(bytes.span) else { return }
    var document = JSONDocument()
    do throws(JSONError) { try document.parse(bytes.span) } catch { return require(false, "scanned, but no JSON: \(error)") }
    var reader = TradeReader()
    guard let quick = reader.read(scan, bytes.span) else { return }
    do throws(RecordError) {
        let slow = try reader.read(document, bytes.span)
        require(
            quick.exchange == slow.exchange && quick.symbol == slow.symbol && quick.canonicalSymbol == slow.canonicalSymbol
                && quick.tradeID == slow.tradeID && quick.isValid == slow.isValid && quick.trade.time == slow.trade.time
                && quick.trade.sequence == slow.trade.sequence && quick.trade.price == slow.trade.price
                && quick.trade.quantity == slow.trade.quantity && quick.trade.quoteVolume == slow.trade.quoteVolume
                && quick.trade.isBuy == slow.trade.isBuy && quick.trade.tieBreak == slow.trade.tieBreak, "the two ways differ")
    } catch { require(false, "read quickly, but refused: \(error)") }
}

/// A state file is read or refused at a line.
let fuzzCandleState: @Sendable ([UInt8]) -> Void = { bytes in
    do throws(CandleStateError) { _ = try CandleState.decode(bytes, intervals: CandleInterval.allCases) } catch {
        require(error.line >= 0 && !"\(error)".utf8.contains(0x0a), "\(error)")
    }
}
