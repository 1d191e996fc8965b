/// A location in the one spelling by which two locations are compared, byte by byte.
///
/// `s3://`, `s3a://` and `s3n://` name the same object, and so do `/p`, `file:/p`, `file:///p` and `file://localhost/p`. In local paths
/// repeated slashes and `.` mean nothing; in keys of an object store they do. Nothing is decoded: writers record paths as they are. Links are not
/// followed: `RealPlaces` does that.
public struct LocationKey: Hashable, Sendable, CustomStringConvertible {
    private let path: ExactPath

    public var text: String { path.text }

    public init(_ location: String) {
        switch StoreLocation.scheme(location) {
        case "s3", "s3a", "s3n":
            let rest = location.drop { $0 != ":" }.dropFirst()
            path = ExactPath(rest.hasPrefix("//") ? "s3:" + rest : location)
        case "file": path = ExactPath((try? StoreLocation.localPath(location)).map(Self.clean) ?? location)
        case nil where location.utf8.first == .slash: path = ExactPath(Self.clean(location))
        default: path = ExactPath(location)
        }
    }

    /// A local path that needs no cleaning.
    init(real path: String) { self.path = ExactPath(path) }

    /// Without empty parts and `.`; a slash at the end stays.
    private static func clean(_ path: String) -> String {
        let bytes = path.utf8
        if !zip(bytes, bytes.dropFirst()).contains(where: { $0 == .slash && ($1 == .slash || $1 == UInt8(ascii: ".")) }) { return path }
        let parts = bytes.split(separator: .slash).filter { !$0.elementsEqual(".".utf8) }.map { String(Substring($0)) }
        return "/" + parts.joined(separator: "/") + (bytes.last == .slash && !parts.isEmpty ? "/" : "")
    }

    /// Whether this is `folder`, or lies below it.
    public func isInside(_ folder: LocationKey) -> Bool {
        let (inner, outer) = (text.utf8, folder.text.utf8)
        guard inner.starts(with: outer) else { return false }
        return inner.count == outer.count || outer.last == .slash || inner.dropFirst(outer.count).first == .slash
    }

    /// The path from `folder` to this; nil when it does not lie below it.
    public func path(below folder: LocationKey) -> String? {
        guard self != folder, isInside(folder) else { return nil }
        return String(Substring(text.utf8.dropFirst(folder.text.utf8.count).drop { $0 == .slash }))
    }

    /// A folder's location, with or without slashes at its end.
    public static func folder(_ location: String) -> LocationKey {
        var location = location[...]
        while location.count > 1, location.hasSuffix("/"), !location.hasSuffix("://") { location.removeLast() }
        return LocationKey(String(location))
    }

    public var description: String { text }
}
