import Dispatch
import K2Iceberg
import K2JSON
import K2ObjectStore
import Testing

/// What every catalog must do, run over all of them (`CatalogUnderTest.all`).
struct CatalogContract {
    private func refused(_ code: IcebergError.Code, _ place: SourceLocation = #_sourceLocation, _ body: () throws -> Void) {
        let error = #expect(throws: IcebergError.self, sourceLocation: place) { try body() }
        #expect(error?.code == code, "\(error?.message ?? "")", sourceLocation: place)
        #expect(error?.message.contains("\n") == false, sourceLocation: place)
    }

    private func file(_ name: String) -> DataFile {
        DataFile(path: "data/\(name)", partition: [.date(1)], recordCount: 1, fileSize: 10)
    }

    private func paths(_ place: CatalogPlace) throws -> [String] {
        let table = try place.catalog().loadTable(place.trades)
        return try TableFiles(metadata: table.metadata, store: place.store).dataFiles().map(\.path).sorted()
    }

    /// An append to the table as `base` has it, its objects written.
    private func append(_ name: String, to base: Table, _ place: CatalogPlace, seed: UInt64) throws -> SnapshotChange {
        let files = TableFiles(metadata: base.metadata, store: place.store)
        let update = try TableUpdate(metadata: base.metadata, manifests: try files.manifests(), identity: CommitIdentity(.fixed(seed: seed)))
        let change = try update.append([file(name)], readManifest: { (manifest) throws(IcebergError) in try files.entries(manifest) })
        for object in change.objects { try place.store.put(object.bytes, to: object.location) }
        return change
    }

    // MARK: Namespaces

    @Test(arguments: CatalogUnderTest.all) func `namespaces are made once, found and listed, nested ones too`(_ kind: CatalogUnderTest) throws {
        let place = try kind.place()
        let catalog = try place.catalog()
        let (outer, inner) = (place.namespace, place.namespace + ["inner"])
        #expect(try !catalog.namespaceExists(outer))
        try catalog.createNamespace(outer, properties: [:])
        #expect(try catalog.namespaceExists(outer) && !catalog.namespaceExists(inner))
        refused(.alreadyExists) { try catalog.createNamespace(outer, properties: [:]) }
        if catalog.capabilities.nestedNamespaces {
            try catalog.createNamespace(inner, properties: ["owner": "x"])
            refused(.alreadyExists) { try catalog.createNamespace(inner, properties: [:]) }
            #expect(try catalog.namespaceExists(inner) && !catalog.namespaceExists(["inner"]))
            #expect(try catalog.namespaces().filter { $0[0] == outer[0] } == [outer, inner])
        }
        #expect(try catalog.tables(in: outer).isEmpty && catalog.tables(in: ["missing"] + outer).isEmpty)
        refused(.invalid) { try catalog.createNamespace([], properties: [:]) }
        refused(.invalid) { try catalog.createNamespace(["a", ""], properties: [:]) }
    }

    @Test(arguments: CatalogUnderTest.all) func `a nested namespace has tables of its own`(_ kind: CatalogUnderTest) throws {
        let place = try kind.place()
        let catalog = try place.catalog()
        guard catalog.capabilities.nestedNamespaces else { return }
        try catalog.createNamespace(place.namespace, properties: [:])
        try catalog.createNamespace(place.namespace + ["inner"], properties: [:])
        let inner = TableIdentifier(place.namespace + ["inner"], "t")
        let made = try catalog.createTable(inner, try Fixtures.creation())
        #expect(try catalog.loadTable(inner) == made)
        #expect(try catalog.tables(in: place.namespace).isEmpty && catalog.tables(in: place.namespace + ["inner"]) == [inner])
    }

    // MARK: Tables

