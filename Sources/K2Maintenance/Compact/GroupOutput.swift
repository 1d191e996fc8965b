/// The row groups that come out of a group, slice by slice, until they are cut into files.
struct GroupOutput {
    let spill: ChunkSpill
    private var groups: [SliceRewrite.RowGroup] = []
    /// The row groups with which an order begins anew.
    private var starts: Set<Int> = []

    /// A data file to be.
    struct File {
        var groups: ArraySlice<SliceRewrite.RowGroup>
        /// Whether its rows are in one order from the first to the last.
        var isOrdered: Bool
    }

    init(_ spill: ChunkSpill) { self.spill = spill }

    /// - Parameter startsAnew: whether the first of these rows does not follow in the order on the last one before.
    mutating func add(_ more: [SliceRewrite.RowGroup], startsAnew: Bool) {
        if startsAnew { starts.insert(groups.count) }
        groups += more
    }

    /// - Parameter target: bytes of a file, about. How memory cut the rows into slices makes no difference to it.
    func files(target: Int64) -> [File] {
        OutputFiles.cut(groups.map(\.bytes), target: target).map { range in
            File(groups: groups[range], isOrdered: range.dropFirst().allSatisfy { !starts.contains($0) })
        }
    }
}
