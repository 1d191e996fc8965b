import Glibc

/// The folder of a queue: makes, locks and lists it.
struct SpoolFolder {
    let path: String

    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Makes the folder and those above it where they are missing.
    func create() throws(SpoolError) {
        var made = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            made += made.isEmpty || made.hasSuffix("/") ? String(part) : "/\(part)"
            if mkdir(made, 0o755) == 0 || errno == EEXIST { continue }
            throw .system(errno, path, "create")
        }
        var status = stat()
        guard stat(path, &status) == 0 else { throw .system(errno, path, "look at") }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw .system(ENOTDIR, path, "use") }
    }

    func fileNames() throws(SpoolError) -> [String] {
        guard let folder = opendir(path) else { throw .system(errno, path, "list") }
        defer { closedir(folder) }
        var names: [String] = []
        errno = 0
        while let entry = readdir(folder) {
            names.append(withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            })
            errno = 0
        }
        if errno != 0 { throw .system(errno, path, "list") }
        return names
    }

    func remove(_ name: String) throws(SpoolError) {
        if unlink(file(name)) != 0 && errno != ENOENT { throw .system(errno, file(name), "remove") }
    }

    func rename(_ name: String, to other: String) throws(SpoolError) {
        if Glibc.rename(file(name), file(other)) != 0 { throw .system(errno, file(other), "create") }
    }

    /// Makes the names of new files durable.
    func sync() throws(SpoolError) { try SpoolFile(path, O_RDONLY | O_DIRECTORY).sync() }
}
