/// Requests of tests to the simulator itself: `/control/stats`, `/control/faults?gap=20&drop`, `/control/open`.
extension SimulatedExchange {
    mutating func control(_ target: RequestTarget, at time: Int64) -> ServeReply {
        switch target.segments.dropFirst().first {
        case "stats": return .json(counts.json + "\n")
        case "open":
            open(at: time)
            return .json("{\"open\":true}\n")
        case "faults": return fire(target.query, at: time)
        default: return .json("{\"error\":\"expected /control/stats, /control/faults?NAME[=ARGUMENT]&… or /control/open\"}\n", status: 404)
        }
    }

    private mutating func fire(_ query: [(name: String, value: String)], at time: Int64) -> ServeReply {
        do throws(SimulationError) {
            var asked: [ServeFault] = []
            for (name, value) in query { asked.append(try ServeFault(value.isEmpty ? name : "\(name)=\(value)")) }
            for fault in asked { fire(fault, at: time) }
        } catch {
            return .json("{\"error\":\"\(error.reason.filter { $0 != "\"" })\"}\n", status: 400)
        }
        return .json("{\"fired\":\(jsonList(query.map(\.name)))}\n")
    }
}
