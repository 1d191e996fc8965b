import K2JSON

extension RESTCatalog {
    /// Has the server apply `updates`.
    ///
    /// The protocol cannot require that nothing at all changed since `base`. It is required of what the updates touch:
    /// the table's identity, references, the current schema, the default spec. Properties are set whatever they were.
    public func commit(_ updates: [MetadataUpdate], requirements: [Requirement], on base: Table) throws(IcebergError) -> Table {
        for requirement in requirements { try requirement.check(base.metadata) }
        let all = Self.completed(requirements, for: updates, on: base.metadata)
        let identifier = base.identifier
        let after = try base.metadata.applying(updates, nowMS: environment.nowMS())
        let change = Change(
            identifier: identifier, path: path.table(identifier),
            body: CommitRequest(updates, requirements: all, on: base.metadata).json(of: identifier),
            isRepeatable: !all.allSatisfy { $0.holds(in: after) },
            verdict: { table in
                guard let table else { return .refused(IcebergError(.notFound, "table \(identifier): no such table")) }
                if Self.isDone(updates, in: table.metadata, expecting: after) { return .applied }
                do throws(IcebergError) { for requirement in all { try requirement.check(table.metadata) } } catch { return .refused(error) }
                return .open
            })
        return try apply(change)
    }

    /// The requirements, and those that make the updates safe on another table than `base`.
    static func completed(_ requirements: [Requirement], for updates: [MetadataUpdate], on base: TableMetadata) -> [Requirement] {
        var all = requirements
        func require(_ requirement: Requirement) { if !all.contains(requirement) { all.append(requirement) } }
        func requireReference(_ name: String) { require(.reference(name: name, snapshotID: base.references[name]?.snapshotID)) }
        require(.tableUUID(base.tableUUID))
        for update in updates {
            switch update {
            case .addSchema, .setCurrentSchema: require(.currentSchema(id: base.currentSchemaID))
            case .addPartitionSpec, .setDefaultSpec: require(.defaultSpec(id: base.defaultSpecID))
            case .setSnapshotReference(let name, _), .removeSnapshotReference(let name): requireReference(name)
            case .addSnapshot, .removeSnapshots: requireReference(SnapshotReference.main)
            case .addSortOrder, .setDefaultSortOrder, .setProperties, .removeProperties: break
            }
        }
        return all
    }

    /// Whether the table has everything that the updates ask for. Ids of schemas, specs and orders may be the server's.
    private static func isDone(_ updates: [MetadataUpdate], in table: TableMetadata, expecting after: TableMetadata) -> Bool {
        updates.allSatisfy { update in
            switch update {
            case .addSnapshot(let snapshot): return table.snapshot(id: snapshot.snapshotID) != nil
            // Others may have moved it on.
            case .setSnapshotReference(let name, let reference):
                return table.references[name]?.snapshotID == reference.snapshotID || Self.adds(reference.snapshotID, updates)
            case .removeSnapshots(let ids): return ids.allSatisfy { table.snapshot(id: $0) == nil }
            case .removeSnapshotReference(let name): return table.references[name] == nil
            case .addSchema(let schema): return table.schemas.contains { $0.hasSameColumns(as: schema) }
            case .setCurrentSchema: return table.currentSchema.hasSameColumns(as: after.currentSchema)
            case .addPartitionSpec(let spec): return table.partitionSpecs.contains { $0.fields == spec.fields }
            case .setDefaultSpec: return table.defaultSpec.fields == after.defaultSpec.fields
            case .addSortOrder(let order): return table.sortOrders.contains { $0.fields == order.fields }
            case .setDefaultSortOrder: return table.defaultSortOrder?.fields == after.defaultSortOrder?.fields
            case .setProperties(let values): return values.allSatisfy { table.properties[$0.key] == $0.value }
            case .removeProperties(let keys): return keys.allSatisfy { table.properties[$0] == nil }
            }
        }
    }

    private static func adds(_ id: Int64, _ updates: [MetadataUpdate]) -> Bool {
        updates.contains { if case .addSnapshot(let snapshot) = $0 { snapshot.snapshotID == id } else { false } }
    }
}

extension Requirement {
    fileprivate func holds(in metadata: TableMetadata) -> Bool {
        do throws(IcebergError) { try check(metadata) } catch { return false }
        return true
    }
}

extension TableMetadata {
    fileprivate var defaultSortOrder: SortOrder? { sortOrders.first { $0.orderID == defaultSortOrderID } }
}
