#include "ck2simdjson.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <simdjson.h>

namespace {

constexpr uint32_t max_depth = 64;

struct number_check {
    static bool digit(uint8_t byte) { return byte >= '0' && byte <= '9'; }

    /// RFC 8259 section 6.
    static bool valid(const uint8_t *text, const uint8_t *end) {
        if (text < end && *text == '-') text++;
        if (text == end || !digit(*text)) return false;
        if (*text == '0') text++;
        else while (text < end && digit(*text)) text++;
        if (text < end && *text == '.') {
            text++;
            if (text == end || !digit(*text)) return false;
            while (text < end && digit(*text)) text++;
        }
        if (text < end && (*text == 'e' || *text == 'E')) {
            text++;
            if (text < end && (*text == '+' || *text == '-')) text++;
            if (text == end || !digit(*text)) return false;
            while (text < end && digit(*text)) text++;
        }
        return text == end;
    }
};

/// RFC 8259 section 7: simdjson's first stage does not look at what follows a backslash.
bool escapes_valid(const uint8_t *text, const uint8_t *end) {
    while (true) {
        text = static_cast<const uint8_t *>(memchr(text, '\\', static_cast<size_t>(end - text)));
        if (text == nullptr) return true;
        text++;
        if (text == end) return false;
        switch (*text) {
        case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
            text++;
            break;
        case 'u':
            if (end - text < 5) return false;
            for (int i = 1; i <= 4; i++) {
                uint8_t b = text[i];
                bool hex = (b >= '0' && b <= '9') || ((b | 0x20) >= 'a' && (b | 0x20) <= 'f');
                if (!hex) return false;
            }
            text += 5;
            break;
        default:
            return false;
        }
    }
}

bool is_space(uint8_t byte) { return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r'; }

} // namespace

struct ck2_json_parser {
    simdjson::dom::parser stage;
    ck2_json_node *nodes = nullptr;
    uint32_t capacity = 0;
    uint32_t max_nodes = 0;

    ~ck2_json_parser() { free(nodes); }

    bool reserve(uint32_t wanted) {
        if (wanted <= capacity) return true;
        uint32_t larger = capacity < 512 ? 1024 : capacity * 2;
        if (larger > max_nodes) larger = max_nodes;
        if (larger < wanted) return false;
        void *grown = realloc(nodes, static_cast<size_t>(larger) * sizeof(ck2_json_node));
        if (grown == nullptr) return false;
        nodes = static_cast<ck2_json_node *>(grown);
        capacity = larger;
        return true;
    }
};

namespace {

/// Walks the structural indexes once and writes the nodes.
struct walk {
    ck2_json_parser &parser;
    const uint8_t *text;
    size_t length;
    const uint32_t *indexes;
    uint32_t index_count;
    bool has_escapes;
    uint32_t position = 0;
    uint32_t count = 0;
    uint32_t offset = 0;

    uint32_t start_of(uint32_t index) const {
        return index < index_count ? indexes[index] : static_cast<uint32_t>(length);
    }

    /// Where the token that starts at structural index `index` ends, white space cut off.
    uint32_t token_end(uint32_t index) const {
        uint32_t end = start_of(index + 1);
        while (end > 0 && is_space(text[end - 1])) end--;
        return end;
    }

    ck2_json_node *add(uint32_t kind, uint32_t start, uint32_t end) {
        if (count == parser.capacity && !parser.reserve(count + 1)) return nullptr;
        ck2_json_node *node = &parser.nodes[count++];
        node->start = start;
        node->end = end;
        node->next = count;
        node->kind = kind;
        return node;
    }

    int fail(int status, uint32_t at) {
        offset = at;
        return status;
    }

    int string(uint32_t kind) {
        uint32_t start = indexes[position] + 1;
        uint32_t end = token_end(position);
        if (end <= start || text[end - 1] != '"') return fail(CK2_JSON_SYNTAX, start - 1);
        if (has_escapes && !escapes_valid(text + start, text + end - 1)) return fail(CK2_JSON_BAD_STRING, start - 1);
        if (add(kind, start, end - 1) == nullptr) return fail(CK2_JSON_TOO_MANY_VALUES, start - 1);
        position++;
        return CK2_JSON_OK;
    }

    int scalar() {
        uint32_t start = indexes[position];
        uint32_t end = token_end(position);
        const uint8_t *from = text + start;
        uint32_t size = end - start;
        uint32_t kind;
        if (size == 4 && memcmp(from, "true", 4) == 0) kind = CK2_JSON_TRUE;
        else if (size == 5 && memcmp(from, "false", 5) == 0) kind = CK2_JSON_FALSE;
        else if (size == 4 && memcmp(from, "null", 4) == 0) kind = CK2_JSON_NULL;
        else if (number_check::valid(from, text + end)) kind = CK2_JSON_NUMBER;
        else return fail(CK2_JSON_SYNTAX, start);
        if (add(kind, start, end) == nullptr) return fail(CK2_JSON_TOO_MANY_VALUES, start);
        position++;
        return CK2_JSON_OK;
    }

