import Foundation
import Glibc
import K2TestSupport
import Testing

/// `kill -9` at any moment: the lake stays readable, and a later run leaves each row once.
@Suite(.enabled(if: TestPython.main != nil, "needs pyiceberg and pyarrow: K2_TEST_PYTHON"))
struct OffloadCrashTests {
    /// Answers each line that holds a lake's folder with what pyiceberg finds there, one JSON object a line.
    private static let inspector = #"""
        import sys, json, glob, os
        from pyiceberg.catalog import load_catalog
        identities = {"silver_trades": ["exchange", "symbol", "trade_id"], "feed_gaps": ["exchange", "symbol", "first_missing", "last_missing", "state", "detected_at"]}
        for folder in sys.stdin:
            folder = folder.strip()
            catalog = load_catalog("k2", type="sql", uri="sqlite:///" + folder + "/catalog.db")
            found, known = {}, set()
            for identifier in catalog.list_tables("cold") if catalog.namespace_exists("cold") else []:
                name = identifier[1]
                table = catalog.load_table(identifier)
                rows = table.scan().to_arrow().to_pylist()
                key = identities.get(name) or (["symbol", "trade_id"] if name.startswith("bronze") else ["exchange", "canonical_symbol", "window_start"])
                price = next((c for c in ("price", "close_price") if rows and c in rows[0]), None)
                found[name] = {"rows": len(rows), "distinct": len({tuple(str(r[k]) for k in key) for r in rows}),
                    "sum": str(sum(r[price] for r in rows)) if price else "", "contents": hash(frozenset(str(sorted(r.items())) for r in rows)),
                    "total": (table.current_snapshot().summary["total-records"] if table.current_snapshot() else "0")}
                for snapshot in table.snapshots():
                    for manifest in snapshot.manifests(table.io):
                        for entry in manifest.fetch_manifest_entry(table.io):
                            known.add(entry.data_file.file_path.removeprefix("file://"))
            orphans = [f for f in glob.glob(folder + "/warehouse/**/*.parquet", recursive=True) if f not in known]
            print(json.dumps({"tables": found, "orphans": orphans}), flush=True)
        """#

    private struct InspectorError: Error, CustomStringConvertible {
        var description: String
    }

    /// A Python process that stays up: it takes a second to load pyiceberg.
    private final class Inspector {
        private let process: RunningTool
        private var seen = 0

        init() throws {
            process = try ToolProcess.start(TestPython.main!.interpreter, ["-c", OffloadCrashTests.inspector], environment: ["PYTHONHASHSEED": "1"])
        }

        func look(_ folder: String) throws -> [String: Any] {
            try process.write(Array((folder + "\n").utf8))
            while true {
                try process.read(atLeast: seen + 1)
                guard let end = process.stdout[seen...].firstIndex(of: 0x0a) else {
                    if process.stdout.count == seen { throw InspectorError(description: "pyiceberg: \(String(decoding: process.stderr, as: UTF8.self))") }
                    try process.read(atLeast: process.stdout.count + 1)
                    continue
                }
                let line = Data(process.stdout[seen..<end])
                seen = end + 1
                return try #require(try JSONSerialization.jsonObject(with: line) as? [String: Any])
            }
        }

        func tables(_ folder: String) throws -> [String: [String: Any]] { try #require(try look(folder)["tables"] as? [String: [String: Any]]) }
    }

    /// Trades with and without ids, bronze rows, gaps, and candles of which later revisions come.
    private func input() throws -> [UInt8] {
        try OffloadInput.stream("binance", trades: 700, seed: 11, more: "--rate 4 --faults late,gap,duplicates")
            + OffloadInput.stream("kraken", trades: 300, seed: 12, more: "--format v1 --rate 4")
            + OffloadInput.stream("coinbase", trades: 300, seed: 13, more: "--rate 4 --faults late")
    }

    @Test func `killed at twenty-five random points, each row is there once`() throws {
        var random = Seeded.start()
        let inspector = try Inspector()
        let bytes = try input()
        let clean = try OffloadLake()
        let whole = try clean.run(bytes)
        #expect(whole.status == 0, "\(whole.stderr)")
        let expected = try inspector.tables(clean.path)
        #expect(expected.count >= 10 && expected["silver_trades"]?["rows"] as? Int == 1300)

        let lake = try OffloadLake()
        let recording = try lake.folder.file("input.ndjson", bytes)
        var kills = 0
        var before: [String: Int] = [:]
        for _ in 0..<25 {
            let tool = try ToolProcess.start(
                // The input stays open behind its end: the tool is killed at work or waiting, never after it is done.
                "/bin/bash",
                [
                    "-c", "exec \"$0\" run --from - --commit-rows \(random.pick([40, 150, 400])) < <(exec 2>&-; cat '\(recording)'; exec sleep 1)",
                    try ToolProcess.path("k2-offload"),
                ],
                environment: lake.environment)
            usleep(UInt32(random.int(15...900)) * 1_000)
            tool.send(signal: SIGKILL)
            let result = try tool.finish()
            #expect(result.status == 137 || result.status == 0, "\(result.stderr)")
            kills += result.status == 137 ? 1 : 0
            for (name, table) in try inspector.tables(lake.path) {
                let rows = try #require(table["rows"] as? Int)
                #expect(rows == table["distinct"] as? Int && "\(rows)" == table["total"] as? String, "seed \(random.seed): \(name)")
                #expect(rows >= before[name] ?? 0, "seed \(random.seed): \(name) lost rows")
                before[name] = rows
            }
        }
        #expect(kills >= 10, "the runs are long enough to be killed")
        let last = try lake.run(bytes)
        #expect(last.status == 0, "seed \(random.seed): \(last.stderr)")
        let found = try inspector.look(lake.path)
        let tables = try #require(found["tables"] as? [String: [String: Any]])
        #expect(Set(tables.keys) == Set(expected.keys))
        for (name, table) in tables {
            for what in ["rows", "distinct", "sum", "contents"] {
                #expect("\(table[what]!)" == "\(expected[name]?[what] ?? "none")", "seed \(random.seed): \(name) \(what)")
            }
        }
        #expect(try lake.verb("reconcile").text == "no open batches\n")
        #expect((found["orphans"] as? [String]) == [], "seed \(random.seed)")
        // Half-written objects may stay behind, under names that nobody reads.
        #expect(lake.files(".tmp").allSatisfy { $0.split(separator: "/").last?.hasPrefix(".") == true })
    }
}
