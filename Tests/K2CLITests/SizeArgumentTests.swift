import K2CLI
import Testing

@Suite struct SizeArgumentTests {
    @Test(arguments: [
        ("0", 0), ("1", 1), ("4096", 4096), ("1k", 1 << 10), ("1K", 1 << 10), ("512m", 512 << 20), ("3M", 3 << 20), ("1g", 1 << 30),
        ("10G", 10 << 30), ("007k", 7 << 10), ("9223372036854775807", .max), ("8589934591g", 8_589_934_591 << 30),
    ])
    func readsSizes(_ text: String, _ bytes: Int) {
        #expect(SizeArgument(argument: text)?.bytes == bytes)
        #expect(SizeArgument(argument: text)?.description == text)
    }

    @Test(arguments: [
        "", "k", "-1", "+1", "-1k", "1.5m", "1 k", " 1", "1kb", "1t", "m1", "1mm", "0x10", "１", "9223372036854775808", "8589934592g",
        "99999999999999999999k",
    ])
    func refusesOthers(_ text: String) { #expect(SizeArgument(argument: text) == nil) }
}
