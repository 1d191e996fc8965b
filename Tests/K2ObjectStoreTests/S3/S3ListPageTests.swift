import Testing

@testable import K2ObjectStore

@Suite struct S3ListPageTests {
    private static func page(_ inside: String) throws(S3ListError) -> S3ListPage {
        try S3ListPage(
            Array("<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\(inside)</ListBucketResult>".utf8),
            spelling: "s3a://b/")
    }

    private static func object(_ key: String) -> String {
        "<Contents><Key>\(key)</Key><LastModified>2009-10-12T17:50:30.000Z</LastModified><ETag>&quot;x&quot;</ETag><Size>434234</Size></Contents>"
    }

    @Test func `a page is read`() throws {
        let page = try Self.page(
            "<Name>b</Name><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextContinuationToken>1u/e=</NextContinuationToken>"
                + Self.object("a+b%2Bc/%C3%A9%25") + Self.object("z"))
        #expect(page.next == "1u/e=")
        #expect(page.objects.map(\.location) == ["s3a://b/a b+c/é%", "s3a://b/z"])
        #expect(page.objects[0].size == 434_234 && page.objects[0].modifiedMicroseconds == 1_255_369_830_000_000)
    }

    @Test func `keys that are not encoded are taken as they are`() throws {
        let page = try Self.page("<IsTruncated>false</IsTruncated>" + Self.object("a+b%20&amp;"))
        #expect(page.objects.map(\.location) == ["s3a://b/a+b%20&"] && page.next == nil)
    }

    @Test(arguments: [
        ("", "answer does not say whether it is complete"), ("<IsTruncated>true</IsTruncated>", "page without a token of the next"),
        ("<IsTruncated>false</IsTruncated><Contents><Size>1</Size></Contents>", "object without a key"),
        ("<IsTruncated>false</IsTruncated><Contents><Key>k</Key><Size>1</Size></Contents>", "object without size or time: k"),
        (
            "<IsTruncated>false</IsTruncated><EncodingType>url</EncodingType>" + object("%4"), "object without a key"
        ),
    ])
    func `a page that lacks something is refused`(_ inside: String, _ reason: String) {
        #expect(throws: S3ListError(reason: reason)) { try Self.page(inside) }
    }

    @Test func `something else is refused`() {
        #expect(throws: S3ListError(reason: "expected ListBucketResult, found html")) {
            try S3ListPage(Array("<html/>".utf8), spelling: "")
        }
        #expect(throws: S3ListError(reason: "XML: expected an element (byte 0)")) { try S3ListPage([], spelling: "") }
    }
}
