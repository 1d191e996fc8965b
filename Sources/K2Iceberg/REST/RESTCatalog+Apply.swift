import K2JSON

// How a change is made when answers may be lost.
//
// An answer that says no (4xx) is believed, apart from 409: a proxy on the way may have sent the request
// twice, so the table is read back before somebody is told to clean up. After an answer that says nothing (5xx,
// a timeout, a connection that ended) the table is read back too:
//  - the change is there: made.
//  - one of its requirements does not hold (any more): the server will never apply it. Not made.
//  - neither: it may still arrive. A change that breaks one of its own requirements (an append moves `main`, which it
//    requires to be where it was) can be applied once only, so it is sent again, and whichever of the two is first makes
//    it. Any other is only looked for again.
// After six tries or a minute of waiting the outcome is unknown. Against a rollback that brings a requirement back to
// life while a lost request is still on its way nothing can be done from here.

extension RESTCatalog {
    /// What a table, read back, says about a change.
    enum Verdict {
        case applied
        /// Not applied, and never will be.
        case refused(IcebergError)
        case open
    }

    struct Change {
        var identifier: TableIdentifier
        var path: String
        var body: JSONValue
        /// Applied twice it would still be applied once.
        var isRepeatable: Bool
        /// - Parameter table: as it is now; nil when there is none.
        var verdict: (_ table: Table?) -> Verdict
    }

    /// Has the server make a change, and finds out whether it did.
    ///
    /// - Throws: what the verdict refuses with; `conflict`; `outcomeUnknown`; and, where nothing was changed, other errors.
    func apply(_ change: Change) throws(IcebergError) -> Table {
        let what = "table \(change.identifier)"
        var patience = Patience(environment)
        // Why it is not known whether an earlier try was applied.
        var doubt: RESTFailure?
        while true {
            let failure: RESTFailure
            if let doubt, !change.isRepeatable {
                failure = doubt
            } else {
                do throws(RESTFailure) { return try send(change) } catch { failure = error }
            }
            if failure.effect == .unknown { doubt = failure }
            if doubt != nil || failure.status == 409 {
                switch try sighting(change) {
                case .applied(let table): return table
                case .open: break
                // A request may come twice, and what is refused then is what was applied.
                case .unseen: doubt = doubt ?? failure
                }
            }
            let goesOn = doubt == nil ? failure.status == 429 : failure.mayTellMore
            if goesOn, patience.wait(atLeast: failure.retryAfter) { continue }
            guard let doubt else { throw IcebergError(failure, what) }
            throw IcebergError(.outcomeUnknown, "\(what): commit outcome unknown: \(doubt.text)")
        }
    }

    private func send(_ change: Change) throws(RESTFailure) -> Table {
        let answer = try client.change("POST", change.path, body: change.body)
        do throws(IcebergError) { return try table(answer, change.identifier) } catch { throw RESTFailure(unreadable: error.message) }
    }

    /// What the table, as it is now, tells of a change.
    private enum Sighting {
        case applied(Table)
        case open
        /// The table could not be loaded.
        case unseen
    }

    private func sighting(_ change: Change) throws(IcebergError) -> Sighting {
        let found: Table?
        do throws(IcebergError) { found = try lookAgain(change.identifier) } catch { return .unseen }
        switch change.verdict(found) {
        case .applied: return found.map { .applied($0) } ?? .open
        case .refused(let error): throw error
        case .open: return .open
        }
    }

    /// The table or nil, without the patience of `loadTable`.
    private func lookAgain(_ identifier: TableIdentifier) throws(IcebergError) -> Table? {
        let answer: JSONValue
        do throws(RESTFailure) { answer = try client.look(path.table(identifier)) } catch {
            let error = IcebergError(error, "table \(identifier)")
            if error.code == .notFound { return nil }
            throw error
        }
        return try table(answer, identifier)
    }
}

extension RESTFailure {
    /// Another try may end the doubt about an earlier one.
    fileprivate var mayTellMore: Bool { isPassing || status == 409 || (200..<300).contains(status) }
}
