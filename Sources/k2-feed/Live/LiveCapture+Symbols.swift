import K2CLI
import K2Capture
import K2Domain
import K2Exchanges
import K2HTTP
import K2JSON

/// SIGHUP: the symbols file is read again.
extension LiveCapture {
    /// Subscribes what the file has now; when that is what is subscribed, the connections are replaced.
    func reload() {
        guard let path = options.symbolsFile else { return rotateAll() }
        let exchange = options.feed.exchange
        let names: [String]
        do throws(ToolFailure) { names = try LivePlan.names(nil, path, exchange) } catch { return report("\(error); nothing is changed") }
        // New names are checked like those of the start.
        rest.list { [self] list in
            if isStopping { return }
            do throws(ToolFailure) { change(to: try list.get().find(names, on: exchange)) } catch {
                report("\(path): \(error)\(error.hint.map { "; \($0)" } ?? ""); nothing is changed")
            }
        }
    }

    private func rotateAll() {
        let now = MonotonicClock.now()
        for index in plans.indices { perform(plans[index].rotate(because: "asked for", isUrgent: true, now: now), of: index, now) }
    }

    private func change(to wanted: [ListedInstrument]) {
        let names = wanted.map(\.streamName)
        let before = Set(plans.flatMap(\.symbols))
        if before == Set(names) { return rotateAll() }
        for symbol in wanted where capture.find(symbol.streamName) == nil {
            capture.add(symbol.series, spellings: symbol.spellings)
        }
        report("\(names.count) symbols: \(Set(names).subtracting(before).count) new, \(before.subtracting(names).count) gone")
        spread(names)
    }

    /// Symbols stay where they are; new ones go where there is room.
    private func spread(_ names: [String]) {
        let now = MonotonicClock.now()
        var rest = names.filter { name in !plans.contains { $0.symbols.contains(name) } }
        for index in plans.indices {
            var mine = plans[index].symbols.filter { names.contains($0) }
            let room = max(0, options.feed.limits.symbolsPerConnection - mine.count)
            mine += rest.prefix(room)
            rest.removeFirst(min(room, rest.count))
            if mine != plans[index].symbols { perform(plans[index].change(to: mine, now: now), of: index, now) }
        }
        if !rest.isEmpty { addPlans(rest) }
    }
}

extension ListedInstrument {
    /// The account of its ids, from the first trade on.
    var series: SymbolSeries { SymbolSeries(name: streamName, symbol: base + quote, restName: restName) }

    /// The account of its ids, going on where an earlier run stopped.
    func series(resuming state: CaptureState.Symbol) -> SymbolSeries {
        SymbolSeries(name: streamName, symbol: base + quote, restName: restName, resuming: state)
    }
}
