#include "proto/json_scan.h"

#include <string.h>

#include "proto/text.h"

#define MAX_DIGITS 18
/* How deep the recursion may go, whatever the limit for requests is. */
#define MAX_NESTING 64

/* Where a text ends there is a NUL, which is no part of any token: so each token may look at the
 * byte behind it without asking where the end is. */
struct scan {
    const char *p;
    uint64_t depth, max_depth;
    uint64_t values, max_values;
    const char *inner;              /* of the outermost object; NULL while inside of another one */
    struct json_members *ret_inner; /* where its members go */
};

static bool scan_value(struct scan *scan, struct json_members *members, enum json_kind *ret_kind);

static void skip_space(struct scan *scan)
{
    while (*scan->p == ' ' || *scan->p == '\n' || *scan->p == '\t' || *scan->p == '\r')
        scan->p++;
}

/* What a byte of a string is: plain, the end of plain ones, or part of a character that must be
 * looked at. */
enum { PLAIN, STOP, HIGH };
static const unsigned char string_bytes[256] = {
    [0 ... 0x1f] = STOP,
    ['"'] = STOP,
    ['\\'] = STOP,
    [0x80 ... 0xff] = HIGH,
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Behind the backslash. */
static bool scan_escape(struct scan *scan)
{
    unsigned code = 0;

    if (*scan->p != 'u') {
        if (*scan->p == '\0' || strchr("\"\\/bfnrt", *scan->p) == NULL)
            return false;
        scan->p++;
        return true;
    }
    scan->p++;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(*scan->p);

        if (digit < 0)
            return false;
        code = code << 4 | (unsigned)digit;
        scan->p++;
    }
    return code != 0 && (code < 0xd800 || code > 0xdfff);
}

