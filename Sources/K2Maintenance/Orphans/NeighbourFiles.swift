import K2Iceberg
import K2Lake
import K2ObjectStore

/// Which of some files other tables of the catalog name, wherever those tables lie: a table may have taken files of another one in as its own.
///
/// One for all tables of a run: a manifest is read once, and the tables' metadata each time. What is kept of them are hashes of 64 bits, as in
/// `LiveFiles`; what a snapshot named that has gone since counts until the end of the run.
final class NeighbourFiles {
    private struct Names {
        /// Manifest lists and manifests that were read.
        var read: Set<ExactPath> = []
        var files: Set<Int> = []
    }

    struct Answer {
        /// Those of the candidates that another table names, through any of its snapshots.
        var named: Set<LocationKey> = []
        /// Why it cannot be said of a table: it may name any of them.
        var unread: [LakeError] = []
    }

    private var names: [TableIdentifier: Names] = [:]

    static let hint = "bring its files back, or drop it from the catalog when it is lost for good"

    /// What can be said. Nothing is read when there are no candidates.
    ///
    /// - Throws: when the catalog or the store cannot be asked.
    func look(for candidates: Set<LocationKey>, besides own: TableIdentifier, _ work: TableWork) throws -> Answer {
        var answer = Answer()
        if candidates.isEmpty { return answer }
        for entry in try work.stores.catalog.entries(besides: own) {
            try work.mayGoOn()
            work.progress("looking for the files in table \(entry.identifier)")
            do {
                let files = try files(of: entry, ObjectReads(store: work.stores.objects, mayGoOn: work.mayGoOn), work.places)
                answer.named.formUnion(candidates.lazy.filter { files.contains(LiveFiles.hash($0)) })
            } catch let error as IcebergError {
                let text = "table \(entry.identifier), which may name files of this one, cannot be read: \(error.message)"
                guard error.isLasting else { throw IcebergError(error.code, text, isRetryable: error.isRetryable) }
                answer.unread.append(LakeError(.failed, "\(work.name): \(text)", hint: Self.hint))
            }
        }
        return answer
    }

    /// Those of the candidates that another table names.
    ///
    /// - Throws: when another table, or anything that its snapshots name, cannot be read: then it cannot be said.
    func named(_ candidates: Set<LocationKey>, besides own: TableIdentifier, _ work: TableWork) throws -> Set<LocationKey> {
        let answer = try look(for: candidates, besides: own, work)
        if let unread = answer.unread.first { throw unread }
        return answer.named
    }

    /// Hashes of all that a table names.
    private func files(of entry: CatalogEntry, _ reads: ObjectReads, _ places: RealPlaces) throws -> Set<Int> {
        let outline = try entry.outline.get()
        // Taken out, so that it is not copied; what fails on the way is read again.
        var known = names.removeValue(forKey: entry.identifier) ?? Names()
        func note(_ location: String) throws { known.files.insert(LiveFiles.hash(try places.key(location))) }
        for location in [entry.metadataLocation].compactMap({ $0 }) + outline.otherFiles { try note(location) }
        var manifests = Set(outline.manifests.map { ExactPath($0) })
        try reads.each(outline.manifestLists.filter { !known.read.contains(ExactPath($0)) }, ManifestList.names) { location, names in
            for name in try names.get() { manifests.insert(ExactPath(name.path)) }
            try note(location)
            known.read.insert(ExactPath(location))
        }
        try reads.each(manifests.subtracting(known.read).map(\.text).sorted(), Manifest.liveNames) { location, names in
            for name in try names.get() { try note(name.path) }
            try note(location)
            known.read.insert(ExactPath(location))
        }
        names[entry.identifier] = known
        return known.files
    }
}
