import K2HTTP

/// Why a request was given up, and what that says about its effect.
struct S3Failure: Error {
    var error: StoreError
    /// Of the last answer; 0 when there was none.
    var status = 0
    /// S3's word for it, such as `NoSuchKey`; empty when the answer held none.
    var code = ""
    /// Another try may end differently.
    var isTransient = false
    /// A try may have been carried out although nothing said so.
    var mayHaveHappened = false
    /// A try was left without an answer: it may even happen later.
    var isUnanswered = false
    /// Seconds that the server asks for.
    var retryAfter: Int?

    /// One that no request could be made for.
    init(_ error: StoreError) { self.error = error }

    /// No answer came.
    init(_ cause: HTTPError, at location: String, _ action: String) {
        let isTransient: Bool
        switch cause.code {
        case .unreachable, .timedOut, .tls, .cutOff, .other: isTransient = true
        case .untrusted, .tooLarge, .aborted: isTransient = false
        }
        let wasSent = ![.unreachable, .tls, .untrusted].contains(cause.code)
        error = StoreError(.inputOutput, at: location, "\(action): \(cause)", isRetryable: isTransient || cause.code == .aborted)
        self.isTransient = isTransient
        mayHaveHappened = wasSent
        isUnanswered = wasSent
    }

    /// An answer that is a refusal.
    init(_ answer: HTTPResponse, at location: String, _ action: String, now: Int64) {
        let reply = S3ErrorReply(answer)
        status = answer.status
        code = reply.code
        isTransient = reply.isTransient
        mayHaveHappened = reply.mayHaveHappened
        retryAfter = answer.retryAfter(now: Int(now))
        error = StoreError(reply.storeCode, at: location, "\(action): \(reply)", isRetryable: isTransient)
    }

    /// An answer that says yes and cannot be understood.
    init(_ reason: String, at location: String, _ action: String) {
        error = StoreError(.inputOutput, at: location, "\(action): \(reason)", isRetryable: true)
        isTransient = true
        mayHaveHappened = true
    }
}
