/// How the values of a column chunk are written.
enum ValueEncoding: Equatable {
    case plain
    /// Codes of so many bits into the chunk's dictionary page.
    case dictionary(width: Int)
    /// Widths rounded up to whole bytes or not.
    case deltaBinaryPacked(byteAligned: Bool)
    case deltaLengthByteArray
    case deltaByteArray

    var code: Encoding {
        switch self {
        case .plain: .plain
        case .dictionary: .rleDictionary
        case .deltaBinaryPacked: .deltaBinaryPacked
        case .deltaLengthByteArray: .deltaLengthByteArray
        case .deltaByteArray: .deltaByteArray
        }
    }
}

/// A chunk's values with the dictionary that they have, if it pays.
struct EncodableChunk {
    var values: ChunkValues
    var dictionary: Dictionary<ChunkValues>?

    func encode(_ range: Range<Int>, as encoding: ValueEncoding, into buffer: inout PageBuffer) {
        switch (encoding, values) {
        case (.dictionary(let width), _):
            guard let dictionary else { preconditionFailure("dictionary encoding without a dictionary") }
            buffer.append(UInt8(width))
            dictionary.codes.withUnsafeBufferPointer { codes in
                guard let start = codes.baseAddress else { return }
                HybridRLE.encode(start + range.lowerBound, count: range.count, width: width, into: &buffer)
            }
        case (.deltaBinaryPacked(let byteAligned), .words32(let values)):
            Self.encodeDelta(values, range, byteAligned: byteAligned, into: &buffer)
        case (.deltaBinaryPacked(let byteAligned), .words64(let values)):
            Self.encodeDelta(values, range, byteAligned: byteAligned, into: &buffer)
        case (.deltaLengthByteArray, .slices(let slices, nil)):
            slices.withUnsafe { ByteArrayEncoding.encodeDeltaLength($0, range, into: &buffer) }
        case (.deltaByteArray, .slices(let slices, nil)):
            slices.withUnsafe { ByteArrayEncoding.encodeDelta($0, range, into: &buffer) }
        case (.plain, _):
            values.encodePlain(range, into: &buffer)
        default:
            preconditionFailure("encoding \(encoding) for values of another type")
        }
    }

    private static func encodeDelta<T: FixedWidthInteger & SignedInteger>(
        _ values: [T], _ range: Range<Int>, byteAligned: Bool, into buffer: inout PageBuffer
    ) {
        values.withUnsafeBufferPointer { values in
            guard let start = values.baseAddress else { return }
            DeltaBinaryPacked.encode(start + range.lowerBound, count: range.count, byteAligned: byteAligned, into: &buffer)
        }
    }
}

extension EncodableChunk {
    /// Dictionaries above this many bytes are not written: a reader has to hold them whole.
    private static let maxDictionaryBytes = 16 << 20

    /// Builds the dictionary where it can pay: few enough distinct values for their number and size.
    init(_ values: ChunkValues, isInterned: Bool) {
        self.values = values
        let count = values.count
        if count == 0 { return }
        switch values {
        case .bits: break
        case .words32(let words):
            dictionary = DictionaryBuilder.build(words, maxShare: 0.5, maxEntries: count / 3).map {
                Dictionary(entries: .words32($0.entries), codes: $0.codes)
            }
        case .words64(let words):
            dictionary = DictionaryBuilder.build(words, maxShare: 0.6, maxEntries: min(count / 2, Self.maxDictionaryBytes / 8)).map {
                Dictionary(entries: .words64($0.entries), codes: $0.codes)
            }
        case .words128(let words, let width):
            dictionary = DictionaryBuilder.build(words, maxShare: 0.92, maxEntries: min(count / 2, Self.maxDictionaryBytes / width)).map {
                Dictionary(entries: .words128($0.entries, width: width), codes: $0.codes)
            }
        case .slices(let slices, let fixedWidth):
            let built = isInterned
                ? DictionaryBuilder.build(interned: slices)
                : DictionaryBuilder.build(slices, maxShare: 0.4, maxEntries: count / 2)
            dictionary = built.map { Dictionary(entries: .slices($0.entries, fixedWidth: fixedWidth), codes: $0.codes) }
        }
        dropUselessDictionary()
    }

    /// Values of which it is known that they are entries of a dictionary in ascending order.
    init(_ values: ChunkValues, codes: [UInt32], of entries: BatchValues) {
        self.values = values
        let share = if case .words32 = values { 3 } else { 2 }
        guard let found = DictionaryBuilder.build(codes: codes, of: entries.count, maxEntries: codes.count / share) else { return }
        dictionary = Dictionary(entries: entries.gathered(at: found.entries), codes: found.codes)
        dropUselessDictionary()
    }

    private mutating func dropUselessDictionary() {
        guard let entries = dictionary?.entries else { return }
        let size = entries.plainSize + values.count * codeWidth / 8
        if entries.plainSize > Self.maxDictionaryBytes || size > values.plainSize { dictionary = nil }
    }

    /// Bits of the widest code; at least 1, since not every reader takes codes of no bits.
    var codeWidth: Int {
        guard let dictionary else { return 0 }
        return max(BitPacking.width(UInt64(max(dictionary.entries.count - 1, 0))), 1)
    }

    /// The encodings worth a trial, the plainest first.
    func candidates(allowsDelta: Bool) -> [ValueEncoding] {
        var candidates: [ValueEncoding] = []
        if dictionary != nil {
            // Codes of whole bytes let zstd find repetitions that packed bits hide.
            let aligned = codeWidth <= 16 ? (codeWidth + 7) & ~7 : codeWidth
            candidates.append(.dictionary(width: codeWidth))
            if aligned != codeWidth { candidates.append(.dictionary(width: aligned)) }
        } else {
            candidates.append(.plain)
        }
        guard allowsDelta else { return candidates }
        switch values {
        case .words32, .words64:
            candidates += [.deltaBinaryPacked(byteAligned: false), .deltaBinaryPacked(byteAligned: true)]
        case .slices(_, nil) where dictionary == nil:
            candidates += [.deltaLengthByteArray, .deltaByteArray]
        default: break
        }
        return candidates
    }
}
