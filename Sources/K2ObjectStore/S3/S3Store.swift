import K2HTTP

/// Objects in S3, or in a store that speaks like it.
///
/// Any bucket in a location is served, by the one endpoint and with the one pair of keys. Requests are tried again after troubles that
/// pass, within `S3Options`; the errors that remain say whether another call may succeed.
///
/// `putIfAbsent` needs `If-None-Match` on PUT: AWS has it since August 2024, MinIO, Ceph, R2 and SeaweedFS have it too. A store that
/// ignores the header would overwrite; there is no way to see that beforehand.
///
/// A process that is killed while it writes an object larger than a part leaves the parts behind, invisible but stored. A lifecycle rule of
/// the bucket (`AbortIncompleteMultipartUpload`) removes them.
public struct S3Store: ObjectStore {
    let client: S3Client

    /// - Throws: `invalidLocation` when the endpoint is no URL.
    public init(_ options: S3Options) throws(StoreError) { try self.init(options, clock: .system) }

    init(_ options: S3Options, clock: StoreClock) throws(StoreError) { client = try S3Client(options, clock: clock) }

    public var capabilities: StoreCapabilities {
        StoreCapabilities(atomicPutIfAbsent: true, durablePut: true, consistentListing: true)
    }

    public func get(_ location: String) throws(StoreError) -> [UInt8] {
        var request = S3Request("GET", try S3Location(object: location))
        request.patience = .bytes
        request.maxAnswerBytes = client.options.maxObjectBytes
        do throws(S3Failure) { return try client.send(request, at: location, "get").body } catch { throw error.error }
    }

    public func get(_ location: String, range: Range<Int64>) throws(StoreError) -> [UInt8] {
        let place = try S3Location(object: location)
        guard range.lowerBound >= 0, !range.isEmpty else { return try checkEmpty(range, at: location) }
        var request = S3Request("GET", place, headers: [("range", "bytes=\(range.lowerBound)-\(range.upperBound - 1)")])
        request.patience = .bytes
        request.maxAnswerBytes = client.options.maxObjectBytes
        let answer: HTTPResponse
        do throws(S3Failure) {
            answer = try client.send(request, at: location, "get")
        } catch {
            guard error.status == 416 else { throw error.error }
            throw Self.outside(range, size: nil, at: location)
        }
        return try Self.part(of: answer, range, at: location)
    }

    /// No bytes are asked of S3, which cannot name none of them; but the place must be inside.
    private func checkEmpty(_ range: Range<Int64>, at location: String) throws(StoreError) -> [UInt8] {
        let size = try size(location)
        guard range.lowerBound >= 0, range.upperBound <= size else { throw Self.outside(range, size: size, at: location) }
        return []
    }

    private static func part(of answer: HTTPResponse, _ range: Range<Int64>, at location: String) throws(StoreError) -> [UInt8] {
        if answer.status == 206 {
            // A range that ends behind the object is answered with what there is of it.
            if answer.body.count == range.count { return answer.body }
            let size = answer.header("content-range")?.split(separator: "/").last.flatMap { Int64($0) }
            throw outside(range, size: size, at: location)
        }
        // The header was ignored.
        guard range.upperBound <= answer.body.count else { throw outside(range, size: Int64(answer.body.count), at: location) }
        return Array(answer.body[Int(range.lowerBound)..<Int(range.upperBound)])
    }

    private static func outside(_ range: Range<Int64>, size: Int64?, at location: String) -> StoreError {
        let object = size.map { "an object of \($0) bytes" } ?? "the object"
        return StoreError(.invalidRange, at: location, "range \(range.lowerBound)..<\(range.upperBound) of \(object)")
    }

    public func size(_ location: String) throws(StoreError) -> Int64 {
        let place = try S3Location(object: location)
        do throws(S3Failure) {
            let answer = try head(place, at: location)
            guard let size = answer.header("content-length").flatMap({ Int64($0) }), size >= 0 else {
                throw S3Failure("answer without a size", at: location, "size")
            }
            return size
        } catch { throw error.error }
    }

    /// The answer to HEAD. What refuses it has no words there, so it is asked once more in a way that has.
    func head(_ place: S3Location, at location: String) throws(S3Failure) -> HTTPResponse {
        do throws(S3Failure) {
            return try client.send(S3Request("HEAD", place), at: location, "size")
        } catch {
            guard [301, 307, 400, 401, 403].contains(error.status) else { throw error }
            let question = S3Request("GET", place, headers: [("range", "bytes=0-0")])
            do throws(S3Failure) { _ = try client.send(question, at: location, "size") } catch { throw error }
            throw error
        }
    }

    public func put(_ bytes: [UInt8], to location: String) throws(StoreError) {
        let request = S3Request("PUT", try S3Location(object: location), body: bytes)
        do throws(S3Failure) { _ = try client.send(request, at: location, "put") } catch { throw error.error }
    }

    public func putIfAbsent(_ bytes: [UInt8], to location: String) throws(StoreError) {
        let mark = S3Mark(client.clock)
        let place = try S3Location(object: location)
        let request = S3Request("PUT", place, headers: [("if-none-match", "*"), mark.header], body: bytes)
        do throws(S3Failure) {
            _ = try client.send(request, at: location, "create")
        } catch {
            // Also a first try that is told of an object may be the one that made it: connections send a request again by themselves
            // when they find that the other side has left.
            guard error.status == 412 || error.mayHaveHappened else { throw error.error }
            try settle(error, mark, bytes, place, at: location)
        }
    }

    public func openWriter(_ location: String) throws(StoreError) -> any ObjectWriter {
        S3Writer(location, try S3Location(object: location), store: self)
    }

    /// Removes the object; false when there was none before.
    ///
    /// S3 does not tell, so it is asked first: of two callers at once both may be told true.
    public func delete(_ location: String) throws(StoreError) -> Bool {
        let place = try S3Location(object: location)
        guard try exists(location) else { return false }
        do throws(S3Failure) {
            _ = try client.send(S3Request("DELETE", place), at: location, "delete")
        } catch {
            if error.error.code != .notFound { throw error.error }
        }
        return true
    }

    public func delete(_ locations: [String]) -> [StoreError] { S3BatchDelete(client).run(locations) }

    public func walk(prefix: String, _ body: (StoredObject) throws -> Void) throws {
        try S3Listing(client, prefix: prefix).pages({ page in for object in page { try body(object) } }, orElse: { $0 })
    }

    public func list(prefix: String) throws(StoreError) -> [StoredObject] {
        try S3Listing(client, prefix: prefix).all()
    }
}
