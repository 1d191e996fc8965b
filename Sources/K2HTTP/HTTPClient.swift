import CCurl

/// A blocking HTTP/1.1 and HTTP/2 client on libcurl, which keeps its connections for the next request.
///
/// TLS is verified, at least version 1.2. Proxies come from the environment (`https_proxy` …) as libcurl reads it. One thread at a time.
///
/// ```swift
/// let client = HTTPClient(options: HTTPOptions())
/// let answer = try client.get("https://api.kraken.com/0/public/AssetPairs")
/// if answer.status == 429 { wait(answer.retryAfter(now: now) ?? 10) }
/// ```
public final class HTTPClient {
    public var options: HTTPOptions
    let handle: UnsafeMutableRawPointer
    /// Carries streams, and keeps their connections.
    lazy var multi: UnsafeMutableRawPointer? = {
        isMultiUsed = true
        return curl_multi_init()
    }()
    private var isMultiUsed = false
    var isStreaming = false
    private static let isReady: Bool = curl_global_init(Int(CURL_GLOBAL_ALL)) == CURLE_OK

    public init(options: HTTPOptions = HTTPOptions()) {
        self.options = options
        guard Self.isReady, let handle = curl_easy_init() else { preconditionFailure("out of memory") }
        self.handle = handle
    }

    deinit {
        if isMultiUsed { curl_multi_cleanup(multi) }
        curl_easy_cleanup(handle)
    }

    public func get(_ url: String, headers: [(String, String)] = []) throws(HTTPError) -> HTTPResponse {
        try perform(HTTPRequest("GET", url, headers: headers))
    }

    /// Sends a request and waits for the whole answer.
    public func perform(_ request: HTTPRequest) throws(HTTPError) -> HTTPResponse {
        let transfer = Transfer(options)
        if transfer.isAborted { throw HTTPError(.aborted, at: request.location, "aborted") }
        // Forgets the settings of the last request and keeps the connections.
        curl_easy_reset(handle)
        configure()
        let headers = try HeaderList(request)
        set(CURLOPT_HTTPHEADER, pointer: headers.list)
        set(CURLOPT_CUSTOMREQUEST, request.method)
        if request.method == "HEAD" { set(CURLOPT_NOBODY, 1) }
        set(CURLOPT_URL, request.url)
        let (code, detail) = run(transfer, body: request.body)
        guard code == CURLE_OK else { throw failure(code, detail, of: transfer, at: request.location) }
        return HTTPResponse(
            status: ck2_curl_get_long(handle, CURLINFO_RESPONSE_CODE), headers: transfer.headers, body: transfer.body,
            openedConnections: ck2_curl_get_long(handle, CURLINFO_NUM_CONNECTS))
    }

    func configure() {
        // Signals belong to the tool; without them name resolution must not be cut off by SIGALRM.
        set(CURLOPT_NOSIGNAL, 1)
        ck2_curl_set_http_only(handle)
        set(CURLOPT_USERAGENT, options.userAgent)
        // Decompressed by curl, which counts only what is inside.
        if options.acceptsGzip { set(CURLOPT_ACCEPT_ENCODING, "gzip") }
        set(CURLOPT_CONNECTTIMEOUT_MS, options.connectTimeout)
        set(CURLOPT_TIMEOUT_MS, options.totalTimeout)
        set(CURLOPT_LOW_SPEED_LIMIT, options.lowSpeedBytes)
        set(CURLOPT_LOW_SPEED_TIME, options.lowSpeedBytes == 0 ? 0 : options.lowSpeedSeconds)
        set(CURLOPT_FOLLOWLOCATION, options.followsRedirects ? 1 : 0)
        set(CURLOPT_MAXREDIRS, 5)
        set(CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2)
        set(CURLOPT_SSL_VERIFYPEER, 1)
        set(CURLOPT_SSL_VERIFYHOST, 2)
        if let trustFile = options.trustFile { set(CURLOPT_CAINFO, trustFile) }
    }

    /// Lets curl call back to `transfer`, which must outlive the request.
    func connect(_ transfer: Transfer) {
        let context = Unmanaged.passUnretained(transfer).toOpaque()
        ck2_curl_set_write(handle, TransferCallback.write, context)
        ck2_curl_set_header(handle, TransferCallback.header, context)
        ck2_curl_set_progress(handle, TransferCallback.progress, context)
    }

    private func run(_ transfer: Transfer, body: [UInt8]?) -> (code: CURLcode, detail: String) {
        connect(transfer)
        return withExtendedLifetime(transfer) {
            withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(CURL_ERROR_SIZE)) { detail in
                detail.initialize(repeating: 0)
                set(CURLOPT_ERRORBUFFER, pointer: detail.baseAddress)
                let code = withBody(body) { curl_easy_perform(handle) }
                // The buffer ends with this block.
                set(CURLOPT_ERRORBUFFER, pointer: nil)
                return (code, String(cString: detail.baseAddress!))
            }
        }
    }

    private func withBody(_ body: [UInt8]?, _ perform: () -> CURLcode) -> CURLcode {
        guard let body else { return perform() }
        set(CURLOPT_POST, 1)
        ck2_curl_set_offset(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count))
        if body.isEmpty {
            set(CURLOPT_POSTFIELDS, "")
            return perform()
        }
        return body.withUnsafeBytes { bytes in
            set(CURLOPT_POSTFIELDS, pointer: bytes.baseAddress)
            defer { set(CURLOPT_POSTFIELDS, pointer: nil) }
            return perform()
        }
    }

    func failure(_ code: CURLcode, _ detail: String, of transfer: Transfer, at location: String) -> HTTPError {
        if transfer.isTooLarge {
            return HTTPError(.tooLarge, at: location, "answer too large: expected at most \(options.maxBodyBytes) bytes")
        }
        if code == CURLE_ABORTED_BY_CALLBACK { return HTTPError(.aborted, at: location, "aborted") }
        return HTTPError(curl: code, detail: detail, at: location)
    }

    func set(_ option: CURLoption, _ value: Int) { ck2_curl_set_long(handle, option, value) }
    func set(_ option: CURLoption, _ value: String) { ck2_curl_set_pointer(handle, option, value) }
    func set(_ option: CURLoption, pointer: UnsafeRawPointer?) { ck2_curl_set_pointer(handle, option, pointer) }
}

/// The headers of a request in curl's form.
final class HeaderList {
    private(set) var list: UnsafeMutablePointer<curl_slist>?

    init(_ request: HTTPRequest) throws(HTTPError) {
        for (name, value) in request.headers {
            guard !name.isEmpty, Self.isSendable(name), !name.contains(":"), Self.isSendable(value) else {
                throw HTTPError(.other, at: request.location, "header cannot be sent: \(name.filter { !$0.isNewline })")
            }
            // A header without value needs the semicolon.
            append(value.isEmpty ? "\(name);" : "\(name): \(value)")
        }
        // Without it curl waits a second for 100 Continue before it sends a large body.
        if request.body != nil { append("Expect:") }
    }

    deinit { curl_slist_free_all(list) }

    private func append(_ line: String) { list = curl_slist_append(list, line) }

    private static func isSendable(_ text: String) -> Bool { text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f } }
}
