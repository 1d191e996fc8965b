/// HMAC-SHA-256 (RFC 2104): a digest that only the holder of a key can make.
enum HMAC {
    /// 32 bytes.
    static func code(_ message: Span<UInt8>, key: Span<UInt8>) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: DigestBlock.size)
        if key.count > DigestBlock.size {
            block.replaceSubrange(0..<32, with: SHA256.digest(key))
        } else {
            for index in 0..<key.count { block[index] = key[index] }
        }
        var inner = SHA256()
        inner.update(block.map { $0 ^ 0x36 })
        inner.update(message)
        var outer = SHA256()
        outer.update(block.map { $0 ^ 0x5c })
        outer.update(inner.finish())
        return outer.finish()
    }
}

extension SHA256 {
    mutating func update(_ bytes: [UInt8]) { update(bytes.span) }
}
