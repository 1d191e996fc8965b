import K2Bytes

/// What a metric is.
public enum MetricType: String, Sendable {
    /// Only ever grows; its name ends in `_total`.
    case counter
    case gauge
    case histogram
}

/// Writes metrics in the Prometheus text format 0.0.4.
///
/// Source: https://prometheus.io/docs/instrumenting/exposition_formats/
///
/// ```swift
/// var text = MetricsText()
/// text.family("k2_feed_trades_total", help: "Trades received.", .counter)
/// text.sample([("exchange", "kraken")], 17)
/// ```
public struct MetricsText: ~Copyable {
    /// The media type of the text.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// What was written. May be cleared between two families, to write the next answer into the same storage.
    public var output: ByteWriter
    private var name = ""

    public init(capacity: Int = 1 << 12) { output = ByteWriter(capacity: capacity) }

    /// Begins a metric; its samples follow.
    /// - Precondition: `name` has letters, digits, `_` and `:` only, and does not begin with a digit; it comes once in a text.
    public mutating func family(_ name: String, help: String, _ type: MetricType) {
        assert(Self.isName(name, colons: true), "not the name of a metric: \(name)")
        self.name = name
        output.append("# HELP ")
        output.append(string: name)
        output.append(UInt8(ascii: " "))
        Self.escape(help, quotes: false, to: &output)
        output.append("\n# TYPE ")
        output.append(string: name)
        output.append(UInt8(ascii: " "))
        output.append(string: type.rawValue)
        output.append(UInt8(ascii: "\n"))
    }

    /// A value of the metric that was begun last, with its labels in the order in which they are to stand.
    /// - Precondition: a label's name has letters, digits and `_` only, and does not begin with a digit.
    public mutating func sample(_ labels: [(String, String)], _ value: Int) {
        begin("", labels, bound: nil)
        output.append(decimal: Int64(value))
        output.append(UInt8(ascii: "\n"))
    }

    public mutating func sample(_ labels: [(String, String)], _ value: Double) { line("", labels, value) }

    /// The lines of a histogram: its buckets, each with those below it, sum and count.
    /// - Precondition: no label is named `le`.
    public mutating func sample(_ labels: [(String, String)], _ histogram: Histogram) {
        var below = 0
        for (index, count) in histogram.counts.enumerated() {
            below += count
            begin("_bucket", labels, bound: index < histogram.bounds.count ? histogram.bounds[index] : .infinity)
            output.append(decimal: Int64(below))
            output.append(UInt8(ascii: "\n"))
        }
        line("_sum", labels, histogram.sum)
        begin("_count", labels, bound: nil)
        output.append(decimal: Int64(below))
        output.append(UInt8(ascii: "\n"))
    }

    private mutating func line(_ suffix: StaticString, _ labels: [(String, String)], _ value: Double) {
        begin(suffix, labels, bound: nil)
        Self.write(value, to: &output)
        output.append(UInt8(ascii: "\n"))
    }

    /// Writes everything before the value.
    private mutating func begin(_ suffix: StaticString, _ labels: [(String, String)], bound: Double?) {
        assert(!name.isEmpty, "a sample before its family")
        output.append(string: name)
        output.append(suffix)
        var separator: StaticString = "{"
        for (label, value) in labels {
            assert(Self.isName(label, colons: false), "not the name of a label: \(label)")
            output.append(separator)
            separator = ","
            output.append(string: label)
            output.append("=\"")
            Self.escape(value, quotes: true, to: &output)
            output.append(UInt8(ascii: "\""))
        }
        if let bound {
            output.append(separator)
            output.append("le=\"")
            Self.write(bound, to: &output)
            output.append(UInt8(ascii: "\""))
        }
        if bound != nil || !labels.isEmpty { output.append(UInt8(ascii: "}")) }
        output.append(UInt8(ascii: " "))
    }

    static func write(_ value: Double, to output: inout ByteWriter) {
        if value.isNaN {
            output.append("NaN")
        } else if value.isInfinite {
            output.append(value < 0 ? "-Inf" : "+Inf")
        } else if let whole = Int64(exactly: value), whole.magnitude < 1 << 53 {
            output.append(decimal: whole)
        } else {
            // The shortest text that gives this value again.
            output.append(string: value.description)
        }
    }

    private static func escape(_ text: String, quotes: Bool, to output: inout ByteWriter) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): output.append("\\\\")
            case UInt8(ascii: "\n"): output.append("\\n")
            case UInt8(ascii: "\"") where quotes: output.append("\\\"")
            default: output.append(byte)
            }
        }
    }

    private static func isName(_ name: String, colons: Bool) -> Bool {
        guard let first = name.utf8.first, !(0x30...0x39).contains(first) else { return false }
        return name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte) || byte == UInt8(ascii: "_")
                || (colons && byte == UInt8(ascii: ":"))
        }
    }
}