/* From the opening quote to behind the closing one. */
static bool scan_string(struct scan *scan, enum json_kind *ret_kind)
{
    const char *start = ++scan->p;
    unsigned seen = 0;

    *ret_kind = JSON_KIND_STRING;
    for (;;) {
        unsigned char byte = (unsigned char)*scan->p;
        unsigned char what = string_bytes[byte];

        seen |= what;
        if (what != STOP) {
            scan->p++;
        } else if (byte == '"') {
            break;
        } else {
            if (byte != '\\')
                return false;
            scan->p++;
            if (!scan_escape(scan))
                return false;
            *ret_kind = JSON_KIND_ESCAPED;
        }
    }
    scan->p++;
    return (seen & HIGH) == 0 || utf8_valid(start, (size_t)(scan->p - 1 - start));
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits, as many as there are; false where there is none, or more than can be counted on. */
static bool scan_digits(struct scan *scan)
{
    const char *start = scan->p;

    while (is_digit(*scan->p))
        scan->p++;
    return scan->p > start && scan->p - start <= MAX_DIGITS;
}

static bool scan_number(struct scan *scan, enum json_kind *ret_kind)
{
    const char *first;

    if (*scan->p == '-')
        scan->p++;
    first = scan->p;
    if (!scan_digits(scan) || (*first == '0' && scan->p - first > 1))
        return false;
    *ret_kind = JSON_KIND_INTEGER;
    if (*scan->p == '.') {
        scan->p++;
        *ret_kind = JSON_KIND_REAL;
        if (!scan_digits(scan))
            return false;
    }
    return *scan->p != 'e' && *scan->p != 'E';
}

static bool scan_word(struct scan *scan, const char *word, size_t size, enum json_kind kind,
                      enum json_kind *ret_kind)
{
    /* Not past the NUL: strncmp ends with it. */
    if (strncmp(scan->p, word, size) != 0)
        return false;
    scan->p += size;
    *ret_kind = kind;
    return true;
}

static uint64_t initial_of(const char *name)
{
    return UINT64_C(1) << (*name & 63);
}

static bool has_name(const struct json_members *members, const struct slice *name)
{
    for (size_t i = 0; i < members->count; i++) {
        if (members->list[i].name.size == name->size &&
            memcmp(members->list[i].name.text, name->text, name->size) == 0)
            return true;
    }
    return false;
}

static bool slice_equals(const struct slice *slice, const char *text)
{
    return strlen(text) == slice->size && memcmp(slice->text, text, slice->size) == 0;
}

/* One member, from its name on. */
static bool scan_member(struct scan *scan, struct json_members *members)
{
    struct json_member *member = &members->list[members->count];
    const char *inner = scan->inner;
    enum json_kind name_kind;
    bool known;

    if (members->count == JSON_SCAN_MEMBERS || *scan->p != '"')
        return false;
    member->name.text = scan->p + 1;
    if (!scan_string(scan, &name_kind) || name_kind != JSON_KIND_STRING)
        return false;
    member->name.size = (size_t)(scan->p - 1 - member->name.text);
    if (has_name(members, &member->name))
        return false;
    skip_space(scan);
    if (*scan->p++ != ':')
        return false;
    skip_space(scan);
    member->value.text = scan->p;
    scan->inner = NULL;
    known = scan_value(scan,
                       inner != NULL && slice_equals(&member->name, inner) ? scan->ret_inner : NULL,
                       &member->kind);
    scan->inner = inner;
    member->value.size = (size_t)(scan->p - member->value.text);
    members->count++;
    members->initials |= initial_of(member->name.text);
    return known;
}

static bool scan_object(struct scan *scan, struct json_members *members)
{
    members->count = 0;
    members->initials = 0;
    scan->p++;
    skip_space(scan);
    if (*scan->p == '}') {
        scan->p++;
        return true;
    }
    for (;;) {
        if (!scan_member(scan, members))
            return false;
        skip_space(scan);
        if (*scan->p == '}')
            break;
        if (*scan->p++ != ',')
            return false;
        skip_space(scan);
    }
    scan->p++;
    return true;
}

/* An object whose members nobody wants to know. */
static bool scan_unnamed_object(struct scan *scan)
{
    struct json_member list[JSON_SCAN_MEMBERS];
    struct json_members members = {.list = list};

    return scan_object(scan, &members);
}

static bool scan_array(struct scan *scan)
{
    enum json_kind kind;

    scan->p++;
    skip_space(scan);
    if (*scan->p == ']') {
        scan->p++;
        return true;
    }
    for (;;) {
        if (!scan_value(scan, NULL, &kind))
            return false;
        skip_space(scan);
        if (*scan->p == ']')
            break;
        if (*scan->p++ != ',')
            return false;
        skip_space(scan);
    }
    scan->p++;
    return true;
}

static bool scan_container(struct scan *scan, struct json_members *members,
                           enum json_kind *ret_kind)
{
    bool known;

    if (++scan->depth > scan->max_depth)
        return false;
    *ret_kind = *scan->p == '[' ? JSON_KIND_ARRAY : JSON_KIND_OBJECT;
    if (*scan->p == '[')
        known = scan_array(scan);
    else
        known = members != NULL ? scan_object(scan, members) : scan_unnamed_object(scan);
    scan->depth--;
    return known;
}

/* `members`: where those of an object go; NULL: nowhere. */
static bool scan_value(struct scan *scan, struct json_members *members, enum json_kind *ret_kind)
{
    if (++scan->values > scan->max_values)
        return false;
    switch (*scan->p) {
    case '"':
        return scan_string(scan, ret_kind);
    case '{':
    case '[':
        return scan_container(scan, members, ret_kind);
    case 't':
        return scan_word(scan, "true", 4, JSON_KIND_TRUE, ret_kind);
    case 'f':
        return scan_word(scan, "false", 5, JSON_KIND_FALSE, ret_kind);
    case 'n':
        return scan_word(scan, "null", 4, JSON_KIND_NULL, ret_kind);
    default:
        return scan_number(scan, ret_kind);
    }
}

bool json_scan_object(const char *text, size_t size, uint64_t max_depth, uint64_t max_values,
                      const char *inner, struct json_members *ret_members,
                      struct json_members *ret_inner)
{
    struct scan scan = {
        .p = text,
        .max_depth = max_depth < MAX_NESTING ? max_depth : MAX_NESTING,
        .max_values = max_values,
        .inner = inner,
        .ret_inner = ret_inner,
    };
    enum json_kind kind;

    ret_inner->count = 0;
    skip_space(&scan);
    if (*scan.p != '{' || !scan_value(&scan, ret_members, &kind))
        return false;
    skip_space(&scan);
    return scan.p == text + size;
}

const struct json_member *json_members_find(const struct json_members *members, const char *name)
{
    if (!(members->initials & initial_of(name)))
        return NULL;
    for (size_t i = 0; i < members->count; i++) {
        const struct slice *found = &members->list[i].name;

        /* The first byte tells most apart. Behind a name there is always a quote. */
        if (*found->text == *name && slice_equals(found, name))
            return &members->list[i];
    }
    return NULL;
}

int64_t json_member_integer(const struct json_member *member)
{
    const char *digit = member->value.text;
    const char *end = digit + member->value.size;
    bool negative = *digit == '-';
    int64_t value = 0;

    for (digit += negative; digit < end; digit++)
        value = value * 10 + (*digit - '0');
    return negative ? -value : value;
}