    @Test(arguments: CatalogUnderTest.all) func `a table is made as asked for`(_ kind: CatalogUnderTest) throws {
        let place = try kind.place()
        let catalog = try place.catalog()
        try catalog.createNamespace(place.namespace, properties: [:])
        let creation = try Fixtures.creation()
        let table = try catalog.createTable(place.trades, creation)
        let metadata = table.metadata
        #expect(metadata.currentSchema.hasSameColumns(as: creation.schema), "field ids are ours")
        #expect(metadata.defaultSpec.fields == creation.spec.fields && metadata.sortOrders.contains { $0.fields == creation.sortOrder.fields })
        // A server may make the name mapping itself.
        #expect(creation.properties.allSatisfy { $0.key == NameMapping.property || metadata.properties[$0.key] == $0.value })
        #expect(metadata.snapshots.isEmpty && metadata.formatVersion == 2 && !metadata.tableUUID.isEmpty)
        #expect(try catalog.loadTable(place.trades) == table)
        #expect(try place.catalog().findTable(place.trades) == table, "another connection sees it")
        #expect(try catalog.tables(in: place.namespace) == [place.trades])
    }

    /// With nested columns servers differ: some count depth first, and then keep a schema and a spec of their own beside ours.
    @Test(arguments: CatalogUnderTest.all) func `columns that count up keep the ids of schema, spec and order too`(_ kind: CatalogUnderTest) throws {
        let place = try kind.place()
        let catalog = try place.catalog()
        try catalog.createNamespace(place.namespace, properties: [:])
        let schema = try Schema(fields: [NestedField(1, "ts", .timestamptz, required: true), NestedField(2, "price", .decimal(38, 12), required: false)])
        let spec = PartitionSpec(fields: [PartitionField(sourceID: 1, fieldID: 1000, name: "ts_day", transform: .day)])
        let order = SortOrder(fields: [SortField(sourceID: 1)])
        let metadata = try catalog.createTable(place.trades, TableCreation(schema: schema, spec: spec, sortOrder: order)).metadata
        #expect(metadata.schemas == [schema] && metadata.partitionSpecs == [spec] && metadata.sortOrders.contains(order))
        #expect(metadata.defaultSpecID == 0 && metadata.defaultSortOrderID == 1 && metadata.lastColumnID == 2 && metadata.lastPartitionID == 1000)
    }

    @Test(arguments: CatalogUnderTest.all) func `what is there or missing is said`(_ kind: CatalogUnderTest) throws {
        let place = try kind.place()
        let catalog = try place.catalog()
        let missing = TableIdentifier(place.namespace, "missing")
        refused(.notFound) { _ = try catalog.createTable(place.trades, try Fixtures.creation()) }
        refused(.notFound) { _ = try catalog.loadTable(place.trades) }
        try catalog.createNamespace(place.namespace, properties: [:])
        let table = try catalog.createTable(place.trades, try Fixtures.creation())
        refused(.alreadyExists) { _ = try catalog.createTable(place.trades, try Fixtures.creation()) }
        refused(.notFound) { _ = try catalog.loadTable(missing) }
        refused(.notFound) { try catalog.dropTable(missing) }
        #expect(try catalog.findTable(missing) == nil && catalog.loadTable(place.trades) == table)
    }

