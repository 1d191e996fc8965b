import CLibFuzzer
import Glibc

/// A parser of foreign bytes and what must hold for whatever it is given.
struct FuzzTarget: Sendable {
    /// Name on the command line, and of its folder of seeds.
    var name: String
    var run: @Sendable ([UInt8]) -> Void

    /// The list to add to when a parser is added.
    static let all = [
        FuzzTarget(name: "json", run: fuzzDocument), FuzzTarget(name: "json-value", run: fuzzValue), FuzzTarget(name: "decimal", run: fuzzDecimal),
        FuzzTarget(name: "time", run: fuzzTime), FuzzTarget(name: "messages", run: fuzzMessages), FuzzTarget(name: "lines", run: fuzzLines),
        FuzzTarget(name: "instruments", run: fuzzInstruments), FuzzTarget(name: "gzip", run: fuzzGzip),
        FuzzTarget(name: "trade-line", run: fuzzTradeLine), FuzzTarget(name: "candle-state", run: fuzzCandleState),
        FuzzTarget(name: "parquet", run: fuzzParquet), FuzzTarget(name: "pages", run: fuzzPages), FuzzTarget(name: "avro", run: fuzzAvro),
        FuzzTarget(name: "table-metadata", run: fuzzTableMetadata),
    ]

    /// The target that `K2_FUZZ_TARGET` names; without it, the names are printed.
    static let chosen: FuzzTarget = {
        let name = getenv("K2_FUZZ_TARGET").map { String(cString: $0) } ?? ""
        if let found = all.first(where: { $0.name == name }) { return found }
        print(all.map(\.name).joined(separator: "\n"))
        exit(name.isEmpty ? 0 : 64)
    }()
}

/// Ends the run as a finding when `condition` does not hold.
func require(_ condition: Bool, _ what: @autoclosure () -> String) {
    if condition { return }
    let message = Array("k2-fuzz: \(FuzzTarget.chosen.name): \(what())\n".utf8)
    _ = write(STDERR_FILENO, message, message.count)
    abort()
}

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    FuzzTarget.chosen.run(Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
}

/// `k2-fuzz [libFuzzer flags] [folders]`, with the target in `K2_FUZZ_TARGET`.
@main
enum Fuzz {
    static func main() {
        _ = FuzzTarget.chosen
        var count = CommandLine.argc
        var arguments = CommandLine.unsafeArgv
        exit(withUnsafeMutablePointer(to: &arguments) {
            $0.withMemoryRebound(to: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?.self, capacity: 1) {
                LLVMFuzzerRunDriver(&count, $0, testOneInput)
            }
        })
    }
}
