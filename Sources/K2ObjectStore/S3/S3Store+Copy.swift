import K2HTTP

extension S3Store {
    /// The most bytes that S3 copies in one request: 5 GiB.
    private static let maxCopied: Int64 = 5 << 30

    /// Has S3 make the copy; an object that is too large for that goes through this process.
    ///
    /// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html (2026-02).
    public func copy(_ location: String, to target: String) throws(StoreError) {
        let (source, place) = (try S3Location(object: location), try S3Location(object: target))
        if source == place { throw StoreError(.invalidLocation, at: target, "copy: onto itself") }
        if try size(location) > Self.maxCopied { return try copyPiecewise(location, to: target) }
        let origin = "/\(source.bucket)/\(PercentText.path(source.key))"
        // Without a body curl would send none of the headers of one, and some stores want a length.
        var request = S3Request("PUT", place, headers: [("x-amz-copy-source", origin)], body: [])
        request.patience = .long
        do throws(S3Failure) {
            _ = try client.send(request, at: location, "copy") { answer in problem(answer, at: location) }
        } catch { throw error.error }
    }

    /// S3 says 200 before it begins to work, and may have to take it back in the body.
    private func problem(_ answer: HTTPResponse, at location: String) -> S3Failure? {
        let root = try? XMLParser.parse(answer.body)
        if root?.name == "CopyObjectResult" { return nil }
        if root?.name == "Error" { return S3Failure(answer, at: location, "copy", now: client.clock.now()) }
        return S3Failure("answer cut off or not understood", at: location, "copy")
    }
}
