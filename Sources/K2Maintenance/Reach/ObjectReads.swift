import Dispatch
import K2Iceberg
import K2ObjectStore
import Synchronization

/// Reads many small objects, several at a time: from a distant store one after the other would take most of the time waiting.
struct ObjectReads {
    let store: any ObjectStore
    /// Objects at a time.
    var width = 8
    /// Called before each chunk of them; what it throws is passed on.
    var mayGoOn: () throws -> Void = {}

    /// Objects whose results are held at once.
    private static let chunk = 64

    /// Reads each object, turns it into a value on some thread, and hands the values to `take` on the caller's, in the order of `locations`.
    func each<T: Sendable>(
        _ locations: [String], _ parse: @escaping @Sendable (_ bytes: [UInt8], _ location: String) throws(IcebergError) -> T,
        take: (_ location: String, _ result: Result<T, IcebergError>) throws -> Void
    ) throws {
        var start = 0
        while start < locations.count {
            try mayGoOn()
            let part = Array(locations[start..<min(start + Self.chunk, locations.count)])
            for (location, result) in zip(part, read(part, parse)) { try take(location, result) }
            start += part.count
        }
    }

    private func read<T: Sendable>(
        _ part: [String], _ parse: @escaping @Sendable (_ bytes: [UInt8], _ location: String) throws(IcebergError) -> T
    ) -> [Result<T, IcebergError>] {
        let store = store
        if width <= 1 || part.count == 1 { return part.map { Self.one($0, in: store, parse) } }
        let state = Mutex((next: 0, results: [Result<T, IcebergError>?](repeating: nil, count: part.count)))
        let group = DispatchGroup()
        // A queue each: `concurrentPerform` starts no more threads than there are cores, and ours may wait most of the time.
        for number in 0..<min(width, part.count) {
            DispatchQueue(label: "k2.maintain.read.\(number)").async(group: group) {
                while case let place = state.withLock({ state in defer { state.next += 1 }; return state.next }), place < part.count {
                    let result = Self.one(part[place], in: store, parse)
                    state.withLock { $0.results[place] = result }
                }
            }
        }
        group.wait()
        return state.withLock { $0.results.compactMap { $0 } }
    }

    private static func one<T>(
        _ location: String, in store: any ObjectStore, _ parse: @Sendable (_ bytes: [UInt8], _ location: String) throws(IcebergError) -> T
    ) -> Result<T, IcebergError> {
        do throws(IcebergError) {
            let bytes: [UInt8]
            do throws(StoreError) { bytes = try store.get(location) } catch {
                throw IcebergError(error.code == .notFound ? .missingFile : .storage, error.description, isRetryable: error.isRetryable)
            }
            return .success(try parse(bytes, location))
        } catch { return .failure(error) }
    }
}