    @Test(arguments: CatalogUnderTest.all) func `a dropped table is unknown and can be made anew`(_ kind: CatalogUnderTest) throws {
        let place = try kind.place()
        let catalog = try place.catalog()
        try catalog.createNamespace(place.namespace, properties: [:])
        let table = try catalog.createTable(place.trades, try Fixtures.creation())
        try place.store.put([1], to: table.metadata.dataFolder + "/kept")
        let stale = try append("x", to: table, place, seed: 3)
        try catalog.dropTable(place.trades)
        refused(.notFound) { try catalog.dropTable(place.trades) }
        #expect(try catalog.findTable(place.trades) == nil && catalog.tables(in: place.namespace).isEmpty && catalog.namespaceExists(place.namespace))
        if !catalog.capabilities.serverSideCommit { #expect(try place.store.exists(table.metadata.dataFolder + "/kept"), "data files stay") }
        let error = #expect(throws: IcebergError.self) { try catalog.commit(stale.updates, requirements: stale.requirements, on: table) }
        #expect(error?.code == .notFound || error?.code == .conflict)
        let anew = try catalog.createTable(place.trades, try Fixtures.creation())
        #expect(anew.metadata.tableUUID != table.metadata.tableUUID && anew.metadata.snapshots.isEmpty)
        #expect(throws: IcebergError.self, "a writer of the old table") { try catalog.commit(stale.updates, requirements: stale.requirements, on: table) }
        #expect(try catalog.loadTable(place.trades) == anew)
        _ = try CommitLoop(catalog: catalog, store: place.store).append([file("new")], to: place.trades)
        #expect(try paths(place) == ["data/new"])
    }

    @Test(arguments: CatalogUnderTest.all) func `of several that make a table at the same time one is told so`(_ kind: CatalogUnderTest) throws {
        let place = try kind.place()
        try place.catalog().createNamespace(place.namespace, properties: [:])
        let creation = try Fixtures.creation()
        let (problems, made) = (Problems(), SharedList<Table>())
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            do { made.add(try place.catalog().createTable(place.trades, creation)) } catch {
                if (error as? IcebergError)?.code != .alreadyExists { problems.add("\(error)") }
            }
        }
        #expect(problems.all == [])
        let catalog = try place.catalog()
        let uuid = try catalog.loadTable(place.trades).metadata.tableUUID
        #expect(made.all.filter { $0.metadata.tableUUID == uuid }.count == 1)
        // SeaweedFS lets several through; what the others made must not be taken for the table.
        let others = made.all.filter { $0.metadata.tableUUID != uuid }
        #expect(others.isEmpty || catalog.capabilities.serverSideCommit)
        for other in others {
            #expect(throws: IcebergError.self) { try catalog.commit([.setProperties(["a": "1"])], requirements: [], on: other) }
        }
    }

    // MARK: Commits

    @Test(arguments: CatalogUnderTest.all) func `appends are snapshots that follow on each other`(_ kind: CatalogUnderTest) throws {
        let place = try kind.placeWithTable()
        let catalog = try place.catalog()
        let loop = CommitLoop(catalog: catalog, store: place.store)
        for number in 0..<3 {
            guard case .committed(let table, let id) = try loop.append([file("\(number)")], to: place.trades, summary: ["batch": "\(number)"]) else {
                Issue.record("expected a commit")
                return
            }
            #expect(table.metadata.currentSnapshotID == id)
            #expect(try catalog.loadTable(place.trades) == table, "the commit's answer is what a load finds")
        }
        let metadata = try catalog.loadTable(place.trades).metadata
        #expect(metadata.snapshots.map(\.sequenceNumber) == [1, 2, 3] && metadata.snapshots.map { $0.summary["batch"] } == ["0", "1", "2"])
        #expect(metadata.snapshotLog.map(\.snapshotID) == metadata.snapshots.map(\.snapshotID) && metadata.lastSequenceNumber == 3)
        #expect(metadata.snapshots.map(\.parentSnapshotID) == [nil] + metadata.snapshots.dropLast().map(\.snapshotID))
        #expect(metadata.metadataLog.count == 3)
        #expect(try paths(place) == ["data/0", "data/1", "data/2"])
        _ = try loop.overwrite(removing: ["data/1"], adding: [file("new")], in: place.trades)
        #expect(try paths(place) == ["data/0", "data/2", "data/new"])
    }

    @Test(arguments: CatalogUnderTest.all) func `eight writers at the same time lose no update`(_ kind: CatalogUnderTest) throws {
        let place = try kind.placeWithTable()
        let problems = Problems()
        DispatchQueue.concurrentPerform(iterations: 8) { writer in
            do {
                let loop = CommitLoop(catalog: try place.catalog(), store: place.store, maxAttempts: 200)
                for number in 0..<10 { _ = try loop.append([self.file("\(writer)-\(number)")], to: place.trades) }
            } catch { problems.add("\(error)") }
        }
        #expect(problems.all == [])
        #expect(try paths(place) == (0..<8).flatMap { writer in (0..<10).map { "data/\(writer)-\($0)" } }.sorted())
        let metadata = try place.catalog().loadTable(place.trades).metadata
        #expect(metadata.snapshots.count == 80 && metadata.snapshots.map(\.sequenceNumber) == Array(1...80))
    }

