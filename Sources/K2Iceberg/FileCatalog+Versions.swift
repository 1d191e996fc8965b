import K2ObjectStore

extension FileCatalog {
    /// How far the search goes on from the hint before a listing is cheaper.
    private static let maxSteps = 64
    /// How often an exclusive put of unknown outcome is sent.
    private static let maxPuts = 3

    // MARK: The newest version

    /// The newest version of a table; nil when it never had one.
    func newestVersion(_ identifier: TableIdentifier) throws(IcebergError) -> TableVersion? {
        if let hinted = hintedVersion(identifier), let found = try newestVersion(identifier, from: hinted) { return found }
        return try listedVersion(identifier)
    }

    /// What the hint says; nil when there is none or it is no number.
    private func hintedVersion(_ identifier: TableIdentifier) -> Int? {
        guard let bytes = try? store.get(layout.hint(identifier)), bytes.count <= 64 else { return nil }
        let text = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
        return FileLayout.versionNumber("v\(text).metadata.json")
    }

    /// The last version that follows on `number` without a hole; nil when there is no such version, or too many follow.
    private func newestVersion(_ identifier: TableIdentifier, from number: Int) throws(IcebergError) -> TableVersion? {
        guard var size = try size(layout.version(number, of: identifier)) else { return nil }
        for step in 0..<Self.maxSteps {
            guard let next = try self.size(layout.version(number + step + 1, of: identifier)) else {
                return TableVersion(number: number + step, isEmpty: size == 0)
            }
            size = next
        }
        return nil
    }

    private func listedVersion(_ identifier: TableIdentifier) throws(IcebergError) -> TableVersion? {
        let objects = try list(layout.metadataFolder(identifier) + "/v")
        if let compressed = objects.first(where: { FileLayout.isForeignMetadata(StoreLocation.name($0.location)) }) {
            throw IcebergError(.unsupported, "\(compressed.location): compressed metadata is not read")
        }
        return layout.contents(objects).tables[identifier]
    }

    /// Size of an object in bytes; nil when there is none.
    func size(_ location: String) throws(IcebergError) -> Int64? {
        do throws(StoreError) { return try store.size(location) } catch {
            if error.code == .notFound { return nil }
            throw IcebergError(error)
        }
    }

    // MARK: The next version

    /// Stores `bytes` where nothing is yet; false when something else is there.
    ///
    /// What stands there afterwards decides, whatever the store answered: a put that was carried out is never taken for
    /// failed. One of unknown outcome is sent again, which changes nothing if the first one still arrives.
    func putExclusively(_ bytes: [UInt8], at location: String) throws(IcebergError) -> Bool {
        for attempt in 1...Self.maxPuts {
            let failure: StoreError
            do throws(StoreError) {
                try store.putIfAbsent(bytes, to: location)
                return true
            } catch { failure = error }
            if let found = try content(of: location, after: failure) { return found == bytes }
            if failure.code == .alreadyExists { return false }
            guard failure.code == .outcomeUnknown else { throw IcebergError(failure) }
            if attempt < Self.maxPuts { environment.sleepMS(Int64(100 << attempt)) }
        }
        throw IcebergError(.outcomeUnknown, "\(location): outcome unknown: not there, but may still arrive")
    }

    /// What stands at `location` after a put that failed; nil when nothing does.
    private func content(of location: String, after failure: StoreError) throws(IcebergError) -> [UInt8]? {
        do throws(StoreError) { return try store.get(location) } catch {
            if error.code == .notFound || failure.changedNothing { return nil }
            throw IcebergError(.outcomeUnknown, "\(failure): outcome unknown: reading back: \(error.reason)")
        }
    }

    /// Points the hint at the newest version, or removes it after a drop. Nothing depends on it, so failing to is no error.
    ///
    /// Whoever writes the hint last has looked beyond it afterwards: writers at the same time leave no hint behind for good.
    func writeHint(_ identifier: TableIdentifier, _ number: Int) {
        var known = number - 1
        while let newest = (try? newestVersion(identifier, from: known + 1)) ?? nil, newest.number > known {
            known = newest.number
            if newest.isEmpty {
                _ = try? store.delete(layout.hint(identifier))
            } else if (try? store.put(Array(String(known).utf8), to: layout.hint(identifier))) == nil {
                return
            }
        }
    }
}

extension StoreError {
    fileprivate var changedNothing: Bool { code == .noSpace || code == .permission || code == .invalidLocation || code == .alreadyExists }
}
