import ArgumentParser
import K2CLI
import K2Domain

/// The name of an exchange on the command line.
struct ExchangeArgument: ExpressibleByArgument {
    let exchange: Exchange

    init?(argument: String) {
        guard let exchange = Exchange(rawValue: argument) else { return nil }
        self.exchange = exchange
    }

    static var allValueStrings: [String] { Exchange.allCases.map(\.rawValue) }
}
