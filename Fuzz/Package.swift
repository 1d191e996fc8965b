// swift-tools-version: 6.2
// Fuzz targets for the parsers of foreign bytes. A package of its own: everything here is compiled with
// libFuzzer's and the address sanitizer's instrumentation. Build and run it with scripts/fuzz.
// `Sources` is a link to the sources of the main package; only the modules that are fuzzed stand here.
import PackageDescription

let sanitizers = "fuzzer,address"
let swift: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableExperimentalFeature("Lifetimes"),
    .unsafeFlags(["-sanitize=\(sanitizers)", "-enable-testing"]),
]

func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: swift)
}

let package = Package(
    name: "k2-fuzz",
    targets: [
        .target(
            name: "CK2SimdJSON", cxxSettings: [.unsafeFlags(["-fsanitize=fuzzer-no-link,address"])],
            linkerSettings: [.linkedLibrary("simdjson")]),
        .target(name: "CK2XXHash"),
        .target(name: "CK2SHA256"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib"),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd"),
        .systemLibrary(name: "CSnappy"),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl"),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3"),
        .systemLibrary(name: "CPostgres", pkgConfig: "libpq"),
        library("K2Bytes"),
        library("K2Domain", ["K2Bytes", "CK2XXHash"]),
        library("K2JSON", ["K2Bytes", "CK2SimdJSON"]),
        library("K2Compression", ["CZlib", "CZstd", "CSnappy"]),
        library("K2NDJSON", ["K2Bytes", "K2Domain", "K2JSON"]),
        library("K2Exchanges", ["K2Bytes", "K2Domain", "K2JSON"]),
        library("K2Parquet", ["K2Bytes", "K2Compression", "CK2XXHash"]),
        library("K2Avro", ["K2Bytes", "K2JSON", "CZlib"]),
        library("K2HTTP", ["CCurl"]),
        library("K2Retry"),
        library("K2ObjectStore", ["K2Bytes", "K2HTTP", "K2Retry", "CK2SHA256"]),
        library("K2SQL"),
        library("K2SQLite", ["CSQLite", "K2SQL"]),
        library("K2Postgres", ["CPostgres", "K2SQL"]),
        library("K2Iceberg", ["K2Bytes", "K2Avro", "K2HTTP", "K2JSON", "K2ObjectStore", "K2Retry", "K2SQL", "K2SQLite", "K2Postgres"]),
        // The pure parts of the tools: no command lines, no streams.
        .target(
            name: "K2Normalize", dependencies: ["K2Bytes", "K2Domain", "K2Exchanges", "K2JSON", "K2NDJSON"], path: "Sources/k2-normalize",
            sources: ["GapTracker.swift", "IdentityWindow.swift", "NormalizeStats.swift", "Normalizer.swift"], swiftSettings: swift),
        .target(
            name: "K2OHLCV", dependencies: ["K2Bytes", "K2Domain", "K2JSON", "K2NDJSON"], path: "Sources/k2-ohlcv",
            sources: [
                "CandleFold.swift", "CandleStage.swift", "CandleState.swift", "CandleState+Decode.swift", "OutputTail.swift", "Series.swift",
                "TradeReader.swift", "UnnumberedTrades.swift",
            ], swiftSettings: swift),
        .target(name: "CLibFuzzer", path: "Targets/CLibFuzzer"),
        .executableTarget(
            name: "k2-fuzz",
            dependencies: [
                "CLibFuzzer", "K2Bytes", "K2Compression", "K2Domain", "K2Exchanges", "K2JSON", "K2NDJSON", "K2Normalize", "K2OHLCV", "K2Parquet",
                "K2Avro", "K2Iceberg",
            ], path: "Targets/k2-fuzz", swiftSettings: swift + [.unsafeFlags(["-parse-as-library"])],
            linkerSettings: [.unsafeFlags(["-sanitize=\(sanitizers)"])]),
    ],
    cxxLanguageStandard: .cxx17
)
