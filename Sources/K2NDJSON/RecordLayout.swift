import K2Bytes
import K2JSON

/// Finds the members of a record by their place in a fixed list of names.
///
/// Records are written in one order, so each key is first compared with the name that should come
/// next: one comparison a member for our own records, a search for others.
public struct RecordLayout: Sendable {
    public let names: [ByteName]

    public init(_ names: [StaticString]) { self.names = names.map { ByteName($0) } }

    /// Sets `nodes[i]` to the value node of the member called `names[i]`, or −1 where it is missing or
    /// null. The first of repeated keys counts. Precondition: `object` is an object.
    public func locate(
        in object: Int, of document: borrowing JSONDocument, text: Span<UInt8>, nodes: inout [Int32]
    ) {
        let count = names.count
        if nodes.count != count { nodes = Array(repeating: -1, count: count) }
        for index in 0..<count { nodes[index] = -1 }
        var expected = 0
        var key = object + 1
        let end = document.next(object)
        while key < end {
            let name = ByteName.Candidate(text.part(document.range(key)))
            if let index = match(name, from: expected), nodes[index] < 0 {
                expected = index + 1
                if document.kind(key + 1) != .null { nodes[index] = Int32(truncatingIfNeeded: key + 1) }
            }
            key = document.next(key + 1)
        }
    }

    @inline(__always)
    private func match(_ name: borrowing ByteName.Candidate, from expected: Int) -> Int? {
        for index in expected..<max(names.count, expected) where name.equals(names[index]) { return index }
        for index in 0..<min(expected, names.count) where name.equals(names[index]) { return index }
        return nil
    }
}

/// Why a record was refused: the member and what was expected of it.
public struct RecordError: Error, Equatable, Sendable, CustomStringConvertible {
    public var member: String
    public var expected: String
    /// The found text, shortened; nil when the member is missing.
    public var found: String?

    public init(_ member: String, expected: String, found: String?) {
        self.member = member
        self.expected = expected
        self.found = found.map { $0.utf8.count > 60 ? String($0.prefix(60)) + "…" : $0 }
    }

    public var description: String {
        guard let found else { return "\(member): expected \(expected), found nothing" }
        return "\(member): expected \(expected), found \(found)"
    }
}
