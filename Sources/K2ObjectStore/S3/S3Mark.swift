import K2HTTP

/// A name that one write carries, kept with the object: by it the writer knows its own after a reply was lost.
struct S3Mark: Equatable {
    let text: String
    private static let name = "x-amz-meta-k2-write"

    init(_ clock: StoreClock) {
        text = (0..<2).map { _ in
            let digits = String(clock.random(), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    var header: (String, String) { (Self.name, text) }

    /// That of the object in an answer to HEAD; nil when it has none.
    static func found(in answer: HTTPResponse) -> String? { answer.header(name) }
}

/// What is at the place of a write whose outcome is not known.
enum S3Outcome {
    case ours
    case theirs
    /// There is one that carries no mark: from another program, or in a store that drops what it does not know.
    case unmarked
    case missing
    /// It cannot be said, for this reason.
    case unclear(String)
}

extension S3Store {
    /// Looks whose object is at `place`.
    func look(for mark: S3Mark, _ place: S3Location, at location: String) -> S3Outcome {
        do throws(S3Failure) {
            let found = S3Mark.found(in: try head(place, at: location))
            if found == mark.text { return .ours }
            return found == nil ? .unmarked : .theirs
        } catch {
            return error.error.code == .notFound ? .missing : .unclear(error.error.reason)
        }
    }

    /// Ends a `putIfAbsent` that did not end well: returns when the object is ours.
    func settle(
        _ failure: S3Failure, _ mark: S3Mark, _ bytes: [UInt8], _ place: S3Location, at location: String
    ) throws(StoreError) {
        let taken = StoreError(.alreadyExists, at: location, "create: object exists")
        switch look(for: mark, place, at: location) {
        case .ours: return
        case .theirs: throw taken
        case .missing:
            // Every try was answered, and none has made it.
            if failure.status != 0, failure.status != 412, !failure.isUnanswered { throw failure.error }
            throw unknown(failure, "nothing is there now", at: location)
        case .unmarked:
            if try get(location) != bytes { throw taken }
            throw unknown(failure, "the object there is alike, but carries no mark", at: location)
        case .unclear(let reason): throw unknown(failure, reason, at: location)
        }
    }

    func unknown(_ failure: S3Failure, _ reason: String, at location: String) -> StoreError {
        StoreError(.outcomeUnknown, at: location, "\(failure.error.reason); whether it was stored cannot be said: \(reason)")
    }
}
