import Glibc
import K2Compression
import K2NDJSON

/// How an existing recording ends, so that it can be gone on with.
enum RecordingTail: Equatable {
    /// The first bytes, so many, are whole members or frames; what stands behind them was cut off in writing.
    case wholeUpTo(Int)
    /// Damaged, or of another format: it has to be left alone.
    case damaged

    /// Decompresses the whole file, at some hundred MB a second: the members do not say where they end.
    static func find(_ descriptor: Int32, _ format: RecordingFormat, path: String) throws(StreamError) -> RecordingTail {
        switch format {
        case .gzip: try gzip(descriptor, path)
        case .zstd: try zstd(descriptor, path)
        }
    }

    private static let chunkBytes = 1 << 18

    private static func gzip(_ descriptor: Int32, _ path: String) throws(StreamError) -> RecordingTail {
        guard var stream = try? GunzipStream() else { throw StreamError(.readFailed, name: path, errno: ENOMEM) }
        let isReadable = try read(descriptor, path) { input, room in try? stream.read(input, into: &room) }
        guard isReadable else { return .damaged }
        do throws(CompressedDataError) { try stream.finish() } catch {
            if error.code != .truncated { return .damaged }
        }
        return .wholeUpTo(stream.lastMemberEnd)
    }

    private static func zstd(_ descriptor: Int32, _ path: String) throws(StreamError) -> RecordingTail {
        guard var stream = try? ZstdStream() else { throw StreamError(.readFailed, name: path, errno: ENOMEM) }
        let isReadable = try read(descriptor, path) { input, room in try? stream.read(input, into: &room) }
        guard isReadable else { return .damaged }
        do throws(CompressedDataError) { try stream.finish() } catch {
            if error.code != .truncated { return .damaged }
        }
        return .wholeUpTo(stream.lastFrameEnd)
    }

    /// Hands all bytes to `step`; false when that gave nil.
    private static func read(
        _ descriptor: Int32, _ path: String, _ step: (Span<UInt8>, inout MutableSpan<UInt8>) -> GunzipStream.Step?
    ) throws(StreamError) -> Bool {
        var chunk = [UInt8](repeating: 0, count: chunkBytes)
        var scratch = [UInt8](repeating: 0, count: 2 * chunkBytes)
        var offset = 0
        while true {
            let count = chunk.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, off_t(offset)) }
            if count == 0 { return true }
            if count < 0 {
                if errno == EINTR { continue }
                throw StreamError(.readFailed, name: path, errno: errno)
            }
            guard decompress(chunk, count, into: &scratch, step) else { return false }
            offset += count
        }
    }

    /// Until nothing more comes out: the end of a member may still be inside.
    private static func decompress(
        _ chunk: [UInt8], _ count: Int, into scratch: inout [UInt8], _ step: (Span<UInt8>, inout MutableSpan<UInt8>) -> GunzipStream.Step?
    ) -> Bool {
        let bytes = chunk.span
        var start = 0
        while true {
            var room = scratch.mutableSpan
            guard let done = step(bytes.extracting(start..<count), &room) else { return false }
            start += done.consumed
            if done == GunzipStream.Step() { return true }
        }
    }
}
