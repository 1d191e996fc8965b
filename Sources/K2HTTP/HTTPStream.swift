import CCurl

/// An answer whose body is taken piece by piece: what is not asked for waits in the system's buffers and at the server.
///
/// It uses its client's connections; the client sends nothing else until the stream is closed. One thread at a time.
public final class HTTPStream {
    public private(set) var status = 0
    /// In the order in which they came.
    public var headers: [(name: String, value: String)] { transfer.headers }

    private let client: HTTPClient
    private let location: String
    private let transfer: Transfer
    private let header: HeaderList
    private let detail: UnsafeMutablePointer<CChar>
    /// Milliseconds without a byte after which the server counts as gone; 0 for no limit.
    private let patience: Int
    private var result: CURLcode?
    private var isOpen = true

    /// How often at least the abort flag is looked at, ms.
    private static let lookInterval = 250

    fileprivate init(_ client: HTTPClient, _ request: HTTPRequest) throws(HTTPError) {
        self.client = client
        location = request.location
        transfer = Transfer(client.options, maxBodyBytes: .max)
        header = try HeaderList(request)
        patience = client.options.totalTimeout
        detail = .allocate(capacity: Int(CURL_ERROR_SIZE))
        detail.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit {
        close()
        detail.deallocate()
    }

    /// The value of the first header with this name, upper and lower case alike; nil when there is none.
    public func header(_ name: String) -> String? {
        let wanted = name.lowercased()
        return headers.first { $0.name.lowercased() == wanted }?.value
    }

    /// Appends the bytes that came next; false when the body is at its end.
    public func read(into bytes: inout [UInt8]) throws(HTTPError) -> Bool {
        try fill()
        if transfer.body.isEmpty { return false }
        bytes.append(contentsOf: transfer.body)
        transfer.forgetBody()
        return true
    }

    /// Ends the transfer; what was not read is lost, and its connection too when there was any.
    public func close() {
        guard isOpen else { return }
        isOpen = false
        curl_multi_remove_handle(client.multi, client.handle)
        client.set(CURLOPT_ERRORBUFFER, pointer: nil)
        client.set(CURLOPT_HTTPHEADER, pointer: nil)
        client.isStreaming = false
    }

    fileprivate func start(_ request: HTTPRequest) throws(HTTPError) {
        client.configure()
        client.set(CURLOPT_TIMEOUT_MS, 0)
        client.set(CURLOPT_LOW_SPEED_LIMIT, 0)
        client.set(CURLOPT_LOW_SPEED_TIME, 0)
        // Encodings are the caller's.
        client.set(CURLOPT_ACCEPT_ENCODING, pointer: nil)
        client.set(CURLOPT_BUFFERSIZE, 1 << 18)
        client.set(CURLOPT_TCP_KEEPALIVE, 1)
        client.set(CURLOPT_HTTPHEADER, pointer: header.list)
        client.set(CURLOPT_CUSTOMREQUEST, request.method)
        client.set(CURLOPT_URL, request.url)
        client.set(CURLOPT_ERRORBUFFER, pointer: detail)
        if let body = request.body {
            client.set(CURLOPT_POST, 1)
            ck2_curl_set_offset(client.handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count))
            body.withUnsafeBytes { client.set(CURLOPT_COPYPOSTFIELDS, pointer: $0.baseAddress ?? UnsafeRawPointer(detail)) }
        }
        client.connect(transfer)
        guard curl_multi_add_handle(client.multi, client.handle) == CURLM_OK else {
            throw HTTPError(.other, at: location, "cannot begin a transfer")
        }
        try fill()
        status = ck2_curl_get_long(client.handle, CURLINFO_RESPONSE_CODE)
    }

    /// Goes on until there is something in the body, or its end.
    private func fill() throws(HTTPError) {
        guard isOpen else { throw HTTPError(.other, at: location, "the answer was closed") }
        var waited = 0
        while transfer.body.isEmpty, result == nil {
            if transfer.isAborted { throw fail(HTTPError(.aborted, at: location, "aborted")) }
            if waited > 0, patience > 0, waited >= patience {
                throw fail(HTTPError(.timedOut, at: location, "nothing came for \(patience) milliseconds"))
            }
            var running: Int32 = 0
            let status = curl_multi_perform(client.multi, &running)
            guard status == CURLM_OK else { throw fail(HTTPError(.other, at: location, String(cString: curl_multi_strerror(status)))) }
            noteEnd()
            if transfer.body.isEmpty, result == nil { waited += wait() }
        }
        if transfer.body.isEmpty, let result, result != CURLE_OK { throw fail(client.failure(result, String(cString: detail), of: transfer, at: location)) }
    }

    private func fail(_ error: HTTPError) -> HTTPError {
        close()
        return error
    }

    /// - Returns: milliseconds that passed without anything to do.
    private func wait() -> Int {
        var events: Int32 = 0
        let slice = Self.lookInterval
        guard curl_multi_poll(client.multi, nil, 0, Int32(slice), &events) == CURLM_OK, events == 0 else { return 0 }
        return slice
    }

    private func noteEnd() {
        var left: Int32 = 0
        while let message = curl_multi_info_read(client.multi, &left) {
            if message.pointee.msg == CURLMSG_DONE { result = message.pointee.data.result }
        }
    }
}

extension HTTPClient {
    /// Sends a request and gives its answer as soon as the body begins; an answer with any status, 500 included.
    ///
    /// Of the options, `totalTimeout` is how long the server may send nothing; sizes are not limited.
    /// - Precondition: no other stream of this client is open.
    public func open(_ request: HTTPRequest) throws(HTTPError) -> HTTPStream {
        precondition(!isStreaming, "one stream at a time")
        let stream = try HTTPStream(self, request)
        curl_easy_reset(handle)
        isStreaming = true
        try stream.start(request)
        return stream
    }
}
