// A flat, fully validated view of one JSON document.
//
// simdjson finds the structural characters and validates UTF-8 and strings; the walk in
// ck2simdjson.cpp checks the grammar (RFC 8259) and lists the values in document order. Numbers
// stay text: nothing here converts one.
#ifndef CK2SIMDJSON_H
#define CK2SIMDJSON_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ck2_json_kind {
    CK2_JSON_OBJECT = 0,
    CK2_JSON_ARRAY = 1,
    CK2_JSON_STRING = 2,
    CK2_JSON_NUMBER = 3,
    CK2_JSON_TRUE = 4,
    CK2_JSON_FALSE = 5,
    CK2_JSON_NULL = 6,
    CK2_JSON_KEY = 7
};

/// One value or object key. Objects hold KEY, value, KEY, value … up to `next`.
typedef struct {
    uint32_t start; ///< first byte; for strings and keys the byte after the opening quote
    uint32_t end;   ///< one past the last byte; for strings and keys the closing quote
    uint32_t next;  ///< index of the node after this value and all it holds
    uint32_t kind;
} ck2_json_node;

enum ck2_json_status {
    CK2_JSON_OK = 0,
    CK2_JSON_EMPTY = 1,
    CK2_JSON_NOT_UTF8 = 2,
    CK2_JSON_BAD_STRING = 3,
    CK2_JSON_SYNTAX = 4,
    CK2_JSON_TOO_DEEP = 5,
    CK2_JSON_TOO_MANY_VALUES = 6,
    CK2_JSON_MEMORY = 7
};

typedef struct ck2_json_parser ck2_json_parser;

/// A parser whose documents hold at most `max_nodes` nodes; NULL when memory is short.
ck2_json_parser *ck2_json_create(uint32_t max_nodes);
void ck2_json_destroy(ck2_json_parser *parser);

/// Parses `length` bytes (below 2^32). On success returns CK2_JSON_OK and sets `nodes` (valid until
/// the next call), `count`, and `has_escapes` (whether there is a backslash anywhere); else returns why not and sets `offset` to the byte where it was seen.
int ck2_json_parse(ck2_json_parser *parser, const uint8_t *text, size_t length,
                   const ck2_json_node **nodes, uint32_t *count, uint32_t *has_escapes, uint32_t *offset);

/// 1 when no byte is a control character, a backslash, or outside ASCII.
int ck2_is_plain(const uint8_t *text, size_t length);

#ifdef __cplusplus
}
#endif
#endif
