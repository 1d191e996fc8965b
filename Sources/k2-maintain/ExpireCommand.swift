import ArgumentParser
import K2CLI
import K2Connections
import K2Maintenance

struct ExpireCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "expire",
        abstract: "Remove old snapshots, and the files that only they needed.",
        discussion: """
            EXAMPLES
              k2-maintain expire --older-than 7d --retain-last 3
              k2-maintain expire --tables silver_trades --dry-run

            What branches and tags say about their own history counts (min-snapshots-to-keep, max-snapshot-age-ms, max-ref-age-ms), then the flags, \
            then the table's properties history.expire.*, then 7d and 3. A snapshot that an open batch of k2-offload or the state store may still \
            need stays, whatever its age. Files are deleted after the commit, and only when it is known to have been made; --dry-run lists each \
            one and why it would go. A table with gc.enabled=false is left alone, and one whose location is shared with another table is refused.
            """)

    @OptionGroup var options: MaintainOptions

    @OptionGroup(title: "What to keep") var expire: ExpireFlags

    @OptionGroup(title: "The lake") var lake: LakeOptions

    func run() throws { try MaintainRun(options, lake).run([Expiry.step(expire.options)]) }
}

/// What `expire` and `run` are told about history.
struct ExpireFlags: ParsableArguments {
    @Option(name: .customLong("older-than"), help: ArgumentHelp("Expire snapshots older than this; 7d unless the table says it.", valueName: "time"))
    var olderThan: DurationArgument?

    @Option(name: .customLong("retain-last"), help: ArgumentHelp("Keep so many snapshots of each branch, however old; 3 unless the table says it.", valueName: "count"))
    var retainLast: Int?

    func validate() throws {
        if let retainLast, retainLast < 1 { throw ValidationError("--retain-last: expected 1 or more, found \(retainLast)") }
    }

    var options: ExpireOptions { ExpireOptions(olderThan: olderThan?.microseconds, retainLast: retainLast) }
}
