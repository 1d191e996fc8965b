import K2CLI
import K2Compression

/// Turns the bytes of a recording into text: as they are, from gzip or from zstd.
struct RecordingDecompressor: ~Copyable {
    /// How many bytes at the start of a recording tell its format.
    static let magicBytes = Zstd.magic.count

    private var gunzip: GunzipStream?
    private var unzstd: ZstdStream?

    /// No decompression.
    init() {}

    /// What fits a recording that starts with `start`.
    ///
    /// - Parameters:
    ///   - start: `magicBytes` bytes, fewer only when the recording is shorter.
    ///   - name: for messages; the name of a compressed file promises bytes even when there are none.
    static func recognise(_ start: Span<UInt8>, name: String) throws(ToolFailure) -> RecordingDecompressor {
        do throws(CompressedDataError) {
            if start.isEmpty, name.hasSuffix(".gz") { throw CompressedDataError(.gzip, .truncated, at: 0) }
            if start.isEmpty, name.hasSuffix(".zst") { throw CompressedDataError(.zstd, .truncated, at: 0) }
            var result = RecordingDecompressor()
            if isGzip(start) { result.gunzip = try GunzipStream() }
            if isZstd(start) { result.unzstd = try ZstdStream() }
            return result
        } catch {
            throw refused(error, name)
        }
    }

    private static func isGzip(_ start: Span<UInt8>) -> Bool {
        start.count >= 2 && start[0] == Gzip.magic.0 && start[1] == Gzip.magic.1
    }

    /// Also the start of the magic, when the recording ends there.
    private static func isZstd(_ start: Span<UInt8>) -> Bool {
        guard start.count >= 2 else { return false }
        for index in 0..<min(start.count, Zstd.magic.count) where start[index] != Zstd.magic[index] { return false }
        return true
    }

    /// Uses up some or all of `input` and puts text into `room` from `position` on.
    mutating func read(
        _ input: Span<UInt8>, into room: inout MutableSpan<UInt8>, at position: Int, name: String
    ) throws(ToolFailure) -> GunzipStream.Step {
        do throws(CompressedDataError) {
            if let step = try gunzip?.read(input, into: &room, at: position) { return step }
            if let step = try unzstd?.read(input, into: &room, at: position) { return step }
        } catch {
            throw Self.refused(error, name)
        }
        return Self.copy(input, into: &room, at: position)
    }

    private static func copy(_ input: Span<UInt8>, into room: inout MutableSpan<UInt8>, at position: Int) -> GunzipStream.Step {
        let count = min(input.count, room.count - position)
        if count == 0 { return GunzipStream.Step() }
        input.withUnsafeBufferPointer { source in
            room.withUnsafeMutableBufferPointer { target in
                (target.baseAddress! + position).update(from: source.baseAddress!, count: count)
            }
        }
        return GunzipStream.Step(consumed: count, produced: count)
    }

    /// Says that no input follows.
    func finish(name: String) throws(ToolFailure) {
        do throws(CompressedDataError) {
            try gunzip?.finish()
            try unzstd?.finish()
        } catch {
            throw Self.refused(error, name)
        }
    }

    private static func refused(_ error: CompressedDataError, _ name: String) -> ToolFailure {
        ToolFailure(error.code == .outOfMemory ? .failed : .badInput, "\(name): \(error)")
    }
}
