import K2HTTP

/// An object being written: a single PUT when it stays below one part, else a multipart upload. Holds one part in memory.
///
/// The size of the parts doubles each time a tenth of their number is used, so that S3's 10,000 parts reach beyond its largest
/// object (5 TiB) and an object below 8 GB has parts of 8 MiB all along.
///
/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html (2026-02).
final class S3Writer: ObjectWriter {
    let location: String
    private(set) var count: Int64 = 0
    private let place: S3Location
    private let store: S3Store
    private let mark: S3Mark
    private var buffer: [UInt8] = []
    private var upload: Upload?
    private var isOpen = true

    /// What S3 knows already.
    private struct Upload {
        var id: String
        /// Of the parts, in order.
        var tags: [String] = []
    }

    init(_ location: String, _ place: S3Location, store: S3Store) {
        self.location = location
        self.place = place
        self.store = store
        mark = S3Mark(store.client.clock)
    }

    deinit { abort() }

    private var partBytes: Int {
        let options = store.client.options
        return Self.partBytes(number: (upload?.tags.count ?? 0) + 1, first: options.partBytes, of: options.maxParts)
    }

    /// Size of a part; the first has number 1.
    static func partBytes(number: Int, first: Int, of maxParts: Int) -> Int { first << ((number - 1) * 10 / max(maxParts, 10)) }

    func write(_ bytes: Span<UInt8>) throws(StoreError) {
        guard isOpen else { throw StoreError(.inputOutput, at: location, "write: writer is closed") }
        var done = 0
        while done < bytes.count {
            // Only once more bytes come: an object of exactly one part needs no upload.
            if buffer.count >= partBytes { try giveUpOnError { () throws(S3Failure) in try sendPart() } }
            let taken = min(bytes.count - done, partBytes - buffer.count)
            bytes.extracting(done..<(done + taken)).withUnsafeBufferPointer { buffer.append(contentsOf: $0) }
            done += taken
            count += Int64(taken)
        }
    }

    func close() throws(StoreError) {
        guard isOpen else { throw StoreError(.inputOutput, at: location, "close: writer is closed") }
        guard upload != nil else {
            isOpen = false
            defer { buffer = [] }
            return try store.put(buffer, to: location)
        }
        try giveUpOnError { () throws(S3Failure) in try sendPart() }
        try complete()
        isOpen = false
    }

    func abort() {
        guard isOpen else { return }
        isOpen = false
        buffer = []
        guard let upload else { return }
        let request = S3Request("DELETE", place, query: [("uploadId", upload.id)])
        // What remains is for the lifecycle rule of the bucket.
        _ = try? store.client.send(request, at: location, "abort")
    }

    /// After an error the object cannot be finished: a part of it is missing.
    private func giveUpOnError(_ work: () throws(S3Failure) -> Void) throws(StoreError) {
        do throws(S3Failure) { try work() } catch {
            abort()
            throw error.error
        }
    }

    private func sendPart() throws(S3Failure) {
        if self.upload == nil { self.upload = try begin() }
        guard var upload else { return }
        guard upload.tags.count < store.client.options.maxParts else {
            throw S3Failure(StoreError(.noSpace, at: location, "write: object too large: all \(upload.tags.count) parts are used"))
        }
        let query = [("partNumber", String(upload.tags.count + 1)), ("uploadId", upload.id)]
        let request = S3Request("PUT", place, query: query, body: buffer)
        let answer = try store.client.send(request, at: location, "write") { [location] answer in
            answer.header("etag") == nil ? S3Failure("answer without an ETag", at: location, "write") : nil
        }
        upload.tags.append(answer.header("etag") ?? "")
        self.upload = upload
        buffer.removeAll(keepingCapacity: true)
    }

    private func begin() throws(S3Failure) -> Upload {
        // A try whose answer is lost leaves an upload without parts.
        let request = S3Request("POST", place, query: [("uploads", "")], headers: [mark.header], body: [])
        let answer = try store.client.send(request, at: location, "write") { [location] answer in
            Self.uploadID(in: answer) == nil ? S3Failure("answer without an upload id", at: location, "write") : nil
        }
        return Upload(id: Self.uploadID(in: answer) ?? "")
    }

    private static func uploadID(in answer: HTTPResponse) -> String? {
        let root = try? XMLParser.parse(answer.body)
        return root?["UploadId"]?.text
    }

    private func complete() throws(StoreError) {
        guard let upload else { return }
        let parts = upload.tags.enumerated().map { number, tag in
            "<Part><PartNumber>\(number + 1)</PartNumber><ETag>\(XMLText.escape(tag) ?? "")</ETag></Part>"
        }
        let body = Array(
            "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\(parts.joined())</CompleteMultipartUpload>".utf8)
        var request = S3Request("POST", place, query: [("uploadId", upload.id)], headers: [("content-type", "application/xml")], body: body)
        request.patience = .long
        do throws(S3Failure) {
            _ = try store.client.send(request, at: location, "close", problem: problem)
        } catch { try settle(error) }
    }

    /// S3 says 200 before it begins to work, and may have to take it back in the body.
    private func problem(_ answer: HTTPResponse) -> S3Failure? {
        let root = try? XMLParser.parse(answer.body)
        if root?.name == "CompleteMultipartUploadResult" { return nil }
        if root?.name == "Error" { return S3Failure(answer, at: location, "close", now: store.client.clock.now()) }
        return S3Failure("answer cut off or not understood", at: location, "close")
    }

    /// Ends a completion that did not end well: returns when the object is there.
    private func settle(_ failure: S3Failure) throws(StoreError) {
        // No such upload: it was completed before, or thrown away.
        let isGone = failure.status == 404 || failure.code == "NoSuchUpload"
        guard isGone || failure.mayHaveHappened else {
            abort()
            throw failure.error
        }
        switch store.look(for: mark, place, at: location) {
        case .ours: return
        case .unclear(let reason): throw unknown(failure, reason)
        case .theirs, .missing, .unmarked:
            if failure.isUnanswered || isGone && failure.mayHaveHappened { throw unknown(failure, "the object there is not this one") }
            abort()
            throw failure.error
        }
    }

    private func unknown(_ failure: S3Failure, _ reason: String) -> StoreError {
        isOpen = false
        return store.unknown(failure, reason, at: location)
    }
}
