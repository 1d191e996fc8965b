import Glibc

/// Members of a record's line, found without reading the rest of it: a drill has a million lines.
///
/// The first place where `"name":` stands is the member, which holds for the members of records that are asked for here.
struct RecordText {
    let bytes: UnsafeRawBufferPointer

    /// The lines of a text, without a torn last one. Each ends with a zero byte, for the functions of C.
    static func forEach(in text: [UInt8], _ body: (RecordText) throws -> Void) rethrows {
        var text = text
        try text.withUnsafeMutableBytes { bytes in
            var start = 0
            while start < bytes.count, let end = memchr(bytes.baseAddress! + start, 0x0a, bytes.count - start) {
                let next = UnsafeRawPointer(bytes.baseAddress!).distance(to: end)
                bytes[next] = 0
                try body(RecordText(bytes: UnsafeRawBufferPointer(rebasing: bytes[start..<next])))
                start = next + 1
            }
        }
    }

    var text: String { String(decoding: bytes, as: UTF8.self) }

    /// The text of a member without its quotes, empty when it is missing.
    subscript(name: StaticString) -> UnsafeRawBufferPointer {
        let line = bytes.baseAddress!.assumingMemoryBound(to: CChar.self)
        let place = name.withUTF8Buffer { strstr(line, UnsafeRawPointer($0.baseAddress!).assumingMemoryBound(to: CChar.self)) }
        guard let place else { return UnsafeRawBufferPointer(rebasing: bytes[0..<0]) }
        var start = bytes.baseAddress!.distance(to: UnsafeRawPointer(place)) + name.utf8CodeUnitCount
        if start < bytes.count, bytes[start] == UInt8(ascii: "\"") { start += 1 }
        let ends = UnsafeRawBufferPointer(rebasing: bytes[start...])
        return UnsafeRawBufferPointer(rebasing: ends[..<Self.length(ends)])
    }

    private static func length(_ bytes: UnsafeRawBufferPointer) -> Int {
        var count = 0
        while count < bytes.count, bytes[count] != UInt8(ascii: "\""), bytes[count] != UInt8(ascii: ","), bytes[count] != UInt8(ascii: "}") {
            count += 1
        }
        return count
    }

    func string(_ name: StaticString) -> String { String(decoding: self[name], as: UTF8.self) }

    func number(_ name: StaticString) -> UInt64? {
        var value: UInt64 = 0
        let digits = self[name]
        for digit in digits {
            guard digit >= 0x30, digit <= 0x39 else { return nil }
            value = value &* 10 &+ UInt64(digit &- 0x30)
        }
        return digits.isEmpty ? nil : value
    }

    func starts(with head: StaticString) -> Bool {
        bytes.count >= head.utf8CodeUnitCount && memcmp(bytes.baseAddress!, head.utf8Start, head.utf8CodeUnitCount) == 0
    }
}