    @Test(arguments: CatalogUnderTest.all) func `a commit on an old state is a conflict and changes nothing`(_ kind: CatalogUnderTest) throws {
        let place = try kind.placeWithTable()
        let catalog = try place.catalog()
        let base = try catalog.loadTable(place.trades)
        let (first, second) = (try append("first", to: base, place, seed: 5), try append("second", to: base, place, seed: 6))
        let committed = try catalog.commit(first.updates, requirements: first.requirements, on: base)
        let error = #expect(throws: IcebergError.self) { try catalog.commit(second.updates, requirements: second.requirements, on: base) }
        #expect(error?.code == .conflict && error?.isRetryable == true, "\(error?.message ?? "")")
        #expect(throws: IcebergError.self, "nor without requirements") { try catalog.commit(second.updates, requirements: [], on: base) }
        #expect(try catalog.loadTable(place.trades) == committed)
        if !catalog.capabilities.serverSideCommit {
            refused(.conflict) { _ = try catalog.commit([.setProperties(["a": "2"])], requirements: [], on: base) }
        }
    }

    @Test(arguments: CatalogUnderTest.all) func `requirements that do not hold refuse the commit`(_ kind: CatalogUnderTest) throws {
        let place = try kind.placeWithTable()
        let catalog = try place.catalog()
        let base = try catalog.loadTable(place.trades)
        let update = MetadataUpdate.setProperties(["never": "seen"])
        refused(.validation) { _ = try catalog.commit([update], requirements: [.tableUUID("00000000-0000-4000-8000-000000000000")], on: base) }
        for requirement in [.reference(name: "main", snapshotID: 5), .currentSchema(id: 77), .defaultSpec(id: 77)] as [Requirement] {
            refused(.conflict) { _ = try catalog.commit([update], requirements: [requirement], on: base) }
        }
        #expect(try catalog.loadTable(place.trades) == base)
        let held: [Requirement] = [
            .tableUUID(base.metadata.tableUUID), .reference(name: "main", snapshotID: nil), .currentSchema(id: base.metadata.currentSchemaID),
            .defaultSpec(id: base.metadata.defaultSpecID),
        ]
        #expect(try catalog.commit([update], requirements: held, on: base).metadata.properties["never"] == "seen")
    }

    @Test(arguments: CatalogUnderTest.all) func `properties are set and removed`(_ kind: CatalogUnderTest) throws {
        let place = try kind.placeWithTable()
        let catalog = try place.catalog()
        var table = try catalog.loadTable(place.trades)
        let before = table.metadata.properties
        table = try catalog.commit([.setProperties(["a": "1", "ü \"quoted\"": "\n😀"])], requirements: [], on: table)
        #expect(table.metadata.properties == before.merging(["a": "1", "ü \"quoted\"": "\n😀"]) { $1 })
        table = try catalog.commit([.removeProperties(["a", "absent"]), .setProperties(["b": ""])], requirements: [], on: table)
        #expect(table.metadata.properties == before.merging(["b": "", "ü \"quoted\"": "\n😀"]) { $1 })
        #expect(try catalog.loadTable(place.trades) == table && table.metadata.metadataLog.count == 2)
    }

