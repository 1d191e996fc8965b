import Synchronization

/// Objects in memory, under the same contract as a real store, with switches that make it fail.
///
/// For tests of what stands on a store: a full disk, a lost answer, a crash between two writes.
public final class MemoryStore: ObjectStore {
    public enum Operation: Sendable, CaseIterable {
        case get, size, put, putIfAbsent, openWriter, write, close, list, copy, delete
    }

    /// Makes matching operations fail.
    public struct Fault: Sendable {
        public enum Moment: Sendable {
            /// The store refuses and changes nothing.
            case before
            /// The store does it and the answer is lost.
            case after
        }
        public var operation: Operation
        /// Only locations that contain this text; nil for all.
        public var locationContains: String?
        /// Number of matching calls that pass first.
        public var skip: Int
        /// Number of calls that fail.
        public var count: Int
        public var moment: Moment
        public var code: StoreError.Code
        public var reason: String
        public var isRetryable: Bool

        public init(
            _ operation: Operation, locationContains: String? = nil, skip: Int = 0, count: Int = 1, moment: Moment = .before,
            code: StoreError.Code = .inputOutput, reason: String = "injected fault", isRetryable: Bool = false
        ) {
            self.operation = operation
            self.locationContains = locationContains
            self.skip = skip
            self.count = count
            self.moment = moment
            self.code = code
            self.reason = reason
            self.isRetryable = isRetryable
        }
    }

    private struct State {
        var objects: [ExactPath: [UInt8]] = [:]
        var modified: [ExactPath: Int64] = [:]
        var tick: Int64 = 0
        var faults: [Fault] = []
        var log: [String] = []
    }

    private let state = Mutex(State())

    public init() {}

    public var capabilities: StoreCapabilities {
        StoreCapabilities(atomicPutIfAbsent: true, durablePut: false, consistentListing: true, isLocal: true)
    }

    public func inject(_ fault: Fault) { state.withLock { $0.faults.append(fault) } }
    public func clearFaults() { state.withLock { $0.faults.removeAll() } }
    /// Every operation so far, as `putIfAbsent location`.
    public var log: [String] { state.withLock { $0.log } }

    /// Runs `body` as one operation, with the faults that apply to it.
    private func perform<R: Sendable>(
        _ operation: Operation, _ location: String, _ body: (inout State) -> Result<R, StoreError>
    ) throws(StoreError) -> R {
        let outcome: Result<R, StoreError> = state.withLock { state in
            state.log.append("\(operation) \(location)")
            let fault = Self.takeFault(&state, operation, location)
            let error = fault.map { StoreError($0.code, at: location, $0.reason, isRetryable: $0.isRetryable) }
            if let fault, fault.moment == .before, let error { return .failure(error) }
            let result = body(&state)
            if let error { return .failure(error) }
            return result
        }
        return try outcome.get()
    }

    private static func takeFault(_ state: inout State, _ operation: Operation, _ location: String) -> Fault? {
        for index in state.faults.indices {
            let fault = state.faults[index]
            guard fault.operation == operation, fault.count > 0 else { continue }
            if let part = fault.locationContains, !location.contains(part) { continue }
            if fault.skip > 0 {
                state.faults[index].skip -= 1
                continue
            }
            state.faults[index].count -= 1
            return fault
        }
        return nil
    }

    private static func missing(_ location: String) -> StoreError { StoreError(.notFound, at: location, "open: no such file or directory") }

    public func get(_ location: String) throws(StoreError) -> [UInt8] {
        try perform(.get, location) { state -> Result<[UInt8], StoreError> in
            state.objects[ExactPath(location)].map { .success($0) } ?? .failure(Self.missing(location))
        }
    }

