import K2JSON

extension RESTCatalog {
    /// Makes the table in two steps, as other clients do for transactions: the server says where it would be, then a commit
    /// makes it that requires that it is not there. So field ids stay ours, and one of several makers succeeds
    /// (of servers that do not decide this in one step, SeaweedFS 4.48 is one, sometimes more: all but one then meet another
    /// table's identity at their first commit).
    /// Ids of schema, spec and sort order are the server's: data files belong to the `defaultSpecID` of what is returned.
    ///
    /// Servers that know no first step make the table in one: then field ids are theirs, and a table just as new and of
    /// the same columns that somebody else made at the same time passes for ours.
    public func createTable(_ identifier: TableIdentifier, _ creation: TableCreation) throws(IcebergError) -> Table {
        let location: String
        do throws(IcebergError) { location = try stagedLocation(identifier, creation) } catch {
            guard error.code == .unsupported || error.code == .invalid else { throw error }
            return try createAtOnce(identifier, creation)
        }
        let metadata = try TableMetadata.create(
            tableUUID: UUIDText(random: environment.random16()).description, location: creation.location ?? location, schema: creation.schema,
            spec: creation.spec, sortOrder: creation.sortOrder, properties: creation.properties, nowMS: environment.nowMS())
        let change = Change(
            identifier: identifier, path: path.table(identifier), body: CommitRequest(creating: metadata).json(of: identifier),
            isRepeatable: true,
            verdict: { table in
                guard let table else { return .open }
                return table.metadata.tableUUID == metadata.tableUUID ? .applied : .refused(Self.existing(identifier))
            })
        _ = try apply(change)
        // Not every server decides in one step who was first: the last one's table stays.
        let table = try loadTable(identifier)
        guard table.metadata.tableUUID == metadata.tableUUID else { throw Self.existing(identifier) }
        return table
    }

    private static func existing(_ identifier: TableIdentifier) -> IcebergError {
        IcebergError(.alreadyExists, "table \(identifier): exists already")
    }

    /// Where the server would put the table.
    private func stagedLocation(_ identifier: TableIdentifier, _ creation: TableCreation) throws(IcebergError) -> String {
        guard try namespaceExists(identifier.namespace) else {
            throw IcebergError(.notFound, "namespace \(identifier.namespace.joined(separator: ".")): no such namespace")
        }
        let answer: JSONValue
        do throws(RESTFailure) {
            answer = try client.read("POST", path.tables(identifier.namespace), body: Self.body(identifier, creation, isStaged: true))
        } catch {
            throw error.status == 409 ? Self.existing(identifier) : IcebergError(error, "table \(identifier)")
        }
        let metadata = try JSONFields(try JSONFields(answer, path: "table \(identifier)").value("metadata"), path: "table \(identifier)")
        return try metadata.string("location")
    }

    private func createAtOnce(_ identifier: TableIdentifier, _ creation: TableCreation) throws(IcebergError) -> Table {
        // Some servers answer with the table that is there.
        if try findTable(identifier) != nil { throw Self.existing(identifier) }
        func isOurs(_ table: Table) -> Bool {
            let metadata = table.metadata
            return metadata.snapshots.isEmpty && metadata.metadataLog.isEmpty
                && metadata.currentSchema.fields.map(\.name) == creation.schema.fields.map(\.name)
                && creation.properties.allSatisfy { metadata.properties[$0.key] == $0.value }
        }
        let change = Change(
            identifier: identifier, path: path.tables(identifier.namespace), body: Self.body(identifier, creation, isStaged: false),
            isRepeatable: false,
            verdict: { table in
                guard let table else { return .open }
                return isOurs(table) ? .applied : .refused(Self.existing(identifier))
            })
        let table = try apply(change)
        guard isOurs(table) else { throw Self.existing(identifier) }
        return table
    }

    /// A `CreateTableRequest`.
    private static func body(_ identifier: TableIdentifier, _ creation: TableCreation, isStaged: Bool) -> JSONValue {
        var object = JSONObject()
        object["name"] = .string(identifier.name)
        if let location = creation.location { object["location"] = .string(location) }
        object["schema"] = creation.schema.json
        object["partition-spec"] = creation.spec.json
        object["write-order"] = creation.sortOrder.json
        object["stage-create"] = .bool(isStaged)
        object["properties"] = .object(JSONObject(sorted: creation.properties))
        return .object(object)
    }
}
