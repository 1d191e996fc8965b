import Glibc
import K2CLI
import K2NDJSON

/// A file of metrics for a collector that reads files. It is replaced as a whole, so no reader sees a part of it; what it said before is kept at
/// hand, so that totals grow from run to run and a series that has no new value keeps its last one.
public struct MetricsFile {
    private let path: String
    private let before: [String: Double]
    /// What the file said, metric by metric, in its order.
    public let families: [Family]

    /// A metric and its series.
    public struct Family: Equatable, Sendable {
        public var name: String
        public var help: String
        /// `counter` or `gauge`.
        public var type: String
        /// Written as `name{label="value"}`.
        public var samples: [String: Double] = [:]

        public init(name: String, help: String, type: String) {
            self.name = name
            self.help = help
            self.type = type
        }
    }

    /// Reads what is there, if anything is, and makes sure that something can be written: after the work it would be too late.
    public init(path: String) throws(ToolFailure) {
        self.path = path
        let probe = Self.aside(path)
        let descriptor = Self.create(probe)
        guard descriptor >= 0 else { throw ToolFailure(.usage, "\(path): cannot write metrics: \(StreamError.reason(errno))") }
        close(descriptor)
        unlink(probe)
        let text = try InputFile.readIfPresent(path, what: "metrics file", limit: 1 << 22).map { String(decoding: $0, as: UTF8.self) } ?? ""
        families = Self.families(text)
        before = families.reduce(into: [:]) { $0.merge($1.samples) { $1 } }
    }

    private static func families(_ text: String) -> [Family] {
        var families: [Family] = []
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 3).map(String.init)
            if line.hasPrefix("# HELP "), words.count >= 3 {
                families.append(Family(name: words[2], help: words.count > 3 ? words[3] : "", type: "untyped"))
            } else if line.hasPrefix("# TYPE "), words.count > 3, let last = families.indices.last, families[last].name == words[2] {
                families[last].type = words[3]
            } else if !line.hasPrefix("#"), let space = line.lastIndex(of: " "), let value = Double(line[line.index(after: space)...]) {
                let series = String(line[..<space])
                let name = series.prefix { $0 != "{" }
                if families.last?.name != String(name) { families.append(Family(name: String(name), help: "", type: "untyped")) }
                families[families.count - 1].samples[series] = value
            }
        }
        return families
    }

    /// The value that the file had for a series, written as `name{label="value"}`.
    public func before(_ series: String) -> Double? { before[series] }

    /// Writes the file aside and renames it.
    public func replace(_ bytes: Span<UInt8>) throws(ToolFailure) {
        let aside = Self.aside(path)
        func fail() -> ToolFailure {
            let reason = StreamError.reason(errno)
            unlink(aside)
            return ToolFailure(.failed, "\(path): cannot write metrics: \(reason)")
        }
        let descriptor = Self.create(aside)
        guard descriptor >= 0 else { throw fail() }
        let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        guard written == bytes.count, close(descriptor) == 0, rename(aside, path) == 0 else { throw fail() }
    }

    private static func aside(_ path: String) -> String { "\(path).\(getpid()).tmp" }

    private static func create(_ path: String) -> Int32 { Glibc.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644) }
}