    uint8_t peek() const { return position < index_count ? text[indexes[position]] : 0; }

    int run() {
        uint32_t open[max_depth];
        uint32_t depth = 0;
        if (index_count == 0) return fail(CK2_JSON_EMPTY, 0);
        while (true) {
            // A value is expected here.
            uint32_t at = start_of(position);
            uint8_t byte = peek();
            int status = CK2_JSON_OK;
            bool opened = false;
            if (byte == '{' || byte == '[') {
                if (depth == max_depth) return fail(CK2_JSON_TOO_DEEP, at);
                if (add(byte == '{' ? CK2_JSON_OBJECT : CK2_JSON_ARRAY, at, at) == nullptr)
                    return fail(CK2_JSON_TOO_MANY_VALUES, at);
                open[depth++] = count - 1;
                position++;
                if (peek() != (byte == '{' ? '}' : ']')) {
                    opened = true;
                    if (byte == '{' && (status = key()) != CK2_JSON_OK) return status;
                }
            } else if (byte == '"') {
                status = string(CK2_JSON_STRING);
            } else if (position < index_count) {
                status = scalar();
            } else {
                return fail(CK2_JSON_SYNTAX, at);
            }
            if (status != CK2_JSON_OK) return status;
            if (opened) continue;
            // After a value: close what ends here, then go on with the next one.
            while (true) {
                if (depth == 0) {
                    if (position != index_count) return fail(CK2_JSON_SYNTAX, start_of(position));
                    return CK2_JSON_OK;
                }
                ck2_json_node &parent = parser.nodes[open[depth - 1]];
                bool object = parent.kind == CK2_JSON_OBJECT;
                uint8_t separator = peek();
                uint32_t where = start_of(position);
                if (separator == (object ? '}' : ']')) {
                    parent.end = where + 1;
                    parent.next = count;
                    depth--;
                    position++;
                    continue;
                }
                if (separator != ',') return fail(CK2_JSON_SYNTAX, where);
                position++;
                if (object && (status = key()) != CK2_JSON_OK) return status;
                break;
            }
        }
    }

    int key() {
        if (peek() != '"') return fail(CK2_JSON_SYNTAX, start_of(position));
        int status = string(CK2_JSON_KEY);
        if (status != CK2_JSON_OK) return status;
        if (peek() != ':') return fail(CK2_JSON_SYNTAX, start_of(position));
        position++;
        return CK2_JSON_OK;
    }
};

int status_of(simdjson::error_code error) {
    switch (error) {
    case simdjson::EMPTY: return CK2_JSON_EMPTY;
    case simdjson::UTF8_ERROR: return CK2_JSON_NOT_UTF8;
    case simdjson::UNESCAPED_CHARS:
    case simdjson::UNCLOSED_STRING: return CK2_JSON_BAD_STRING;
    case simdjson::MEMALLOC: return CK2_JSON_MEMORY;
    default: return CK2_JSON_SYNTAX;
    }
}

} // namespace

ck2_json_parser *ck2_json_create(uint32_t max_nodes) {
    auto *parser = new (std::nothrow) ck2_json_parser;
    if (parser == nullptr) return nullptr;
    parser->max_nodes = max_nodes;
    if (!parser->reserve(max_nodes < 1024 ? max_nodes : 1024)) {
        delete parser;
        return nullptr;
    }
    return parser;
}

void ck2_json_destroy(ck2_json_parser *parser) { delete parser; }

int ck2_json_parse(ck2_json_parser *parser, const uint8_t *text, size_t length,
                   const ck2_json_node **nodes, uint32_t *count, uint32_t *has_escapes, uint32_t *offset) {
    *offset = 0;
    *count = 0;
    *has_escapes = 0;
    *nodes = parser->nodes;
    if (length == 0) return CK2_JSON_EMPTY;
    if (length >= UINT32_MAX) return CK2_JSON_TOO_MANY_VALUES;
    if (length > parser->stage.capacity()) {
        size_t wanted = length < 4096 ? 4096 : length + length / 2;
        if (parser->stage.allocate(wanted, max_depth) != simdjson::SUCCESS) return CK2_JSON_MEMORY;
    }
    auto &stage = *parser->stage.implementation;
    simdjson::error_code error = stage.stage1(text, length, simdjson::stage1_mode::regular);
    if (error != simdjson::SUCCESS) return status_of(error);
    *has_escapes = memchr(text, '\\', length) != nullptr;
    walk walker{*parser, text, length, stage.structural_indexes.get(), stage.n_structural_indexes, *has_escapes != 0};
    int status = walker.run();
    *nodes = parser->nodes;
    *count = walker.count;
    *offset = walker.offset;
    return status;
}

int ck2_is_plain(const uint8_t *text, size_t length) {
    // Without branches, so that the compiler turns it into vector code.
    uint8_t doubtful = 0;
    for (size_t i = 0; i < length; i++) {
        // As a signed byte, everything outside ASCII is below the space as well.
        doubtful |= static_cast<int8_t>(text[i]) < 0x20;
        doubtful |= text[i] == 0x5c;
    }
    return doubtful == 0;
}
