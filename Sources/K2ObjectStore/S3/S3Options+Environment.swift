import K2HTTP

/// Settings of S3 that cannot be used.
public struct S3SettingsError: Error, Equatable, Sendable, CustomStringConvertible {
    public var description: String
    init(_ description: String) { self.description = description }
}

extension S3Options {
    /// Reads the variables that AWS's own tools read, and ours.
    ///
    /// - `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`; without them the profile `AWS_PROFILE` (`default`) in
    ///   `AWS_SHARED_CREDENTIALS_FILE` (`~/.aws/credentials`).
    /// - `AWS_REGION`, `AWS_DEFAULT_REGION`; without them the profile's, in that file or in `AWS_CONFIG_FILE` (`~/.aws/config`);
    ///   with an endpoint `us-east-1`.
    /// - `K2_S3_ENDPOINT`, `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`: another store than AWS. `K2_S3_PATH_STYLE`: `true` or `false`.
    /// - `AWS_CA_BUNDLE`: a PEM file with the authorities to trust.
    ///
    /// A variable that is empty counts as not set. Other sources of credentials (roles of machines and containers, SSO) are not asked.
    /// - Parameters:
    ///   - look: value of a variable.
    ///   - readFile: content of a file; nil when it cannot be read.
    public static func environment(
        _ look: (String) -> String?, readFile: (String) -> [UInt8]? = S3Options.contents
    ) throws(S3SettingsError) -> S3Options {
        func value(_ names: String...) -> String? { names.compactMap(look).first { !$0.isEmpty } }
        let profiles = Profiles(value, readFile)
        let endpoint = value("K2_S3_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
        guard let region = value("AWS_REGION", "AWS_DEFAULT_REGION") ?? profiles["region"] ?? (endpoint == nil ? nil : "us-east-1") else {
            throw S3SettingsError("S3: no region: set AWS_REGION")
        }
        guard region.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "/") }) else {
            throw S3SettingsError("S3: AWS_REGION is not a region: \"\(region)\"")
        }
        var options = S3Options(
            credentials: try credentials(value, profiles), region: region, endpoint: endpoint,
            usesPathStyle: try pathStyle(value("K2_S3_PATH_STYLE")))
        if let file = value("AWS_CA_BUNDLE") { options.http.trustFile = file }
        return options
    }

    private static func credentials(_ value: (String...) -> String?, _ profiles: Profiles) throws(S3SettingsError) -> S3Credentials {
        switch (value("AWS_ACCESS_KEY_ID"), value("AWS_SECRET_ACCESS_KEY")) {
        case (let access?, let secret?):
            return S3Credentials(accessKey: access, secretKey: secret, sessionToken: value("AWS_SESSION_TOKEN"))
        case (_?, nil): throw S3SettingsError("S3: AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not")
        case (nil, _?): throw S3SettingsError("S3: AWS_SECRET_ACCESS_KEY is set, AWS_ACCESS_KEY_ID is not")
        case (nil, nil): break
        }
        guard let access = profiles["aws_access_key_id"], let secret = profiles["aws_secret_access_key"] else {
            throw S3SettingsError(
                "S3: no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
                    + "or have them in the profile \"\(profiles.name)\" of \(profiles.file)")
        }
        return S3Credentials(accessKey: access, secretKey: secret, sessionToken: profiles["aws_session_token"])
    }

    private static func pathStyle(_ text: String?) throws(S3SettingsError) -> Bool? {
        switch text?.lowercased() {
        case nil: nil
        case "true", "1", "yes": true
        case "false", "0", "no": false
        default: throw S3SettingsError("S3: K2_S3_PATH_STYLE: expected true or false, found \"\(text ?? "")\"")
        }
    }

    /// A file's bytes; nil when it cannot be read.
    public static func contents(_ path: String) -> [UInt8]? { try? LocalStore().get(path) }
}

/// One profile of AWS's two settings files: lines of `name = value` below `[name]`, in the second file also `[profile name]`.
private struct Profiles {
    let name: String
    /// Where credentials were looked for.
    let file: String
    private let values: [String: String]

    init(_ value: (String...) -> String?, _ readFile: (String) -> [UInt8]?) {
        let folder = (value("HOME") ?? "") + "/.aws/"
        name = value("AWS_PROFILE", "AWS_DEFAULT_PROFILE") ?? "default"
        file = value("AWS_SHARED_CREDENTIALS_FILE") ?? folder + "credentials"
        let config = value("AWS_CONFIG_FILE") ?? folder + "config"
        let own = Self.section(readFile(file) ?? [], [name])
        values = own.merging(Self.section(readFile(config) ?? [], [name, "profile \(name)"])) { first, _ in first }
    }

    subscript(_ name: String) -> String? { values[name].flatMap { $0.isEmpty ? nil : $0 } }

    private static func section(_ bytes: [UInt8], _ names: Set<String>) -> [String: String] {
        var values: [String: String] = [:]
        var isWanted = false
        for line in String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline) {
            // Lines that are indented belong to the setting above them.
            guard let first = line.first, !first.isWhitespace, first != "#", first != ";" else { continue }
            if first == "[" {
                let title = line.dropFirst().prefix { $0 != "]" }.split(whereSeparator: \.isWhitespace).joined(separator: " ")
                isWanted = names.contains(title)
            } else if isWanted, let equals = line.firstIndex(of: "=") {
                values[trimmed(line[..<equals]).lowercased()] = trimmed(line[line.index(after: equals)...])
            }
        }
        return values
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text.drop { $0.isWhitespace }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
