/// What the levels of a file's leaf say in those of another schema.
public struct LevelMap: Equatable, Sendable {
    /// By definition level of the file; `broken` where it says that something is null which may not be in the other schema.
    public let levels: [UInt8]
    public static let broken: UInt8 = 0xff
    /// Entries whose repetition level is above this one are left out: they are those of a neighbour that is repeated more often.
    public let maxRepetition: UInt8
    /// The definition level of the file that is a value of this leaf; nil when the file has none, and all its entries are null.
    public let present: UInt8?
    /// Whether levels stay as they are, and no entry is left out.
    public let isIdentity: Bool

    public init(levels: [UInt8], maxRepetition: UInt8, present: UInt8?, isIdentity: Bool) {
        self.levels = levels
        self.maxRepetition = maxRepetition
        self.present = present
        self.isIdentity = isIdentity
    }
}
