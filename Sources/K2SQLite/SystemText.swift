import Glibc

/// The system's words for an errno value, in lower case as our messages are.
enum SystemText {
    static func of(errno number: Int32) -> String {
        guard let text = strerror(number) else { return "error \(number)" }
        return String(cString: text).lowercased()
    }
}
