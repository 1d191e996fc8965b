import K2ObjectStore
import Testing

struct LocationKeyTests {
    @Test(arguments: [
        ["s3://b/k/a.parquet", "s3a://b/k/a.parquet", "s3n://b/k/a.parquet", "S3://b/k/a.parquet"],
        ["/d/a b", "file:/d/a b", "file:///d/a b", "file://localhost/d/a b", "FILE:/d/a b", "/d//a b", "file:////d/./a b", "/./d/a b"],
        ["mem://x/a"],
    ]) func `spellings of one place are equal`(_ spellings: [String]) {
        #expect(Set(spellings.map(LocationKey.init)).count == 1, "\(spellings.map { LocationKey($0).text })")
    }

    @Test func `different places are not`() {
        let places = [
            "s3://b/k", "s3://b/K", "s3://c/k", "s3://b//k", "s3://b/./k", "/b/k", "/b/k/", "/b/k%20", "/b/k ", "gs://b/k", "b/k", "file:b/k", "/b/.k", "/b/..k",
            "/b/é", "/b/e\u{301}", "s3://b/é", "s3://b/e\u{301}",
        ]
        #expect(Set(places.map(LocationKey.init)).count == places.count)
    }

    @Test func `a folder whose name only looks the same is another one`() {
        let (folder, other) = (LocationKey.folder("/b/é"), LocationKey.folder("/b/e\u{301}"))
        #expect(!other.isInside(folder) && !LocationKey("/b/e\u{301}/x").isInside(folder) && LocationKey("/b/é/\u{301}").path(below: folder) == "\u{301}")
        #expect(Set([ExactPath("é"), ExactPath("e\u{301}"), ExactPath("")]).count == 3 && StoreLocation.name("/b/\u{301}") == "\u{301}")
    }

    @Test func `a folder holds itself and what is below, and no neighbour`() {
        for (folder, inside, outside) in [("s3://b/t", "s3a://b/t/x", "s3://b/t2/x"), ("file:///d/t/", "/d/t//x", "/d/tt"), ("/", "/x", "s3://x/y")] {
            let key = LocationKey.folder(folder)
            #expect(key.isInside(key) && LocationKey(inside).isInside(key) && !LocationKey(outside).isInside(key))
        }
        #expect(LocationKey.folder("s3://b/t///") == LocationKey("s3://b/t") && LocationKey.folder("s3://") == LocationKey("s3://") && LocationKey.folder("/").text == "/")
    }
}
