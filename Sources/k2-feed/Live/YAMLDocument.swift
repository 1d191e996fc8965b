import CYAML

/// Why text is no YAML: the line, counted from 1, and libyaml's words.
struct YAMLError: Error, Equatable {
    var line: Int
    var reason: String
}

/// A small YAML document, as libyaml understands it. Its nodes keep it alive.
final class YAMLDocument {
    fileprivate let document: UnsafeMutablePointer<yaml_document_t>

    private init(_ document: UnsafeMutablePointer<yaml_document_t>) { self.document = document }

    deinit {
        yaml_document_delete(document)
        document.deallocate()
    }

    /// The root of the first document in `text`; nil when there is none.
    static func parse(_ text: [UInt8]) throws(YAMLError) -> YAMLNode? {
        let document = UnsafeMutablePointer<yaml_document_t>.allocate(capacity: 1)
        document.initialize(to: yaml_document_t())
        if let error = load(text, document) {
            document.deallocate()
            throw error
        }
        let result = YAMLDocument(document)
        return yaml_document_get_root_node(document).map { YAMLNode(document: result, node: $0) }
    }

    private static func load(_ text: [UInt8], _ document: UnsafeMutablePointer<yaml_document_t>) -> YAMLError? {
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        parser.initialize(to: yaml_parser_t())
        defer { parser.deallocate() }
        guard yaml_parser_initialize(parser) == 1 else { return YAMLError(line: 1, reason: "out of memory") }
        defer { yaml_parser_delete(parser) }
        return text.withUnsafeBufferPointer { bytes in
            yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
            if yaml_parser_load(parser, document) == 1 { return nil }
            let reason = parser.pointee.problem.map { String(cString: $0) } ?? "cannot be read"
            // Where bytes are no text, there is an offset only.
            let line = parser.pointee.problem_mark.line
            return YAMLError(line: (line == 0 ? Self.line(bytes, parser.pointee.problem_offset) : Int(line)) + 1, reason: reason)
        }
    }

    private static func line(_ bytes: UnsafeBufferPointer<UInt8>, _ offset: Int) -> Int {
        bytes.prefix(offset).count { $0 == 0x0a }
    }
}

/// A value of a document.
struct YAMLNode {
    fileprivate let document: YAMLDocument
    fileprivate let node: UnsafeMutablePointer<yaml_node_t>

    /// Counted from 1.
    var line: Int { Int(node.pointee.start_mark.line) + 1 }

    /// The text of a string, number, boolean or null, as it is written; nil for lists and mappings.
    var scalar: String? {
        guard node.pointee.type == YAML_SCALAR_NODE else { return nil }
        let scalar = node.pointee.data.scalar
        return String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
    }

    /// Written as nothing, `~` or `null`.
    var isNull: Bool {
        guard let scalar, node.pointee.data.scalar.style == YAML_PLAIN_SCALAR_STYLE else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(scalar)
    }

    /// nil for anything but a list.
    var elements: [YAMLNode]? {
        guard node.pointee.type == YAML_SEQUENCE_NODE else { return nil }
        let items = node.pointee.data.sequence.items
        return (0..<(items.top - items.start)).compactMap { get(items.start[$0]) }
    }

    /// nil for anything but a mapping. A key may stand there twice.
    var members: [(key: YAMLNode, value: YAMLNode)]? {
        guard node.pointee.type == YAML_MAPPING_NODE else { return nil }
        let pairs = node.pointee.data.mapping.pairs
        return (0..<(pairs.top - pairs.start)).compactMap { index in
            guard let key = get(pairs.start[index].key), let value = get(pairs.start[index].value) else { return nil }
            return (key, value)
        }
    }

    private func get(_ index: Int32) -> YAMLNode? {
        yaml_document_get_node(document.document, index).map { YAMLNode(document: document, node: $0) }
    }

    /// What stands there, in a word or two, for messages.
    var kind: String {
        if isNull { return "nothing" }
        if let scalar {
            let shown = scalar.unicodeScalars.prefix(40).map { $0.value < 0x20 || $0.value == 0x7f ? " " : Character($0) }
            return "\"\(String(shown))\""
        }
        return node.pointee.type == YAML_SEQUENCE_NODE ? "a list" : "a mapping"
    }
}
