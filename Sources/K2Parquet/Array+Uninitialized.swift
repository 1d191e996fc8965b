extension Array where Element: BitwiseCopyable {
    /// Appends `count` elements, all of which `body` must write.
    @inline(__always)
    mutating func append(uninitialized count: Int, _ body: (UnsafeMutablePointer<Element>) -> Void) {
        if count <= 0 { return }
        let wanted = self.count + count
        if wanted > capacity { reserveCapacity(Swift.max(wanted, capacity * 2)) }
        append(addingCapacity: count) { span in
            span.withUnsafeMutableBufferPointer { target, initialized in
                guard let start = target.baseAddress else { return }
                body(start)
                initialized = count
            }
        }
    }
}
