/// Names a partition: files of two specs are never in the same one, whatever their values.
public struct PartitionKey: Hashable, Sendable {
    public var specID: Int
    public var values: [Datum?]

    public init(specID: Int, values: [Datum?]) {
        self.specID = specID
        self.values = values
    }

    public init(_ file: DataFile) { self.init(specID: file.specID, values: file.partition) }
}
