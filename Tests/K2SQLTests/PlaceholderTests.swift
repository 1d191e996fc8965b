import K2SQL
import Testing

struct PlaceholderTests {
    @Test(arguments: [
        ("SELECT ?1, ?22", "SELECT $1, $22"),
        ("a = '?1' AND b = ?1", "a = '?1' AND b = $1"),
        ("'it''s ?1' || ?1 || '?2'", "'it''s ?1' || $1 || '?2'"),
        ("\"od\"\"d?1\" = ?1", "\"od\"\"d?1\" = $1"),
        ("a -- ?1 isn't\n = ?1", "a -- ?1 isn't\n = $1"),
        ("a /* ?1 ' */ = ?1", "a /* ?1 ' */ = $1"),
        ("a ? b, ?, ?x, é?1", "a ? b, ?, ?x, é$1"),
        ("'open ?1", "'open ?1"), ("/* ?1", "/* ?1"), ("-- ?1", "-- ?1"), ("", ""), ("?1", "$1"), ("a ?", "a ?"), ("'", "'"), ("-", "-"),
    ])
    func `placeholders are translated outside of quotes and comments`(_ sql: String, _ expected: String) {
        #expect(SQLDialect.numberedByDollar(sql) == expected)
    }
}
