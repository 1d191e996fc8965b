import K2Iceberg
import K2Lake
import K2ObjectStore
import K2Parquet

/// Opens data files of which every column is going to be read.
///
/// Where each read goes over a network, a file is fetched whole into a temporary one first: a column of a small file is some kilobytes, and there are
/// as many of them as columns times files.
final class FileOpener {
    private let store: any ObjectStore
    private let limits: ReaderLimits
    private let temporaryFolder: String
    /// All files that were fetched, one behind the other.
    private var copies: TemporaryFile?

    /// Bytes that are asked for at once.
    private static let step: Int64 = 8 << 20

    init(store: any ObjectStore, limits: ReaderLimits, temporaryFolder: String) {
        self.store = store
        self.limits = limits
        self.temporaryFolder = temporaryFolder
    }

    /// - Parameter keepLease: called before each read, also later ones of the file.
    func open(_ file: DataFile, keepLease: @escaping () throws -> Void) throws -> TableFile {
        if store.capabilities.isLocal { return try TableFile(file, in: store, limits: limits, mayGoOn: keepLease) }
        let copies = try self.copies ?? TemporaryFile(in: temporaryFolder)
        self.copies = copies
        let first = copies.count
        var start: Int64 = 0
        while start < file.fileSize {
            try keepLease()
            let end = min(start + Self.step, file.fileSize)
            _ = try copies.append(try TableFile.read(start..<end, of: file, in: store))
            start = end
        }
        return try TableFile(file, limits: limits) {
            try keepLease()
            return try copies.read($0.lowerBound + first..<$0.upperBound + first)
        }
    }
}
