import K2Compression
import K2HTTP

/// The bytes of a result that is sent as it is computed, decompressed.
public final class ClickHouseStream {
    private let stream: HTTPStream
    private let host: String
    private let queryID: String?
    /// The tag that marks an error behind the rows, since version 25.11.
    private let exceptionTag: String?
    private var isCompressed: Bool
    private var inflater: ZstdStream
    private var packed: [UInt8] = []
    /// Bytes of `packed` that were used up.
    private var used = 0
    private var room: [UInt8]

    private static let roomBytes = 1 << 20

    init(_ stream: HTTPStream, host: String, id: String?) throws(ClickHouseError) {
        self.stream = stream
        self.host = host
        queryID = stream.header("X-ClickHouse-Query-Id") ?? id
        exceptionTag = stream.header("X-ClickHouse-Exception-Tag")
        isCompressed = stream.header("Content-Encoding")?.lowercased() == "zstd"
        do throws(CompressedDataError) { inflater = try ZstdStream() } catch { throw ClickHouseError(.temporary, "\(error)") }
        room = isCompressed ? [UInt8](repeating: 0, count: Self.roomBytes) : []
    }

    deinit { close() }

    /// Appends what came next; false at the end.
    public func read(into bytes: inout [UInt8]) throws(ClickHouseError) -> Bool {
        guard isCompressed else { return try receive(into: &bytes) }
        while true {
            if try inflate(into: &bytes) { return true }
            packed.removeFirst(used)
            used = 0
            if try !receive(into: &packed) { break }
        }
        do throws(CompressedDataError) { try inflater.finish() } catch { throw failure("\(error)") }
        return false
    }

    public func close() { stream.close() }

    private func receive(into bytes: inout [UInt8]) throws(ClickHouseError) -> Bool {
        do throws(HTTPError) { return try stream.read(into: &bytes) } catch {
            throw error.code == .aborted ? ClickHouseError(.aborted, "aborted") : failure(error.reason)
        }
    }

    private func inflate(into bytes: inout [UInt8]) throws(ClickHouseError) -> Bool {
        let rest = packed[used...]
        do throws(CompressedDataError) {
            var step = GunzipStream.Step()
            var failure: CompressedDataError?
            rest.withUnsafeBufferPointer { source in
                room.withUnsafeMutableBufferPointer { target in
                    var space = MutableSpan(_unsafeElements: target)
                    do throws(CompressedDataError) { step = try inflater.read(Span(_unsafeElements: source), into: &space) } catch { failure = error }
                }
            }
            if let failure { throw failure }
            used += step.consumed
            bytes.append(contentsOf: room[..<step.produced])
            return step.produced > 0
        } catch {
            throw failure("\(error)")
        }
    }

    /// An error of this query that may pass.
    func failure(_ reason: String) -> ClickHouseError { ClickHouseError(.temporary, "\(host): \(reason)\(suffix)") }

    private var suffix: String { queryID.map { " [query \($0)]" } ?? "" }

    /// The server's error in bytes that were no rows, or nil when there is none: one that fails after it has begun to answer puts
    /// the error behind the rows.
    func exception(in bytes: ArraySlice<UInt8>) -> ClickHouseError? {
        guard let exception = ClickHouseReply.exceptionInside(bytes, tag: exceptionTag) else { return nil }
        return ClickHouseError(exception.fault, code: exception.code, "\(host): code \(exception.code): \(exception.message)\(suffix)")
    }
}
