import K2TestSupport
import Testing

@testable import K2ObjectStore

@Suite struct DigestTests {
    /// FIPS 180-2, appendix B, and the NIST examples.
    static let sha256: [(String, Int, String)] = [
        ("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (
            "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu", 1,
            "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
        ),
        ("a", 1_000_000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
    ]

    @Test(arguments: sha256, [true, false])
    func `SHA-256 of published messages, with and without the processor's instructions`(
        _ item: (text: String, count: Int, digest: String), _ hasInstructions: Bool
    ) {
        var hash = SHA256(hasInstructions: hasInstructions)
        for _ in 0..<item.count { hash.update(Array(item.text.utf8)) }
        #expect(DigestText.hex(hash.finish()) == item.digest)
    }

    @Test func `pieces and ways give the same digest`() {
        var random = Seeded.start()
        for _ in 0..<300 {
            let bytes = random.bytes(random.int(0...400))
            var (fast, plain) = (SHA256(hasInstructions: true), SHA256(hasInstructions: false))
            var start = 0
            while start < bytes.count {
                let end = min(bytes.count, start + random.int(1...130))
                fast.update(Array(bytes[start..<end]))
                start = end
            }
            plain.update(bytes)
            #expect(fast.finish() == plain.finish())
            #expect(plain.finish() == SHA256.digest(bytes.span), "a digest may be taken in between")
        }
    }

    /// RFC 4231, cases 1, 2, 3, 6 and 7.
    @Test(arguments: [
        ([UInt8](repeating: 0x0b, count: 20), Array("Hi There".utf8), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (
            Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        (
            [UInt8](repeating: 0xaa, count: 20), [UInt8](repeating: 0xdd, count: 50),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
        ),
        (
            [UInt8](repeating: 0xaa, count: 131), Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        ),
        (
            [UInt8](repeating: 0xaa, count: 131),
            Array(
                "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm."
                    .utf8),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
        ),
    ])
    func `HMAC of published messages`(_ key: [UInt8], _ message: [UInt8], _ code: String) {
        #expect(DigestText.hex(HMAC.code(message.span, key: key.span)) == code)
    }

    /// RFC 1321, appendix A.5.
    @Test(arguments: [
        ("", "d41d8cd98f00b204e9800998ecf8427e"), ("a", "0cc175b9c0f1b6a831c399e269772661"), ("abc", "900150983cd24fb0d6963f7d28e17f72"),
        ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"), ("abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"),
        ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "d174ab98d277d9f5a5611c2c9f419d9f"),
        ("12345678901234567890123456789012345678901234567890123456789012345678901234567890", "57edf4a22be3c955ac49da2e2107b67a"),
    ])
    func `MD5 of published messages`(_ text: String, _ digest: String) {
        #expect(DigestText.hex(MD5.digest(Array(text.utf8).span)) == digest)
    }
}