    @Test(arguments: CatalogUnderTest.all) func `a column is added, and rows of both schemas are the table's`(_ kind: CatalogUnderTest) throws {
        let place = try kind.placeWithTable()
        let catalog = try place.catalog()
        let loop = CommitLoop(catalog: catalog, store: place.store)
        _ = try loop.append([file("old")], to: place.trades)
        let base = try catalog.loadTable(place.trades)
        var schema = base.metadata.currentSchema
        schema.schemaID = (base.metadata.schemas.map(\.schemaID).max() ?? 0) + 1
        schema.fields.append(NestedField(base.metadata.lastColumnID + 1, "more", .string, required: false))
        let updates: [MetadataUpdate] = [.addSchema(schema), .setCurrentSchema(id: schema.schemaID)]
        let changed = try catalog.commit(updates, requirements: [.currentSchema(id: base.metadata.currentSchemaID)], on: base)
        #expect(changed.metadata.currentSchema.hasSameColumns(as: schema) && changed.metadata.schemas.count == base.metadata.schemas.count + 1)
        #expect(changed.metadata.lastColumnID == base.metadata.lastColumnID + 1)
        refused(.conflict) {
            var other = schema
            other.fields[other.fields.count - 1] = NestedField(base.metadata.lastColumnID + 1, "other", .long, required: false)
            _ = try catalog.commit([.addSchema(other), .setCurrentSchema(id: other.schemaID)], requirements: [], on: base)
        }
        _ = try loop.append([file("young")], to: place.trades)
        #expect(try paths(place) == ["data/old", "data/young"])
        #expect(try catalog.loadTable(place.trades).metadata.currentSnapshot?.schemaID == changed.metadata.currentSchemaID)
    }

    @Test(arguments: CatalogUnderTest.all) func `snapshots expire and tags come and go`(_ kind: CatalogUnderTest) throws {
        let place = try kind.placeWithTable()
        let catalog = try place.catalog()
        let loop = CommitLoop(catalog: catalog, store: place.store)
        for number in 0..<3 { _ = try loop.append([file("\(number)")], to: place.trades) }
        var table = try catalog.loadTable(place.trades)
        let ids = table.metadata.snapshots.map(\.snapshotID)
        let tag = SnapshotReference(snapshotID: ids[1], kind: .tag, maxReferenceAgeMS: 86_400_000)
        table = try catalog.commit([.setSnapshotReference(name: "kept", tag)], requirements: [.reference(name: "kept", snapshotID: nil)], on: table)
        #expect(table.metadata.references["kept"] == tag)
        table = try catalog.commit([.removeSnapshots([ids[0]])], requirements: [.reference(name: "main", snapshotID: ids[2])], on: table)
        #expect(table.metadata.snapshots.map(\.snapshotID) == [ids[1], ids[2]] && table.metadata.references.keys.sorted() == ["kept", "main"])
        table = try catalog.commit([.removeSnapshotReference(name: "kept"), .removeSnapshots([ids[1]])], requirements: [], on: table)
        #expect(table.metadata.snapshots.map(\.snapshotID) == [ids[2]] && table.metadata.references.keys.sorted() == ["main"])
        #expect(try paths(place) == ["data/0", "data/1", "data/2"])
    }

    @Test(arguments: CatalogUnderTest.all) func `old metadata is removed only when the table says so`(_ kind: CatalogUnderTest) throws {
        let place = try kind.place()
        let catalog = try place.catalog()
        guard !catalog.capabilities.serverSideCommit else { return }
        try catalog.createNamespace(place.namespace, properties: [:])
        for removes in [true, false] {
            var creation = try Fixtures.creation()
            creation.properties["write.metadata.previous-versions-max"] = "2"
            if removes { creation.properties["write.metadata.delete-after-commit.enabled"] = "true" }
            var table = try catalog.createTable(TableIdentifier(place.namespace, "t\(removes)"), creation)
            for number in 0..<5 { table = try catalog.commit([.setProperties(["n": "\(number)"])], requirements: [], on: table) }
            let all = try place.store.list(prefix: table.metadata.metadataFolder + "/").filter { $0.location.hasSuffix(".metadata.json") }
            let left = all.filter { $0.size > 0 }.map(\.location)
            #expect(table.metadata.metadataLog.count == 2 && left.count == (removes ? 3 : 6))
            #expect(Set(left).isSuperset(of: table.metadata.metadataLog.map(\.metadataFile) + [table.metadataLocation]))
            #expect(try place.catalog().loadTable(table.identifier) == table)
        }
    }
}
