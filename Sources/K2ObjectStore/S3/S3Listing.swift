import K2HTTP

/// Asks for a listing page by page.
///
/// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html (2026-02).
struct S3Listing {
    private let client: S3Client
    private let prefix: String
    private let place: S3Location
    /// What stands before the key in the locations listed, in the spelling of the prefix.
    private let spelling: String

    init(_ client: S3Client, prefix: String) throws(StoreError) {
        self.client = client
        self.prefix = prefix
        place = try S3Location(prefix: prefix)
        let head = prefix.dropLast(place.key.count)
        spelling = head.hasSuffix("/") ? String(head) : head + "/"
    }

    func all() throws(StoreError) -> [StoredObject] {
        var found: [StoredObject] = []
        try pages { (page) throws(StoreError) in found += page }
        // S3 sorts by the bytes of the keys, but not every store, nor every kind of bucket does.
        return found.sorted { $0.location.utf8.lexicographicallyPrecedes($1.location.utf8) }
    }

    /// Hands out page after page.
    func pages<E: Error>(_ body: ([StoredObject]) throws(E) -> Void, orElse map: (StoreError) -> E) throws(E) {
        var token: String?
        repeat {
            let page: S3ListPage
            do throws(StoreError) {
                page = try self.page(after: token)
                if let token, page.next == token { throw trouble("the same page again") }
            } catch { throw map(error) }
            try body(page.objects)
            token = page.next
        } while token != nil
    }

    private func pages(_ body: ([StoredObject]) throws(StoreError) -> Void) throws(StoreError) { try pages(body, orElse: { $0 }) }

    private func page(after token: String?) throws(StoreError) -> S3ListPage {
        // Encoded keys, because XML cannot express all of them.
        var query = [("list-type", "2"), ("encoding-type", "url"), ("prefix", place.key)]
        if let token { query.append(("continuation-token", token)) }
        var page: S3ListPage?
        do throws(S3Failure) {
            let bucket = S3Location(bucket: place.bucket)
            _ = try client.send(S3Request("GET", bucket, query: query), at: prefix, "list") { answer in
                do throws(S3ListError) {
                    page = try S3ListPage(answer.body, spelling: spelling)
                    return nil
                } catch { return S3Failure(error.reason, at: prefix, "list") }
            }
        } catch { throw error.error.code == .notFound ? StoreError(.invalidLocation, at: prefix, error.error.reason) : error.error }
        guard let page else { throw trouble("no answer") }
        return page
    }

    private func trouble(_ reason: String) -> StoreError { StoreError(.inputOutput, at: prefix, "list: \(reason)") }
}

/// Why an answer is no page of a listing.
struct S3ListError: Error, Equatable {
    var reason: String
}

/// One page of a listing, as `<ListBucketResult><Contents><Key>k</Key><LastModified>…</LastModified><Size>1</Size></Contents>…`.
struct S3ListPage {
    private(set) var objects: [StoredObject] = []
    /// Asks for the page behind this one; nil when it is the last.
    let next: String?

    init(_ body: [UInt8], spelling: String) throws(S3ListError) {
        let root: XMLElement
        do throws(XMLError) { root = try XMLParser.parse(body) } catch { throw S3ListError(reason: error.description) }
        guard root.name == "ListBucketResult" else { throw S3ListError(reason: "expected ListBucketResult, found \(root.name)") }
        // A store that does not know this encoding sends keys as they are.
        let isEncoded = root["EncodingType"]?.text == "url"
        switch root["IsTruncated"]?.text {
        case "true":
            guard let token = root["NextContinuationToken"]?.text, !token.isEmpty else {
                throw S3ListError(reason: "page without a token of the next")
            }
            next = token
        case "false": next = nil
        default: throw S3ListError(reason: "answer does not say whether it is complete")
        }
        for element in root.all("Contents") { objects.append(try Self.object(element, spelling, isEncoded)) }
    }

    private static func object(_ element: XMLElement, _ spelling: String, _ isEncoded: Bool) throws(S3ListError) -> StoredObject {
        guard let text = element["Key"]?.text, let key = isEncoded ? PercentText.decode(text) : text, !key.isEmpty else {
            throw S3ListError(reason: "object without a key")
        }
        guard let size = element["Size"].flatMap({ Int64($0.text) }), size >= 0,
            let modified = element["LastModified"].flatMap({ CivilTime.microseconds($0.text) })
        else { throw S3ListError(reason: "object without size or time: \(key)") }
        return StoredObject(location: spelling + key, size: size, modifiedMicroseconds: modified)
    }
}
