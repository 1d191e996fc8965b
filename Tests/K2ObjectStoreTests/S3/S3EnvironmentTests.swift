import K2HTTP
import K2ObjectStore
import Testing

@Suite struct S3EnvironmentTests {
    private static func read(_ variables: [String: String], files: [String: String] = [:]) throws(S3SettingsError) -> S3Options {
        try S3Options.environment({ variables[$0] }, readFile: { files[$0].map { Array($0.utf8) } })
    }

    private static let keys = ["AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "S"]

    @Test func `keys, region and endpoint are read`() throws {
        let aws = try Self.read(Self.keys.merging(["AWS_REGION": "eu-west-1", "AWS_SESSION_TOKEN": "T", "AWS_DEFAULT_REGION": "x"]) { $1 })
        #expect(aws.credentials == S3Credentials(accessKey: "A", secretKey: "S", sessionToken: "T"))
        #expect(aws.region == "eu-west-1" && aws.endpoint == nil && !aws.usesPathStyle)
        let own = try Self.read(
            Self.keys.merging(["K2_S3_ENDPOINT": "http://h:1", "AWS_ENDPOINT_URL": "http://other", "AWS_SESSION_TOKEN": ""]) { $1 })
        #expect(own.endpoint == "http://h:1" && own.region == "us-east-1" && own.usesPathStyle && own.credentials.sessionToken == nil)
        let trusting = try Self.read(Self.keys.merging(["AWS_DEFAULT_REGION": "r", "AWS_CA_BUNDLE": "/ca.pem"]) { $1 })
        #expect(trusting.region == "r" && trusting.http.trustFile == "/ca.pem")
    }

    @Test(arguments: [("true", true), ("0", false), ("No", false), ("1", true)]) func `the style of paths can be chosen`(
        _ text: String, _ style: Bool
    ) throws {
        #expect(try Self.read(Self.keys.merging(["K2_S3_ENDPOINT": "http://h", "K2_S3_PATH_STYLE": text]) { $1 }).usesPathStyle == style)
    }

    private static let credentials = """
        # of a person
        [default]
        aws_access_key_id = DA
        aws_secret_access_key=DS=with=equals

        [work]
        aws_access_key_id = WA
          nested = no
        aws_secret_access_key = WS
        aws_session_token = WT
        """
    private static let config = """
        [default]
        region = us-west-2
        [profile work]
        region = eu-central-1
        s3 =
          addressing_style = path
        """

    @Test func `profiles are read from AWS's files`() throws {
        let files = ["/home/u/.aws/credentials": Self.credentials, "/home/u/.aws/config": Self.config]
        let standard = try Self.read(["HOME": "/home/u"], files: files)
        #expect(standard.credentials == S3Credentials(accessKey: "DA", secretKey: "DS=with=equals") && standard.region == "us-west-2")
        let work = try Self.read(["HOME": "/home/u", "AWS_PROFILE": "work"], files: files)
        #expect(work.credentials == S3Credentials(accessKey: "WA", secretKey: "WS", sessionToken: "WT") && work.region == "eu-central-1")
        let direct = try Self.read(Self.keys.merging(["HOME": "/home/u", "AWS_PROFILE": "work"]) { $1 }, files: files)
        #expect(direct.credentials.accessKey == "A" && direct.credentials.sessionToken == nil && direct.region == "eu-central-1")
        let moved = try Self.read(
            ["AWS_SHARED_CREDENTIALS_FILE": "/c", "AWS_CONFIG_FILE": "/d", "AWS_REGION": "r"],
            files: ["/c": "[default]\r\naws_access_key_id=X\r\naws_secret_access_key=Y\r\n"])
        #expect(moved.credentials == S3Credentials(accessKey: "X", secretKey: "Y") && moved.region == "r")
    }

    @Test(arguments: [
        (keys, "S3: no region: set AWS_REGION"),
        (["AWS_ACCESS_KEY_ID": "A", "AWS_REGION": "r"], "S3: AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not"),
        (["AWS_SECRET_ACCESS_KEY": "A", "AWS_REGION": "r"], "S3: AWS_SECRET_ACCESS_KEY is set, AWS_ACCESS_KEY_ID is not"),
        (
            ["AWS_REGION": "r", "HOME": "/h", "AWS_PROFILE": "none"],
            "S3: no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or have them in the profile \"none\" of /h/.aws/credentials"
        ),
        (["AWS_REGION": "a/b", "AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "S"], "S3: AWS_REGION is not a region: \"a/b\""),
        (
            ["AWS_REGION": "r", "AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "S", "K2_S3_PATH_STYLE": "maybe"],
            "S3: K2_S3_PATH_STYLE: expected true or false, found \"maybe\""
        ),
    ])
    func `what is missing or wrong is named`(_ variables: [String: String], _ text: String) {
        let error = #expect(throws: S3SettingsError.self) { try Self.read(variables) }
        #expect(error?.description == text)
    }

    @Test func `files are read from the disk`() throws {
        let options = try S3Options.environment {
            ["AWS_SHARED_CREDENTIALS_FILE": "/nowhere", "AWS_REGION": "r", "AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "S"][$0]
        }
        #expect(options.credentials.accessKey == "A")
        #expect(S3Options.contents("/nowhere") == nil && S3Options.contents("/proc/self/cmdline") != nil)
    }
}
