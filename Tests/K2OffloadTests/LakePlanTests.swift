import ArgumentParser
import Foundation
import Glibc
import K2CLI
import K2TestSupport
import Testing

@testable import K2Connections
@testable import K2Offload

struct LakePlanTests {
    private func plan(_ arguments: String...) throws -> LakePlan { try LakePlan(LakeOptions.parse(arguments)) }

    @Test func `paths may be relative or absolute, with or without slashes in front`() throws {
        let here = FileManager.default.currentDirectoryPath
        let all = ["--warehouse", "file:///a/b", "--catalog", "sqlite:/c/d.db", "--state", "sqlite:e.db"]
        let plan = try LakePlan(LakeOptions.parse(all))
        #expect(plan.warehouse == .folder(path: "/a/b") && plan.catalog == .sql(.sqlite(path: "/c/d.db")) && plan.state == .sqlite(path: "\(here)/e.db") && plan.catalogName == "k2")
    }

    @Test func `the state is kept in the catalog's file when nothing else is said`() throws {
        let plan = try plan("--catalog", "sqlite:/x/catalog.db", "--warehouse", "file:/w", "--catalog-name", "other")
        #expect(plan.state == .sqlite(path: "/x/catalog.db") && plan.catalogName == "other")
    }

    @Test(arguments: ["mysql://x", "sqlite:", "/plain/path", "", "SQLITE:/x", "file"])
    func `other catalogs are refused as usage`(_ url: String) {
        let error = #expect(throws: ToolFailure.self) { try plan("--catalog", url) }
        #expect(error?.status == .usage && error?.message == "--catalog: expected sqlite:PATH, postgres://HOST/DATABASE, http(s)://HOST or file:PATH, found \"\(url == "mysql://x" ? "mysql://…" : url)\"")
    }
}

extension LakePlanTests {
    @Test func `a database on a server serves both`() throws {
        let plan = try plan("--catalog", "postgresql://k2@db:5433/lake")
        #expect(plan.catalog == .sql(.postgres(url: "postgresql://k2@db:5433/lake")) && plan.state == .postgres(url: "postgresql://k2@db:5433/lake"))
    }

    @Test func `catalogs without a database keep the state in a file`() throws {
        let here = FileManager.default.currentDirectoryPath
        let rest = try plan("--catalog", "https://lake.example/iceberg")
        #expect(rest.catalog == .rest(url: "https://lake.example/iceberg") && rest.warehouse == .s3(location: ""))
        #expect(rest.state == .sqlite(path: "\(here)/k2-lake/state.db"))
        let folder = try plan("--catalog", "file:/data/lake/", "--state", "postgres://db/k2")
        #expect(folder.catalog == .folder && folder.warehouse == .folder(path: "/data/lake") && folder.state == .postgres(url: "postgres://db/k2"))
        let bucket = try plan("--catalog", "sqlite:/c.db", "--warehouse", "s3://bucket/a/")
        #expect(bucket.warehouse == .s3(location: "s3://bucket/a"))
        let error = #expect(throws: ToolFailure.self) { try plan("--catalog", "file:/a", "--warehouse", "file:/b") }
        #expect(error?.status == .usage)
    }

    @Test func `a password does not belong on a command line`() throws {
        let error = #expect(throws: ToolFailure.self) { try plan("--catalog", "postgres://k2:secret@db/lake") }
        #expect(error?.status == .usage && error?.message.contains("secret") == false)
    }
}

extension LakePlanTests {
    @Test func `where a lake must exist nothing is made`() throws {
        let folder = NSTemporaryDirectory() + "k2-plan-\(UInt64.random(in: 0 ... .max))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let plan = try plan("--catalog", "sqlite:\(folder)/catalog.db", "--warehouse", "file:\(folder)/warehouse")
        let error = #expect(throws: ToolFailure.self) { try plan.open(mustExist: true) }
        #expect(error?.status == .noInput && error?.message.hasPrefix("sqlite:\(folder)/catalog.db: no such catalog: ") == true)
        #expect(!FileManager.default.fileExists(atPath: folder))
        _ = try plan.open()
        try FileManager.default.removeItem(atPath: folder + "/warehouse")
        _ = try plan.open(mustExist: true)
        #expect(!FileManager.default.fileExists(atPath: folder + "/warehouse"))
    }

    @Test func `the place of a catalog is shown without secrets`() throws {
        #expect(PlaceText.withoutSecrets("postgres://k2:se/cr@et@db:5433/lake?sslpassword=secret") == "postgres://db:5433/lake")
        #expect(PlaceText.withoutSecrets("https://lake.example/iceberg#x") == "https://lake.example/iceberg")
        #expect(try plan("--catalog", "postgresql://k2@db/lake").catalogText == "postgresql://db/lake")
        #expect(try plan("--catalog", "file:/data/lake/").catalogText == "file:///data/lake" && plan("--catalog", "sqlite:/c.db").catalogText == "sqlite:/c.db")
    }
}

struct HolderTests {
    @Test func `this process is not gone, one that ended is`() throws {
        #expect(!Holder.isGone(Holder.own))
        let parts = Holder.own.split(separator: ":").map(String.init)
        #expect(parts.count == 3 && parts[1] == "\(getpid())")
        // The same number, another start: a later process that got the number of one that is gone.
        #expect(Holder.isGone("\(parts[0]):\(parts[1]):1"))
        let child = try ToolProcess.start("/bin/sh", ["-c", "exit 0"])
        let pid = child.pid
        _ = try child.finish()
        #expect(Holder.isGone("\(parts[0]):\(pid):5"))
    }

    @Test(arguments: ["elsewhere:1:1", "", "a", "a:b", ":::", "x:y:z:w"])
    func `a holder that cannot be asked is not called gone`(_ name: String) {
        #expect(!Holder.isGone(name))
    }
}

extension HolderTests {
    /// As in a container whose first process asks for none of the others.
    @Test func `a process that has ended is gone, also when nobody has asked how`() throws {
        var child = pid_t()
        let path = strdup("/bin/cat")
        defer { free(path) }
        // It waits at a pipe until that is closed.
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
        try #require(posix_spawn(&child, "/bin/cat", &actions, nil, [path, nil], nil) == 0)
        let own = Holder.own.split(separator: ":")
        let stat = try String(contentsOfFile: "/proc/\(child)/stat", encoding: .utf8)
        let start = stat[stat.lastIndex(of: ")")!...].split(separator: " ")[20]
        let holder = "\(own[0]):\(child):\(start)"
        #expect(!Holder.isGone(holder))
        close(ends[0])
        close(ends[1])
        // Waits for the end and leaves the process as it is.
        var info = siginfo_t()
        try #require(waitid(P_PID, id_t(child), &info, WEXITED | WNOWAIT) == 0)
        #expect(Holder.isGone(holder))
        waitpid(child, nil, 0)
        #expect(Holder.isGone(holder))
    }
}
