import K2Iceberg
import K2Lake

/// The order that rows get within a file, in the terms of one table.
struct RowOrdering: Equatable {
    /// A leaf to sort by.
    struct Key: Equatable {
        /// Among the table's leaves.
        var leaf: Int
        var transform: Transform
        var isDescending: Bool
        var nullsFirst: Bool
    }

    var keys: [Key]
    var isZOrder = false
    /// Of the table's sort order; nil when it is none of the table's.
    var orderID: Int?

    /// The order in which the rows are.
    static let asTheyAre = RowOrdering(keys: [], orderID: 0)

    init(_ order: CompactOptions.Order, _ metadata: TableMetadata, _ leaves: [TableLeaf]) throws(UnfitColumn) {
        switch order {
        case .table: self = Self.table(metadata, leaves)
        case .fields(let terms):
            var keys: [Key] = []
            for term in terms {
                let nullsFirst = term.nullsFirst ?? !term.isDescending
                keys.append(Key(leaf: try Self.leaf(term.column, leaves, "--sort"), transform: .identity, isDescending: term.isDescending, nullsFirst: nullsFirst))
            }
            self.init(keys: keys)
            orderID = Self.orderID(keys, metadata, leaves)
        case .zOrder(let columns):
            var keys: [Key] = []
            for column in columns { keys.append(Key(leaf: try Self.leaf(column, leaves, "--z-order"), transform: .identity, isDescending: false, nullsFirst: true)) }
            self.init(keys: keys, isZOrder: true)
        }
    }

    private init(keys: [Key], isZOrder: Bool = false, orderID: Int? = nil) {
        self.keys = keys
        self.isZOrder = isZOrder
        self.orderID = orderID
    }

    private static func leaf(_ name: String, _ leaves: [TableLeaf], _ flag: String) throws(UnfitColumn) -> Int {
        guard let place = try leaves.place(of: name, flag) else { throw UnfitColumn.missing(flag, name, expected: leaves.plainNames) }
        return place
    }

    /// The table's default order; rows stay as they are when it has none, or one that is not known here.
    private static func table(_ metadata: TableMetadata, _ leaves: [TableLeaf]) -> RowOrdering {
        guard let order = metadata.sortOrders.first(where: { $0.orderID == metadata.defaultSortOrderID }), let keys = keys(order, leaves) else { return asTheyAre }
        return RowOrdering(keys: keys, orderID: order.orderID)
    }

    private static func keys(_ order: SortOrder, _ leaves: [TableLeaf]) -> [Key]? {
        var keys: [Key] = []
        for field in order.fields {
            guard let place = leaves.firstIndex(where: { $0.id == field.sourceID }), leaves[place].maxRepetition == 0,
                field.transform.resultType(leaves[place].type) != nil
            else { return nil }
            // Nothing is told apart by it.
            if field.transform == .void { continue }
            keys.append(Key(leaf: place, transform: field.transform, isDescending: field.direction == .descending, nullsFirst: field.nullOrder == .first))
        }
        return keys
    }

    private static func orderID(_ wanted: [Key], _ metadata: TableMetadata, _ leaves: [TableLeaf]) -> Int? {
        metadata.sortOrders.first { !$0.fields.isEmpty && keys($0, leaves) == wanted }?.orderID
    }
}
