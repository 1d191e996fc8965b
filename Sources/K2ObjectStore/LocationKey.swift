/// A location in the one spelling by which two locations are compared.
///
/// `s3://`, `s3a://` and `s3n://` name the same object, and so do `/p`, `file:/p`, `file:///p` and `file://localhost/p`. In local paths
/// repeated slashes and `.` mean nothing; in keys of an object store they do. Links are not followed, and nothing is decoded: writers record
/// paths as they are.
public struct LocationKey: Hashable, Sendable, CustomStringConvertible {
    public let text: String

    public init(_ location: String) {
        switch StoreLocation.scheme(location) {
        case "s3", "s3a", "s3n":
            let rest = location.drop { $0 != ":" }.dropFirst()
            text = rest.hasPrefix("//") ? "s3:" + rest : location
        case "file": text = (try? StoreLocation.localPath(location)).map(Self.clean) ?? location
        case nil where location.hasPrefix("/"): text = Self.clean(location)
        default: text = location
        }
    }

    /// Without empty parts and `.`; a slash at the end stays.
    private static func clean(_ path: String) -> String {
        if !path.contains("//") && !path.contains("/.") { return path }
        let parts = path.split(separator: "/").filter { $0 != "." }
        return "/" + parts.joined(separator: "/") + (path.hasSuffix("/") && !parts.isEmpty ? "/" : "")
    }

    /// Whether this is `folder`, or lies below it.
    public func isInside(_ folder: LocationKey) -> Bool {
        if text == folder.text { return true }
        return text.hasPrefix(folder.text.hasSuffix("/") ? folder.text : folder.text + "/")
    }

    /// A folder's location, with or without slashes at its end.
    public static func folder(_ location: String) -> LocationKey {
        var location = location[...]
        while location.count > 1, location.hasSuffix("/"), !location.hasSuffix("://") { location.removeLast() }
        return LocationKey(String(location))
    }

    public var description: String { text }
}
