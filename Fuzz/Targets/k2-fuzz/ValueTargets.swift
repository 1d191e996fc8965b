import K2Bytes
import K2Compression
import K2Domain
import K2JSON

/// A document's nodes lie inside the text, in order, and each value stands for itself.
let fuzzDocument: @Sendable ([UInt8]) -> Void = { bytes in
    var document = JSONDocument(maxValues: 10_000)
    do throws(JSONError) { try document.parse(bytes.span) } catch { return require(error.offset <= bytes.count, "offset \(error.offset)") }
    require(document.count > 0 && document.next(0) == document.count, "root does not hold everything")
    var position = 0
    for node in 0..<document.count {
        let range = document.verbatim(node)
        require(Int(range.lower) >= position && Int(range.upper) <= bytes.count && range.lower < range.upper, "node \(node) at \(range)")
        position = Int(range.lower)
        require(document.next(node) > node && document.next(node) <= document.count, "next of \(node)")
        if document.kind(node) == .string { _ = JSONString.string(bytes.span.part(document.range(node))) }
    }
    // The last value alone is a document as well.
    let last = Array(bytes[document.verbatim(document.count - 1).range])
    do throws(JSONError) { try document.parse(last.span) } catch { require(false, "a value is no document: \(error)") }
}

/// What the tree reads, the document reads too, and the tree's text gives the same tree.
let fuzzValue: @Sendable ([UInt8]) -> Void = { bytes in
    guard let value = try? JSONValue(parsing: bytes, maxDepth: 64) else { return }
    require((try? JSONValue(parsing: value.bytes, maxDepth: 64)) == value, "text does not give the tree again")
    var document = JSONDocument()
    do throws(JSONError) { try document.parse(bytes.span) } catch { require(false, "the document refuses it: \(error)") }
}

let fuzzDecimal: @Sendable ([UInt8]) -> Void = { bytes in
    var isPlain = false
    guard let value = try? FixedDecimal.parse(bytes.span, isPlain: &isPlain) else { return }
    let text = value.description
    require(FixedDecimal(text) == value, "\(text) is another value")
    require(!isPlain || Array(text.utf8) == bytes, "\(text) is not the text that is said to be plain")
    require(value.trimmed == value && value.hashValue == value.trimmed.hashValue, "\(text) differs from itself without zeros")
    for other in [value, FixedDecimal(mantissa: 1, scale: 0), FixedDecimal(mantissa: -7, scale: 38)] {
        if let product = value.multiplied(by: other) { require(other.multiplied(by: value) == product, "\(text) × \(other)") }
        if let sum = value.adding(other) { require(other.adding(value) == sum, "\(text) + \(other)") }
        require(!(value < other && other < value), "\(text) and \(other) are both less")
    }
}

let fuzzTime: @Sendable ([UInt8]) -> Void = { bytes in
    guard let time = try? Timestamp(rfc3339: bytes.span) else { return }
    let text = time.description
    require(text.utf8.count == 27 && Timestamp(text) == time, "\(text) is another time")
}

/// Pieces of any size give the same bytes or the same error, and never more than they were allowed.
let fuzzGzip: @Sendable ([UInt8]) -> Void = { bytes in
    let whole = inflate(bytes, pieces: bytes.count)
    let parts = inflate(bytes, pieces: 1 + bytes.count % 7)
    require(whole == parts, "the result depends on the pieces")
}

private func inflate(_ bytes: [UInt8], pieces: Int) -> [UInt8]? {
    guard var stream = try? GunzipStream() else { return nil }
    var output: [UInt8] = []
    var room = [UInt8](repeating: 0, count: 4_096)
    var start = 0
    while start < bytes.count {
        let input = Array(bytes[start..<min(bytes.count, start + max(1, pieces))])
        var used = 0
        while output.count < 1 << 20 {
            var span = room.mutableSpan
            guard let step = try? stream.read(input.span.extracting(used..<input.count), into: &span) else { return nil }
            require(step.consumed <= input.count - used && step.produced <= room.count, "\(step)")
            used += step.consumed
            output += room[..<step.produced]
            if step.consumed == 0 && step.produced == 0 { break }
        }
        if output.count >= 1 << 20 { return Array(output.prefix(1 << 20)) }
        start += input.count
    }
    return (try? stream.finish()) == nil ? nil : output
}
