import K2Bytes

/// Reads the path and query of a REST request.
enum RequestText {
    /// The value of a query parameter, or nil when the request has none of that name.
    static func parameter(_ name: StaticString, in request: ByteRange, _ text: Span<UInt8>) -> ByteRange? {
        var start = Int(request.lower)
        let end = Int(request.upper)
        while start < end, text[start] != UInt8(ascii: "?") { start += 1 }
        while start < end {
            start += 1
            var stop = start
            while stop < end, text[stop] != UInt8(ascii: "&") { stop += 1 }
            var equals = start
            while equals < stop, text[equals] != UInt8(ascii: "=") { equals += 1 }
            if equals < stop - 1, text.extracting(start..<equals).equals(name) { return ByteRange(equals + 1, stop) }
            start = stop
        }
        return nil
    }

    /// The path segment that follows `name`, or nil.
    static func segment(after name: StaticString, in request: ByteRange, _ text: Span<UInt8>) -> ByteRange? {
        var previous = ByteRange.empty
        var start = Int(request.lower)
        let end = Int(request.upper)
        while start < end {
            var stop = start
            while stop < end, text[stop] != UInt8(ascii: "/"), text[stop] != UInt8(ascii: "?") { stop += 1 }
            if stop > start, text.part(previous).equals(name) { return ByteRange(start, stop) }
            previous = ByteRange(start, stop)
            if stop < end, text[stop] == UInt8(ascii: "?") { return nil }
            start = stop + 1
        }
        return nil
    }
}
