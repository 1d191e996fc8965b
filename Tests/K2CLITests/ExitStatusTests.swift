import K2CLI
import Testing

@Suite struct ExitStatusTests {
    /// Scripts and service files rely on these numbers.
    @Test func numbersNeverChange() {
        let statuses: [(K2CLI.ExitStatus, Int32)] = [
            (.done, 0), (.failed, 1), (.different, 3), (.undecided, 4), (.usage, 64), (.badInput, 65), (.noInput, 66), (.unavailable, 69),
            (.temporary, 75), (.unknownOutcome, 76),
        ]
        for (status, number) in statuses { #expect(status.rawValue == number) }
    }

    @Test func aFailureIsItsMessage() {
        let failure = ToolFailure(.noInput, "a.ndjson: cannot open: no such file or directory", hint: "look again")
        #expect(failure.description == "a.ndjson: cannot open: no such file or directory")
        #expect(failure.status == .noInput)
        #expect(failure.hint == "look again")
    }
}
