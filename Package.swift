// swift-tools-version: 6.2
// Targets are listed bottom-up: a target may import only what stands above it and is named in its
// dependencies. scripts/check-layers compares the imports in the sources with this list.
import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]
/// For the targets that hand out or store spans over bytes.
let spans: [SwiftSetting] = strict + [.enableExperimentalFeature("Lifetimes")]

func library(_ name: String, _ dependencies: [Target.Dependency] = [], settings: [SwiftSetting] = spans) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tool(_ name: String, at path: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name, dependencies: ["K2CLI", "K2NDJSON"] + dependencies + [.product(name: "ArgumentParser", package: "swift-argument-parser")],
        path: "Sources/\(path)", swiftSettings: spans)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [], resources: [Resource] = []) -> Target {
    .testTarget(
        name: name, dependencies: dependencies + ["K2TestSupport"], exclude: exclude, resources: resources,
        swiftSettings: spans)
}

let package = Package(
    name: "k2",
    products: [
        .executable(name: "k2-feed", targets: ["K2Feed"]),
        .executable(name: "k2-normalize", targets: ["K2Normalize"]),
        .executable(name: "k2-ohlcv", targets: ["K2OHLCV"]),
        .executable(name: "k2-load", targets: ["K2Load"]),
        .executable(name: "k2-offload", targets: ["K2Offload"]),
        .executable(name: "k2-maintain", targets: ["K2Maintain"]),
        .executable(name: "k2-sim", targets: ["K2Sim"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    ],
    targets: [
        // C libraries
        .target(name: "CK2SimdJSON", linkerSettings: [.linkedLibrary("simdjson")]),
        .target(name: "CK2XXHash"),
        .target(name: "CK2SHA256"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CSnappy", providers: [.apt(["libsnappy-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),

        // Values and bytes
        library("K2Bytes"),
        library("K2Domain", ["K2Bytes", "CK2XXHash"]),
        library("K2JSON", ["K2Bytes", "CK2SimdJSON"]),
        library("K2Compression", ["CZlib", "CZstd", "CSnappy"]),
        library("K2SQL"),
        library("K2SQLite", ["CSQLite", "K2SQL"]),
        library("K2Postgres", ["CPostgres", "K2SQL"]),
        library("K2HTTP", ["CCurl"]),
        library("K2Retry"),
        library("K2Metrics", ["K2Bytes"]),
        library("K2Spool", ["K2Bytes", "CK2XXHash"]),

        // The stream
        library("K2NDJSON", ["K2Bytes", "K2Domain", "K2JSON"]),
        library("K2Rows", ["K2Bytes", "K2Domain", "K2JSON", "K2NDJSON"]),
        library("K2Exchanges", ["K2Bytes", "K2Domain", "K2JSON"]),
        library("K2Simulator", ["K2Bytes", "K2Domain", "K2JSON"]),
        library("K2Capture", ["K2Bytes", "K2Domain", "K2JSON", "K2NDJSON", "K2Exchanges", "K2Retry"]),
        library(
            "K2WebSocket",
            [
                "K2Bytes",
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]),

        // File formats and tables
        library("K2Parquet", ["K2Bytes", "K2Compression", "CK2XXHash"]),
        library("K2Avro", ["K2Bytes", "K2JSON", "CZlib"]),
        library("K2ObjectStore", ["K2Bytes", "K2HTTP", "K2Retry", "CK2SHA256"]),
        library("K2Iceberg", ["K2Bytes", "K2Avro", "K2HTTP", "K2JSON", "K2ObjectStore", "K2Retry", "K2SQL", "K2SQLite", "K2Postgres"]),
        library("K2StateStore", ["K2Domain", "K2JSON", "K2SQL", "K2SQLite", "K2Postgres"]),
        library("K2ClickHouse", ["K2Bytes", "K2Compression", "K2Domain", "K2HTTP", "K2Rows"]),
        library("K2Lake", ["K2Bytes", "K2Domain", "K2JSON", "K2NDJSON", "K2Rows", "K2Parquet", "K2Iceberg", "K2ObjectStore", "K2StateStore"]),
        library(
            "K2Maintenance",
            [
                "K2Bytes", "K2Domain", "K2JSON", "K2Rows", "K2Compression", "K2Parquet", "K2Iceberg", "K2ObjectStore", "K2StateStore", "K2ClickHouse",
                "K2Lake",
            ]),

        // Command lines
        library("K2CLI", ["K2Bytes", "K2Domain", "K2NDJSON", .product(name: "ArgumentParser", package: "swift-argument-parser")]),
        library(
            "K2Connections",
            [
                "K2CLI", "K2ClickHouse", "K2Domain", "K2HTTP", "K2Iceberg", "K2Lake", "K2NDJSON", "K2ObjectStore", "K2StateStore",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        tool(
            "K2Feed", at: "k2-feed",
            [
                "K2Bytes", "K2Compression", "K2Domain", "K2JSON", "K2Exchanges", "K2Capture", "K2Spool", "K2HTTP", "K2Metrics", "K2WebSocket",
                "K2Retry", "CYAML",
            ]),
        tool("K2Normalize", at: "k2-normalize", ["K2Bytes", "K2Domain", "K2Exchanges", "K2JSON"]),
        tool("K2OHLCV", at: "k2-ohlcv", ["K2Bytes", "K2Domain", "K2JSON"]),
        tool(
            "K2Load", at: "k2-load",
            ["K2Bytes", "K2ClickHouse", "K2Compression", "K2Connections", "K2Domain", "K2HTTP", "K2JSON", "K2Metrics", "K2Retry", "K2Rows", "K2Spool", "K2WebSocket"]),
        tool(
            "K2Offload", at: "k2-offload",
            [
                "K2Bytes", "K2ClickHouse", "K2Connections", "K2Domain", "K2HTTP", "K2Iceberg", "K2JSON", "K2Lake", "K2Metrics", "K2ObjectStore",
                "K2Retry", "K2StateStore",
            ]),
        tool(
            "K2Maintain", at: "k2-maintain",
            [
                "K2Bytes", "K2ClickHouse", "K2Connections", "K2Domain", "K2HTTP", "K2Iceberg", "K2JSON", "K2Lake", "K2Maintenance", "K2Metrics",
                "K2ObjectStore", "K2Retry", "K2Rows", "K2StateStore",
            ]),
        tool("K2Sim", at: "k2-sim", ["K2Bytes", "K2Domain", "K2Simulator", "K2WebSocket"]),

        // Tests
        .target(name: "K2TestSupport", dependencies: ["K2Bytes"], path: "Tests/K2TestSupport", swiftSettings: spans),
        .target(name: "CMallocCounter", path: "Tests/CMallocCounter"),
        tests("K2BytesTests", ["K2Bytes"]),
        tests("K2DomainTests", ["K2Domain", "K2Bytes"]),
        tests("K2JSONTests", ["K2JSON", "K2Bytes"]),
        tests("K2CompressionTests", ["K2Compression"]),
        tests("K2SQLTests", ["K2SQL", "K2SQLite", "K2Postgres"]),
        tests("K2SQLiteTests", ["K2SQLite"]),
        tests("K2HTTPTests", ["K2HTTP", "K2Compression"]),
        tests("K2MetricsTests", ["K2Metrics", "K2Bytes", "CMallocCounter"]),
        tests("K2SpoolTests", ["K2Spool", "K2Bytes"]),
        tests("K2NDJSONTests", ["K2NDJSON", "K2JSON", "K2Domain", "K2Bytes"]),
        tests("K2ExchangesTests", ["K2Exchanges", "K2JSON", "K2Domain", "K2Bytes", "K2NDJSON", "K2Normalize"], exclude: ["Fixtures"]),
        tests("K2CaptureTests", ["K2Capture", "K2Retry", "K2Exchanges", "K2NDJSON", "K2JSON", "K2Domain", "K2Bytes"]),
        tests("K2SimulatorTests", ["K2Simulator", "K2Sim", "K2WebSocket", "K2JSON", "K2Domain", "K2Bytes"], resources: [.copy("Fixtures")]),
        tests("K2WebSocketTests", ["K2WebSocket"]),
        tests("K2ParquetTests", ["K2Parquet", "K2Bytes", "K2Compression"], exclude: ["Foreign"]),
        tests("K2AvroTests", ["K2Avro", "K2Bytes", "K2JSON"]),
        tests("K2ObjectStoreTests", ["K2ObjectStore", "K2Bytes", "K2HTTP"]),
        tests(
            "K2IcebergTests", ["K2Iceberg", "K2Avro", "K2HTTP", "K2ObjectStore", "K2SQL", "K2SQLite", "K2Postgres", "K2JSON", "K2Bytes"],
            exclude: ["Python"]),
        tests("K2StateStoreTests", ["K2StateStore", "K2SQL", "K2SQLite", "K2Postgres", "K2Domain"], exclude: ["Fixtures"]),
        tests(
            "K2LakeTests",
            [
                "K2Lake", "K2Parquet", "K2Iceberg", "K2NDJSON", "K2JSON", "K2Domain", "K2Bytes", "K2ObjectStore", "K2Rows", "K2StateStore",
                "K2Normalize",
                "K2Exchanges",
            ]),
        tests(
            "K2MaintenanceTests",
            [
                "K2Maintenance", "K2Lake", "K2Parquet", "K2Avro", "K2Iceberg", "K2ClickHouse", "K2NDJSON", "K2JSON", "K2Domain", "K2Bytes", "K2ObjectStore", "K2Rows",
                "K2StateStore", "K2SQL", "K2Compression",
            ]),
        tests(
            "K2ClickHouseTests", ["K2ClickHouse", "K2Rows", "K2HTTP", "K2NDJSON", "K2JSON", "K2Domain", "K2Bytes"], exclude: ["Schema/Golden"]),
        tests("K2LoadTests", ["K2Load", "K2ClickHouse", "K2Rows", "K2Spool", "K2CLI", "K2NDJSON", "K2JSON", "K2Domain", "K2Bytes"]),
        tests("K2CLITests", ["K2CLI", "K2NDJSON"]),
        tests(
            "K2FeedTests",
            [
                "K2Feed", "K2Sim", "K2Capture", "K2Compression", "K2Domain", "K2Exchanges", "K2HTTP", "K2NDJSON", "K2CLI", "K2JSON", "K2Bytes",
                "K2Spool", "K2WebSocket", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        tests("K2NormalizeTests", ["K2Normalize", "CMallocCounter", "K2Exchanges", "K2NDJSON", "K2JSON", "K2Domain", "K2Bytes"]),
        tests("K2OHLCVTests", ["K2OHLCV", "K2NDJSON", "K2Domain", "K2Bytes"]),
        tests("K2OffloadTests", ["K2Offload", "K2Connections", "K2CLI", "K2Lake", "K2StateStore", "K2Domain", "K2Bytes", .product(name: "ArgumentParser", package: "swift-argument-parser")]),
        tests(
            "K2MaintainTests",
            ["K2Maintain", "K2Connections", "K2Maintenance", "K2Lake", "K2StateStore", "K2JSON", "K2Domain", "K2CLI", .product(name: "ArgumentParser", package: "swift-argument-parser")]),
        tests("ToolTests", [], exclude: ["cases", "foreign", "help", "pipes"]),
    ],
    cxxLanguageStandard: .cxx17
)
