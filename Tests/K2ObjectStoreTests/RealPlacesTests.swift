import Foundation
import K2ObjectStore
import Testing

/// `real/t/data` with the file `x`, and ways that lead there.
private final class Linked {
    let folder: String

    init() throws {
        // The folder of temporary files may be a link itself.
        folder = try #require(realpath(FileManager.default.temporaryDirectory.path, nil).map { String(cString: $0) }) + "/places-\(UUID())"
        try FileManager.default.createDirectory(atPath: "\(folder)/real/t/data", withIntermediateDirectories: true)
        try Data("x".utf8).write(to: URL(fileURLWithPath: "\(folder)/real/t/data/x"))
        try link("link", to: "real")
        try link("chain", to: "link")
        try link("real/t/away", to: "\(folder)/else")
        try link("real/t/data/y", to: "x")
        try link("real/t/data/lost", to: "nowhere")
        try link("circle", to: "circle")
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func link(_ name: String, to target: String) throws { try FileManager.default.createSymbolicLink(atPath: "\(folder)/\(name)", withDestinationPath: target) }
}

struct RealPlacesTests {
    @Test func `all forms of one place are one, also of what is not there any more`() throws {
        let linked = try Linked()
        let (root, places) = (linked.folder, RealPlaces())
        for name in ["x", "gone", "gone/deep/x", "é", "e\u{301}", "\u{301}"] {
            let forms = [
                "\(root)/real/t/data/\(name)", "file:\(root)/link/t/data/\(name)", "file://\(root)/chain/t//data/./\(name)", "\(root)/link/../real/t/data/\(name)",
                "file:///..\(root)/real/t/../t/data/\(name)", "file://localhost\(root)/./link/t/data/\(name)",
            ]
            for form in forms { #expect(try places.key(form).text == "\(root)/real/t/data/\(name)", "\(form)") }
            #expect(try Set(forms.map { try places.key($0) }).count == 1)
        }
        for form in ["\(root)/real/t", "\(root)/link/t/", "file://\(root)/chain/t//", "\(root)/link/t/data/.."] { #expect(try places.folder(form).text == "\(root)/real/t", "\(form)") }
        #expect(try places.folder("/").text == "/" && places.key("/no-such-folder/../x").text == "/x" && places.folder("\(root)/circle/t").text == "\(root)/circle/t")
    }

    @Test func `what another byte names is another place`() throws {
        let places = RealPlaces()
        #expect(try places.key("/no/é") != places.key("/no/e\u{301}") && places.key("/no/x") != places.key("/no/X"))
        #expect(try places.folder("/no/é") != places.folder("/no/e\u{301}"))
    }

    @Test func `a link is known with its own place and that of its file`() throws {
        let linked = try Linked()
        let (root, places) = (linked.folder, RealPlaces())
        let link = try places.place("\(root)/link/t/data/y")
        #expect(link.isLink && link.name.text == "\(root)/real/t/data/y" && link.file.text == "\(root)/real/t/data/x")
        let file = try places.place("\(root)/link/t/data/x")
        #expect(!file.isLink && file.name == file.file && file.name == link.file)
        let lost = try places.place("\(root)/real/t/data/lost")
        #expect(lost.isLink && lost.file == lost.name)
        // What lies behind a link out of a folder does not lie in it.
        #expect(try !places.key("\(root)/real/t/away/x").isInside(places.folder("\(root)/real/t")) || !FileManager.default.fileExists(atPath: "\(root)/else"))
        try FileManager.default.createDirectory(atPath: "\(root)/else", withIntermediateDirectories: true)
        #expect(try RealPlaces().key("\(root)/real/t/away/x").text == "\(root)/else/x")
    }

    @Test func `locations in object stores are compared as they are`() throws {
        let places = RealPlaces()
        #expect(try places.key("s3a://b/k//./x") == LocationKey("s3://b/k//./x") && places.folder("s3://b/k/") == LocationKey("s3://b/k"))
        #expect(try places.key("s3://b/a/../k") != places.key("s3://b/k") && places.key("mem://x/a").text == "mem://x/a")
    }

    @Test func `what cannot be looked at is an error`() throws {
        guard getuid() != 0 else { return }
        let linked = try Linked()
        try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: "\(linked.folder)/real/t")
        defer { try? FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: "\(linked.folder)/real/t") }
        #expect(#expect(throws: StoreError.self) { try RealPlaces().key("\(linked.folder)/link/t/data/x") }?.code == .permission)
    }

    @Test func `a folder is looked up once, however many files are in it`() throws {
        let linked = try Linked()
        let (root, places) = (linked.folder, RealPlaces())
        #expect(try places.key("file://\(root)/link/t/data/x").text == "\(root)/real/t/data/x")
        try FileManager.default.removeItem(atPath: "\(root)/link")
        try linked.link("link", to: "other")
        for number in 0..<100 { #expect(try places.key("file://\(root)/link/t/data/\(number)").text == "\(root)/real/t/data/\(number)") }
        #expect(try RealPlaces().key("file://\(root)/link/t/data/x").text != "\(root)/real/t/data/x")
    }
}
