import ArgumentParser

/// Where the lake is; the same flags for all verbs.
public struct LakeOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Where tables lie, file:PATH or s3://BUCKET/PREFIX; else K2_WAREHOUSE, else file:k2-lake/warehouse.", valueName: "url"))
    public var warehouse: String?

    @Option(help: ArgumentHelp("Iceberg catalog, sqlite:PATH, postgres://HOST/DATABASE, http(s)://HOST (REST) or file:PATH; else K2_CATALOG, else sqlite:k2-lake/catalog.db.", valueName: "url"))
    public var catalog: String?

    @Option(help: ArgumentHelp("State store, sqlite:PATH or postgres://HOST/DATABASE; else K2_STATE, else the catalog's database.", valueName: "url"))
    public var state: String?

    @Option(name: .customLong("catalog-name"), help: ArgumentHelp("Name under which the catalog's tables are registered.", valueName: "name"))
    public var catalogName = "k2"

    public init() {}
}
