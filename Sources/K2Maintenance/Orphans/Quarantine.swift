import K2Domain
import K2Iceberg
import K2JSON
import K2Lake
import K2ObjectStore
import K2StateStore

/// Files of a table that were moved aside: `LOCATION/_quarantine/ID/files/…`, and beside them a manifest that says where each came from.
///
/// The manifest is there before the first file is moved and goes after the last one has gone, so a kill at any point leaves a quarantine that can be
/// finished, brought back or purged.
struct Quarantine {
    let id: String
    /// When files last began to be moved into it: from then on its age counts.
    let createdAt: Timestamp
    let plan: OrphanPlan

    /// Two plans of one second are told apart by what they say.
    static func id(_ plan: OrphanPlan) -> String {
        var text = "\(plan.tableUUID)|\(plan.location)|\(plan.madeAt)"
        for file in plan.files { text += "|\(file.location)|\(file.size)|\(file.modified.microseconds)" }
        let hash = Digest.hash128(Array(text.utf8).span)
        let digits = String(UInt32(truncatingIfNeeded: hash), radix: 16)
        return plan.madeAt.description.prefix(19).filter { $0 != "-" && $0 != ":" } + "-" + String(repeating: "0", count: 8 - digits.count) + digits
    }

    /// What the manifest says.
    var text: [UInt8] {
        var head = plan.head
        head["kind"] = .string(Self.kind)
        head["quarantine"] = .string(id)
        head["quarantined_at"] = .string(createdAt.description)
        var lines = [head] + plan.files.map { plan.line($0) }
        lines.append(OrphanPlan.end(files: plan.files.count, bytes: plan.files.reduce(0) { $0.addingReportingOverflow($1.size).partialValue }))
        return Array(lines.map { JSONValue.object($0).text + "\n" }.joined().utf8)
    }

    private static let kind = "k2-quarantine"

    init(_ plan: OrphanPlan, id: String, at time: Timestamp) {
        self.plan = plan
        self.id = id
        createdAt = time
    }

    /// Reads a manifest.
    init(reading bytes: [UInt8], location: String) throws(LakeError) {
        let head = bytes.prefix { $0 != 0x0a }
        guard let json = try? JSONValue(parsing: Array(head)), json["kind"]?.stringValue == Self.kind, let id = json["quarantine"]?.stringValue,
            let time = OrphanPlan.time(json["quarantined_at"]), var object = json.objectValue
        else { throw LakeError(.failed, "\(location): expected the manifest of a quarantine") }
        object["kind"] = .string(OrphanPlan.kind)
        let text = Array(JSONValue.object(object).text.utf8) + bytes.dropFirst(head.count)
        do throws(OrphanPlanError) {
            guard let plan = try OrphanPlan.read(text).first else { throw OrphanPlanError(line: 0, reason: "nothing in it") }
            self.init(plan, id: id, at: time)
        } catch { throw LakeError(.failed, "\(location): \(error)") }
    }

    /// The quarantines of a table, oldest first, and files in the folder that belong to none.
    static func all(_ paths: TablePaths, _ store: any ObjectStore) throws -> (quarantines: [Found], strays: [String]) {
        var ids: Set<ExactPath> = []
        var files: [ExactPath: [StoredObject]] = [:]
        var strays: [String] = []
        try store.walk(prefix: paths.quarantinePrefix) { object in
            let parts = object.location.utf8.dropFirst(paths.quarantinePrefix.utf8.count).split(separator: UInt8(ascii: "/"), maxSplits: 1)
            guard parts.count == 2 else { return strays.append(object.location) }
            let id = ExactPath(String(Substring(parts[0])))
            if ExactPath(object.location) == ExactPath(paths.quarantineManifest(id.text)) { ids.insert(id) } else { files[id, default: []].append(object) }
        }
        var found: [Found] = []
        for id in ids {
            let location = paths.quarantineManifest(id.text)
            let quarantine = try Quarantine(reading: try store.get(location), location: location)
            guard ExactPath(quarantine.id) == id else { throw LakeError(.failed, "\(location): expected the manifest of \(id.text), found that of \(quarantine.id)") }
            found.append(Found(quarantine: quarantine, files: files.removeValue(forKey: id) ?? []))
        }
        strays += files.values.flatMap { $0.map(\.location) }
        return (found.sorted { ($0.quarantine.createdAt, $0.quarantine.id) < ($1.quarantine.createdAt, $1.quarantine.id) }, strays.sorted())
    }

    /// A quarantine, and the files that lie in it.
    struct Found {
        var quarantine: Quarantine
        var files: [StoredObject]
        var bytes: Int64 { files.reduce(0) { $0.addingReportingOverflow($1.size).partialValue } }
    }
}

/// Moves files within a store, so that at any moment at least one complete copy is there.
struct FileMover {
    let store: any ObjectStore

    /// - Throws: when the copy is not as large as the source.
    func move(_ source: String, to target: String, size: Int64) throws(StoreError) {
        try store.copy(source, to: target)
        let copied = try store.size(target)
        guard copied == size else { throw StoreError(.inputOutput, at: target, "copy: expected \(size) bytes, found \(copied)") }
        try store.delete(source)
    }

    /// Whether two objects hold the same bytes.
    func areEqual(_ a: String, _ b: String, size: Int64) throws(StoreError) -> Bool {
        guard try store.size(a) == size, try store.size(b) == size else { return false }
        var done: Int64 = 0
        while done < size {
            let end = min(done + 8 << 20, size)
            guard try store.get(a, range: done..<end) == store.get(b, range: done..<end) else { return false }
            done = end
        }
        return true
    }
}
