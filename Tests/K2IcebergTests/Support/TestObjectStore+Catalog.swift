import K2Iceberg
import K2ObjectStore
import K2TestSupport

extension TestObjectStore {
    var address: CatalogAddress {
        get throws {
            var address = try CatalogAddress(uri: catalog)
            address.warehouse = warehouse
            address.credential = CatalogAddress.Credential("\(accessKey):\(secretKey)")
            return address
        }
    }

    func store() throws -> S3Store {
        try S3Store(S3Options(credentials: S3Credentials(accessKey: accessKey, secretKey: secretKey), region: region, endpoint: s3))
    }

    /// For pyiceberg.
    var properties: [String: String] {
        [
            "type": "rest", "uri": catalog, "warehouse": warehouse, "credential": "\(accessKey):\(secretKey)", "s3.endpoint": s3,
            "s3.access-key-id": accessKey, "s3.secret-access-key": secretKey, "s3.region": region,
        ]
    }
}
