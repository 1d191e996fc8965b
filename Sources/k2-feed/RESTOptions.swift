import ArgumentParser
import K2CLI
import K2Capture
import K2Exchanges

/// Where the exchange's REST interface is.
struct RESTOptions: ParsableArguments {
    @Option(help: ArgumentHelp("REST address, without a path. (default: the exchange's)", valueName: "url"))
    var restEndpoint: String?

    /// `https://host`, without a slash at the end.
    func base(_ feed: any ExchangeFeed) throws(ToolFailure) -> String {
        var base = restEndpoint ?? feed.endpoints.rest
        while base.hasSuffix("/") { base.removeLast() }
        guard base.hasPrefix("http://") || base.hasPrefix("https://") else {
            throw ToolFailure(.usage, "--rest-endpoint: expected http://… or https://…, found \"\(base)\"")
        }
        return base
    }
}

/// How missing trades are asked for.
struct RefillOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Least time between REST requests. (default: as the exchange allows)", valueName: "time"))
    var restInterval: DurationArgument?

    @Option(help: ArgumentHelp("How long the exchange's history may lag behind before trades count as lost.", valueName: "time"))
    var refillPatience = DurationArgument(argument: "15m")!

    var policy: RefillPlan.Policy {
        var policy = RefillPlan.Policy()
        policy.patience = refillPatience.microseconds
        return policy
    }

    /// Least time between requests, µs.
    func interval(_ feed: any ExchangeFeed) -> Int64 { restInterval?.microseconds ?? feed.limits.requestInterval }
}