    public func get(_ location: String, range: Range<Int64>) throws(StoreError) -> [UInt8] {
        try perform(.get, location) { state in
            guard let bytes = state.objects[ExactPath(location)] else { return .failure(Self.missing(location)) }
            guard range.lowerBound >= 0, range.upperBound <= Int64(bytes.count) else {
                let text = "range \(range.lowerBound)..<\(range.upperBound) of an object of \(bytes.count) bytes"
                return .failure(StoreError(.invalidRange, at: location, text))
            }
            return .success(Array(bytes[Int(range.lowerBound)..<Int(range.upperBound)]))
        }
    }

    public func size(_ location: String) throws(StoreError) -> Int64 {
        try perform(.size, location) { state -> Result<Int64, StoreError> in
            state.objects[ExactPath(location)].map { .success(Int64($0.count)) } ?? .failure(Self.missing(location))
        }
    }

    private static func store(_ bytes: [UInt8], at location: String, in state: inout State) {
        state.tick += 1
        state.objects[ExactPath(location)] = bytes
        state.modified[ExactPath(location)] = state.tick
    }

    public func put(_ bytes: [UInt8], to location: String) throws(StoreError) {
        try perform(.put, location) { state in
            Self.store(bytes, at: location, in: &state)
            return .success(())
        }
    }

    public func putIfAbsent(_ bytes: [UInt8], to location: String) throws(StoreError) {
        try perform(.putIfAbsent, location) { state -> Result<Void, StoreError> in
            guard state.objects[ExactPath(location)] == nil else {
                return .failure(StoreError(.alreadyExists, at: location, "create: file exists"))
            }
            Self.store(bytes, at: location, in: &state)
            return .success(())
        }
    }

    public func openWriter(_ location: String) throws(StoreError) -> any ObjectWriter {
        let _: Void = try perform(.openWriter, location) { _ -> Result<Void, StoreError> in .success(()) }
        return MemoryWriter(location, store: self)
    }

    public func list(prefix: String) throws(StoreError) -> [StoredObject] {
        try perform(.list, prefix) { state in
            let found = state.objects.filter { $0.key.text.utf8.starts(with: prefix.utf8) }.map { key, bytes in
                StoredObject(location: key.text, size: Int64(bytes.count), modifiedMicroseconds: state.modified[key] ?? 0)
            }
            return .success(found.sorted { $0.location.utf8.lexicographicallyPrecedes($1.location.utf8) })
        }
    }

    public func copy(_ location: String, to target: String) throws(StoreError) {
        if location == target { throw StoreError(.invalidLocation, at: target, "copy: onto itself") }
        try perform(.copy, location) { state -> Result<Void, StoreError> in
            guard let bytes = state.objects[ExactPath(location)] else { return .failure(Self.missing(location)) }
            Self.store(bytes, at: target, in: &state)
            return .success(())
        }
    }

    public func delete(_ location: String) throws(StoreError) -> Bool {
        try perform(.delete, location) { state in .success(state.objects.removeValue(forKey: ExactPath(location)) != nil) }
    }

    fileprivate func noteWrite(_ location: String) throws(StoreError) {
        let _: Void = try perform(.write, location) { _ -> Result<Void, StoreError> in .success(()) }
    }

    fileprivate func publish(_ bytes: [UInt8], to location: String) throws(StoreError) {
        try perform(.close, location) { state in
            Self.store(bytes, at: location, in: &state)
            return .success(())
        }
    }
}

private final class MemoryWriter: ObjectWriter {
    let location: String
    private let store: MemoryStore
    private var bytes: [UInt8] = []
    private var isOpen = true

    init(_ location: String, store: MemoryStore) {
        self.location = location
        self.store = store
    }

    var count: Int64 { Int64(bytes.count) }

    func write(_ more: Span<UInt8>) throws(StoreError) {
        guard isOpen else { throw StoreError(.inputOutput, at: location, "write: writer is closed") }
        try store.noteWrite(location)
        more.withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
    }

    func close() throws(StoreError) {
        guard isOpen else { throw StoreError(.inputOutput, at: location, "close: writer is closed") }
        isOpen = false
        try store.publish(bytes, to: location)
    }

    func abort() {
        isOpen = false
        bytes = []
    }
}
