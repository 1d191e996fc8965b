import Glibc
import K2CLI
import K2TestSupport
import Testing

private func failure(_ path: String, limit: Int = 1 << 20) -> ToolFailure? {
    do throws(ToolFailure) { _ = try InputFile.read(path, what: "instruments file", limit: limit) } catch { return error }
    return nil
}

@Suite struct InputFileTests {
    @Test func readsAFileWhole() throws {
        let folder = try TestFolder()
        let bytes = [UInt8](repeating: 7, count: 200_000)
        #expect(try InputFile.read(folder.file("a", bytes), what: "file") == bytes)
        #expect(try InputFile.read(folder.file("b", []), what: "file") == [])
        #expect(try InputFile.read(folder.file("c", bytes), what: "file", limit: 200_000) == bytes)
    }

    @Test func saysWhatIsWrong() throws {
        let folder = try TestFolder()
        let missing = try folder.file("missing")
        #expect(failure(missing)?.message == "\(missing): cannot open instruments file: no such file or directory")
        #expect(failure(missing)?.status == .noInput)
        #expect(failure(folder.path)?.message == "\(folder.path): cannot read instruments file: is a directory")
        let large = try folder.file("large", [UInt8](repeating: 1, count: 11))
        #expect(failure(large, limit: 10)?.message == "\(large): instruments file is larger than 10 bytes")
        #expect(failure(large, limit: 10)?.status == .usage)
    }

    @Test func anEmptyVariableIsAnUnsetOne() {
        setenv("K2_TEST_INPUT_FILE", "", 1)
        #expect(InputFile.environment("K2_TEST_INPUT_FILE") == nil)
        setenv("K2_TEST_INPUT_FILE", "x", 1)
        #expect(InputFile.environment("K2_TEST_INPUT_FILE") == "x")
        unsetenv("K2_TEST_INPUT_FILE")
        #expect(InputFile.environment("K2_TEST_INPUT_FILE") == nil)
    }
}
