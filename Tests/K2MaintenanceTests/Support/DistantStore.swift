import K2ObjectStore

/// A store behind a network, where each request takes its time.
struct DistantStore: ObjectStore {
    let inner: any ObjectStore

    var capabilities: StoreCapabilities { StoreCapabilities(atomicPutIfAbsent: true, durablePut: true, consistentListing: true) }
    func get(_ location: String) throws(StoreError) -> [UInt8] { try inner.get(location) }
    func get(_ location: String, range: Range<Int64>) throws(StoreError) -> [UInt8] { try inner.get(location, range: range) }
    func size(_ location: String) throws(StoreError) -> Int64 { try inner.size(location) }
    func put(_ bytes: [UInt8], to location: String) throws(StoreError) { try inner.put(bytes, to: location) }
    func putIfAbsent(_ bytes: [UInt8], to location: String) throws(StoreError) { try inner.putIfAbsent(bytes, to: location) }
    func openWriter(_ location: String) throws(StoreError) -> any ObjectWriter { try inner.openWriter(location) }
    func list(prefix: String) throws(StoreError) -> [StoredObject] { try inner.list(prefix: prefix) }
    func delete(_ location: String) throws(StoreError) -> Bool { try inner.delete(location) }
}
