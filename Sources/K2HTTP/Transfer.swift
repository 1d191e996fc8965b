import CCurl

/// What one request collects while curl calls back, and its own reasons to end it.
final class Transfer {
    var headers: [(name: String, value: String)] = []
    private(set) var body: [UInt8] = []
    private(set) var isTooLarge = false
    private let maxBodyBytes: Int
    private let abort: AbortFlag?

    /// - Parameter maxBodyBytes: in place of the options'.
    init(_ options: HTTPOptions, maxBodyBytes: Int? = nil) {
        self.maxBodyBytes = maxBodyBytes ?? options.maxBodyBytes
        abort = options.abort
    }

    var isAborted: Bool { abort?.isSet == true }

    /// False ends the transfer.
    func take(body bytes: UnsafeRawBufferPointer) -> Bool {
        guard body.count + bytes.count <= maxBodyBytes else {
            isTooLarge = true
            return false
        }
        body.append(contentsOf: bytes)
        return true
    }

    func forgetBody() { body.removeAll(keepingCapacity: true) }

    /// One line of the header, with its line break.
    func take(headerLine bytes: UnsafeRawBufferPointer) {
        let line = String(decoding: bytes, as: UTF8.self)
        if line.hasPrefix("HTTP/") {
            // An answer begins; the one before was not the last.
            headers = []
            return
        }
        guard let colon = line.firstIndex(of: ":") else { return }
        let value = line[line.index(after: colon)...]
        headers.append((String(line[..<colon]), String(Self.trimmed(value))))
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop { $0.isWhitespace }
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}

/// The functions that curl calls, with a `Transfer` as their context.
enum TransferCallback {
    static func transfer(_ context: UnsafeMutableRawPointer?) -> Transfer {
        Unmanaged<Transfer>.fromOpaque(context!).takeUnretainedValue()
    }

    static let write: ck2_curl_data = { bytes, size, count, context in
        // Another count than the given one is an error for curl.
        transfer(context).take(body: UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : 0
    }

    static let header: ck2_curl_data = { bytes, size, count, context in
        transfer(context).take(headerLine: UnsafeRawBufferPointer(start: bytes, count: size * count))
        return size * count
    }

    static let progress: ck2_curl_progress = { context, _, _, _, _ in transfer(context).isAborted ? 1 : 0 }
}
