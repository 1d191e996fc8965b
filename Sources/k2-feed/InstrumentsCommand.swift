import ArgumentParser
import Glibc
import K2Bytes
import K2CLI
import K2Domain
import K2Exchanges
import K2HTTP
import K2JSON
import K2NDJSON

/// `k2-feed instruments`: the exchange's own list, in the form that the tools read.
struct InstrumentsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "instruments",
        abstract: "Prints the instruments of an exchange, one object a line.",
        discussion: """
            EXAMPLES:
              k2-feed instruments kraken > instruments.ndjson
              (for e in binance kraken coinbase; do k2-feed instruments $e; done) > instruments.ndjson
              K2_INSTRUMENTS=instruments.ndjson k2-normalize < recording.ndjson

            The output is an instruments file, which k2-normalize and k2-feed live read from K2_INSTRUMENTS.
            """)

    @Argument(help: ArgumentHelp("binance, kraken or coinbase.", valueName: "exchange"))
    var exchange: ExchangeArgument

    @OptionGroup var rest: RESTOptions

    func run() throws {
        let feed = ExchangeRegistry.feed(for: exchange.exchange)
        let base = try rest.base(feed)
        var options = HTTPOptions()
        options.userAgent = "k2-feed/\(ToolMain.version)"
        let list = try InstrumentList.fetch(feed, base: base, HTTPClient(options: options))
        var output = LineWriter(descriptor: STDOUT_FILENO, name: "stdout")
        for instrument in list.instruments {
            output.buffer.append(string: Self.line(instrument, exchange.exchange))
            output.buffer.append(0x0a)
            try output.endRecord()
        }
        try output.flush()
    }

    private static func line(_ instrument: ListedInstrument, _ exchange: Exchange) -> String {
        var object = JSONObject()
        object["kind"] = "instrument"
        object["exchange"] = .string(exchange.rawValue)
        object["base"] = .string(instrument.base)
        object["quote"] = .string(instrument.quote)
        object["spellings"] = .array(instrument.spellings.map { .string($0) })
        if !instrument.isTrading { object["is_trading"] = false }
        return JSONValue.object(object).text
    }
}
