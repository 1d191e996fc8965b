import K2CLI
import K2Lake

extension ExitStatus {
    /// What an error of the lake means for a tool.
    public init(_ code: LakeError.Code) {
        switch code {
        case .failed: self = .failed
        case .busy, .held, .stopped: self = .temporary
        case .outcomeUnknown: self = .unknownOutcome
        case .configuration: self = .usage
        case .unavailable: self = .unavailable
        }
    }
}

extension LakeError {
    /// What opening the lake failed with.
    public init(_ failure: ToolFailure) {
        let code: Code = failure.status == .temporary ? .busy : failure.status == .failed ? .failed : .configuration
        self.init(code, failure.message, hint: failure.hint)
    }
}
