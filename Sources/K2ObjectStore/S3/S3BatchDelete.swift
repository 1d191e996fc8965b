import K2Bytes
import K2HTTP

/// Removes many objects with few requests, a thousand in each.
///
/// https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html (2026-02).
struct S3BatchDelete {
    private let client: S3Client
    private static let batch = 1_000

    /// A location and what it means.
    private struct Item {
        var location: String
        var place: S3Location
        /// The key in the body of a request.
        var text: String
    }

    init(_ client: S3Client) { self.client = client }

    /// What could not be removed.
    func run(_ locations: [String]) -> [StoreError] {
        var failures: [StoreError] = []
        var buckets: [String: [Item]] = [:]
        for location in locations {
            do throws(StoreError) {
                let place = try S3Location(object: location)
                if let text = XMLText.escape(place.key) {
                    buckets[place.bucket, default: []].append(Item(location: location, place: place, text: text))
                } else {
                    try deleteOne(place, location)
                }
            } catch { failures.append(error) }
        }
        for (bucket, items) in buckets.sorted(by: { $0.key < $1.key }) { failures += delete(items, in: S3Location(bucket: bucket)) }
        return failures
    }

    /// A key that XML cannot express.
    private func deleteOne(_ place: S3Location, _ location: String) throws(StoreError) {
        do throws(S3Failure) { _ = try client.send(S3Request("DELETE", place), at: location, "delete") } catch {
            if error.error.code != .notFound { throw error.error }
        }
    }

    private func delete(_ items: [Item], in bucket: S3Location) -> [StoreError] {
        var failures: [StoreError] = []
        for start in stride(from: 0, to: items.count, by: Self.batch) {
            let part = Array(items[start..<min(start + Self.batch, items.count)])
            do throws(S3Failure) { failures += try deletePart(part, in: bucket) } catch {
                // What refuses one request refuses the next.
                let rest = items[start...].map {
                    StoreError(error.error.code, at: $0.location, error.error.reason, isRetryable: error.error.isRetryable)
                }
                return failures + rest
            }
        }
        return failures
    }

    /// Those of a request that S3 says it could not remove, after all tries.
    private func deletePart(_ items: [Item], in bucket: S3Location) throws(S3Failure) -> [StoreError] {
        var failures: [StoreError] = []
        var left = items
        var retries = S3Retries(client)
        while true {
            let errors = try send(left, in: bucket)
            var again: [Item] = []
            var passing: [StoreError] = []
            for item in left {
                guard let reply = errors[item.place.key], reply.storeCode != .notFound else { continue }
                let error = StoreError(reply.storeCode, at: item.location, "delete: \(reply)", isRetryable: reply.isTransient)
                if reply.isTransient {
                    again.append(item)
                    passing.append(error)
                } else {
                    failures.append(error)
                }
            }
            if again.isEmpty || !retries.wait() { return failures + passing }
            left = again
        }
    }

    /// The keys that S3 did not remove, and why.
    private func send(_ items: [Item], in bucket: S3Location) throws(S3Failure) -> [String: S3ErrorReply] {
        let keys = items.map { "<Object><Key>\($0.text)</Key></Object>" }.joined()
        let body = Array("<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>\(keys)</Delete>".utf8)
        let headers = [("content-type", "application/xml"), ("content-md5", Base64.text(of: MD5.digest(body.span)))]
        let location = "s3://\(bucket.bucket)"
        var root: XMLElement?
        let request = S3Request("POST", bucket, query: [("delete", "")], headers: headers, body: body)
        _ = try client.send(request, at: location, "delete") { answer in
            root = try? XMLParser.parse(answer.body)
            return root?.name == "DeleteResult" ? nil : S3Failure("answer not understood", at: location, "delete")
        }
        var errors: [String: S3ErrorReply] = [:]
        for element in root?.all("Error") ?? [] {
            let reply = S3ErrorReply(status: 0, code: element["Code"]?.text ?? "unknown error", message: element["Message"]?.text ?? "")
            errors[element["Key"]?.text ?? ""] = reply
        }
        return errors
    }
}
