import Glibc
import K2Bytes
import K2CLI
import K2Domain
import K2JSON
import K2Maintenance
import K2NDJSON

/// What goes to stdout: lines of plans, and with `--json` a line for each table's result.
final class MaintainOutput {
    private let json: Bool
    private var lines = LineWriter(descriptor: STDOUT_FILENO, name: "stdout")
    /// The first line that could not be written; later ones are dropped, and the work goes on to its end.
    private var failure: StreamError?

    init(json: Bool) { self.json = json }

    func show(_ line: ShownLine, verb: String, table: String) {
        if json {
            write(Self.object(verb, table, line.json()))
        } else {
            write(line.text())
        }
    }

    func result(_ result: StepResult) {
        guard json else { return }
        write(result.json)
        flush()
    }

    private static func object(_ verb: String, _ table: String, _ members: JSONObject) -> String {
        var object = JSONObject()
        object["verb"] = .string(verb)
        object["table"] = .string(table)
        for member in members.members { object[member.key] = member.value }
        return JSONValue.object(object).text
    }

    private func write(_ text: String) {
        guard failure == nil else { return }
        do throws(StreamError) {
            lines.buffer.append(string: text)
            lines.buffer.append(0x0a)
            try lines.endRecord()
        } catch { failure = error }
    }

    private func flush() {
        guard failure == nil else { return }
        do throws(StreamError) { try lines.flush() } catch { failure = error }
    }

    /// Writes what is waiting. - Throws: the first failure of all.
    func finish() throws(StreamError) {
        flush()
        if let failure { throw failure }
    }
}
