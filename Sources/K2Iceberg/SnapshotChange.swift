/// Everything one commit needs: objects to write first, then updates to apply if the requirements hold.
public struct SnapshotChange: Equatable, Sendable {
    public struct PendingObject: Equatable, Sendable {
        public var location: String
        public var bytes: [UInt8]
    }

    /// Manifests, then the manifest list.
    public var objects: [PendingObject]
    public var updates: [MetadataUpdate]
    public var requirements: [Requirement]
    public var snapshot: Snapshot
}
