/* layers: proto */
/* The reference is jansson: whatever the scan takes jansson takes too, and finds the same in it. */
#include "proto/json_scan.h"

#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/suite.h"

#define DEPTH    8
#define VALUES   100
#define MUTANTS  200000
#define MAX_TEXT 512

static struct json_member lists[2][JSON_SCAN_MEMBERS];
static struct json_members members = {.list = lists[0]}, inner = {.list = lists[1]};

/* In memory of exactly its size, so that a sanitizer sees one byte too many. */
static bool scan(const char *text, size_t size)
{
    char *copy = malloc(size + 1);
    bool known;

    memcpy(copy, text, size);
    copy[size] = '\0';
    known = json_scan_object(copy, size, DEPTH, VALUES, "params", &members, &inner);
    /* What was found points into the copy: moved to the original. */
    for (size_t i = 0; known && i < members.count; i++) {
        members.list[i].name.text = text + (members.list[i].name.text - copy);
        members.list[i].value.text = text + (members.list[i].value.text - copy);
    }
    for (size_t i = 0; known && i < inner.count; i++) {
        inner.list[i].name.text = text + (inner.list[i].name.text - copy);
        inner.list[i].value.text = text + (inner.list[i].value.text - copy);
    }
    free(copy);
    return known;
}

static bool scan_string(const char *text)
{
    return scan(text, strlen(text));
}

static bool slice_is(struct slice slice, const char *text)
{
    return slice.size == strlen(text) && memcmp(slice.text, text, slice.size) == 0;
}

static enum json_kind kind_of(const json_t *value, struct slice text)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return JSON_KIND_OBJECT;
    case JSON_ARRAY:
        return JSON_KIND_ARRAY;
    case JSON_STRING:
        return memchr(text.text, '\\', text.size) ? JSON_KIND_ESCAPED : JSON_KIND_STRING;
    case JSON_INTEGER:
        return JSON_KIND_INTEGER;
    case JSON_REAL:
        return JSON_KIND_REAL;
    case JSON_TRUE:
        return JSON_KIND_TRUE;
    case JSON_FALSE:
        return JSON_KIND_FALSE;
    case JSON_NULL:
        return JSON_KIND_NULL;
    }
    return JSON_KIND_NULL;
}

/* The members are those of the object, and their texts say the same. */
static void expect_same(const struct json_members *found, json_t *object, const char *text)
{
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY;

    ck_assert_msg(found->count == json_object_size(object), "%s", text);
    for (size_t i = 0; i < found->count; i++) {
        const struct json_member *member = &found->list[i];
        json_t *wanted = json_object_getn(object, member->name.text, member->name.size);
        json_t *value = json_loadb(member->value.text, member->value.size, flags, NULL);

        ck_assert_msg(wanted != NULL && value != NULL && json_equal(wanted, value), "%s", text);
        ck_assert_msg(member->kind == kind_of(value, member->value), "%s", text);
        if (member->kind == JSON_KIND_INTEGER)
            ck_assert_int_eq(json_member_integer(member), json_integer_value(value));
        json_decref(value);
    }
}

/* True where the scan takes it. */
static bool expect_as_jansson(const char *text, size_t size)
{
    json_t *tree, *params;

    if (!scan(text, size))
        return false;
    tree = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    ck_assert_msg(tree != NULL, "taken, and is no JSON: %s", text);
    expect_same(&members, tree, text);
    params = json_object_get(tree, "params");
    if (json_is_object(params))
        expect_same(&inner, params, text);
    else
        ck_assert_uint_eq(inner.count, 0);
    json_decref(tree);
    return true;
}

static const char *const common[] = {
    "{}",
    " { } ",
    "{\"a\":1}",
    ("{\"jsonrpc\":\"2.0\",\"id\":17,\"method\":\"submit\",\"params\":{\"fn\":\"exec\",\"args\":"
     "{\"argv\":[\"sh\",\"-c\",\"echo \\\"hi\\\"\\n\"]},\"subscribe\":true}}\r"),
    "{\"id\":null,\"params\":{},\"x\":{\"params\":{\"y\":1}}}",
    "{\"params\":[{\"params\":{\"a\":1}}]}",
    "{\"params\":{\"params\":{\"a\":1},\"b\":{\"b\":{\"b\":[]}}}}",
    "{\"a\":[1,-2,0,-0,3.5,-0.25,123456789012345678],\"b\":[true,false,null,\"\",[],{}]}",
    "{\"\":\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\",\"\xc3\xa9\":\"\\u00e9\\u20ac\\/\\b\"}",
    "{\t\"a\"\n:\r1 ,\"b\": [ 1 , 2 ] }\n",
};

START_TEST(the_common_case_is_taken_as_jansson_takes_it)
{
    ck_assert_msg(expect_as_jansson(common[_i], strlen(common[_i])), "not taken: %s", common[_i]);
}
END_TEST

START_TEST(what_is_wrong_or_odd_is_not_taken)
{
    static const char *const texts[] = {
        "",
        "1",
        "[]",
        "{",
        "{}}",
        "{} x",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,\"a\":1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1,\"a\":2}",
        "{\"x\":{\"a\":1,\"a\":2}}",
        "{a:1}",
        "{'a':1}",
        "{\"\\u0061\":1}",
        "{\"a\":\"\\ud83d\\ude00\"}",
        "{\"a\":\"\\u0000\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\\",
        "{\"a\":\"\t\"}",
        "{\"a\":\"\x80\"}",
        "{\"a\":\"\xed\xa0\x80\"}",
        "{\"a\":\"\xc3\"}",
        "{\"\xff\":1}",
        "{\"a\":\"b}",
        "{\"a\":01}",
        "{\"a\":-}",
        "{\"a\":+1}",
        "{\"a\":.5}",
        "{\"a\":1.}",
        "{\"a\":1e5}",
        "{\"a\":1.5E5}",
        "{\"a\":1234567890123456789}",
        "{\"a\":0x10}",
        "{\"a\":tru}",
        "{\"a\":truee}",
        "{\"a\":nul",
        "{\"a\":NaN}",
        "{\"a\":[1,]}",
        "{\"a\":[,1]}",
        "{\"a\":[1 2]}",
        "{\"a\":[1}",
        "{\"a\":[}]",
        "\xef\xbb\xbf{}",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        ck_assert_msg(!scan_string(texts[i]), "taken: %s", texts[i]);
    ck_assert(!scan("{}\0", 3));
    ck_assert(!scan("{\"a\":\"\0\"}", 9));
    ck_assert(!scan("{\"a\"\0:1}", 8));
}
END_TEST

START_TEST(the_members_are_found_by_name)
{
    const struct json_member *member;

    ck_assert(scan_string(common[3]));
    ck_assert_uint_eq(members.count, 4);
    member = json_members_find(&members, "id");
    ck_assert(slice_is(member->value, "17"));
    ck_assert_int_eq(json_member_integer(member), 17);
    ck_assert(slice_is(json_members_find(&members, "method")->value, "\"submit\""));
    ck_assert_ptr_null(json_members_find(&members, "fn"));
    ck_assert_ptr_null(json_members_find(&members, "i"));
    ck_assert(slice_is(json_members_find(&inner, "fn")->value, "\"exec\""));
    ck_assert_int_eq(json_members_find(&inner, "subscribe")->kind, JSON_KIND_TRUE);
    ck_assert_ptr_null(json_members_find(&inner, "id"));
}
END_TEST

/* As json_text_bounds does: the two must agree on what is too much. */
START_TEST(the_bounds_are_those_of_json_text)
{
    const char *text = "{\"a\":[[{\"b\":1}],2],\"c\":\"d\"}";
    size_t size = strlen(text);

    for (uint64_t depth = 0; depth < 6; depth++) {
        for (uint64_t values = 0; values < 10; values++)
            ck_assert_int_eq(json_scan_object(text, size, depth, values, "", &members, &inner),
                             json_text_bounds(text, size, depth, values) == JSON_WITHIN_BOUNDS);
    }
}
END_TEST

START_TEST(an_object_with_many_members_is_not_taken)
{
    char text[MAX_TEXT] = "{";
    size_t size = 1;

    for (int i = 0; i <= JSON_SCAN_MEMBERS; i++) {
        ck_assert_int_eq(scan(text, size), false);
        text[size] = '}';
        ck_assert_int_eq(scan(text, size + 1), i <= JSON_SCAN_MEMBERS);
        size += (size_t)snprintf(text + size, sizeof(text) - size, "%s\"m%d\":%d", i > 0 ? "," : "",
                                 i, i);
    }
    text[size] = '}';
    ck_assert(!scan(text, size + 1));
}
END_TEST

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

/* Bytes that mean something in JSON, put in, taken out and changed at random. */
START_TEST(no_text_is_taken_that_jansson_does_not_take)
{
    static const char bytes[] = "{}[]\",:\\0123456789.eE+-tfnu \n\x01\x80\xc3\xed\xa9";
    uint32_t state = 20;
    unsigned taken = 0;

    for (unsigned i = 0; i < MUTANTS; i++) {
        const char *from = common[next_random(&state) % (sizeof(common) / sizeof(common[0]))];
        size_t size = strlen(from);
        char text[MAX_TEXT];

        memcpy(text, from, size + 1);
        for (unsigned change = next_random(&state) % 4; change > 0 && size > 0; change--) {
            size_t at = next_random(&state) % size;
            char byte = bytes[next_random(&state) % (sizeof(bytes) - 1)];

            if (next_random(&state) % 2 == 0) {
                text[at] = byte;
            } else if (next_random(&state) % 2 == 0) {
                memmove(text + at, text + at + 1, size - at);
                size--;
            } else {
                memmove(text + at + 1, text + at, size - at + 1);
                text[at] = byte;
                size++;
            }
        }
        text[size] = '\0';
        taken += expect_as_jansson(text, size);
    }
    /* Else nothing of this was tried. */
    ck_assert_uint_gt(taken, MUTANTS / 10);
    ck_assert_uint_lt(taken, MUTANTS * 9 / 10);
}
END_TEST

int main(void)
{
    TCase *tests = suite_tests("json_scan", NULL, NULL);

    tcase_add_loop_test(tests, the_common_case_is_taken_as_jansson_takes_it, 0,
                        sizeof(common) / sizeof(common[0]));
    tcase_add_test(tests, what_is_wrong_or_odd_is_not_taken);
    tcase_add_test(tests, the_members_are_found_by_name);
    tcase_add_test(tests, the_bounds_are_those_of_json_text);
    tcase_add_test(tests, an_object_with_many_members_is_not_taken);
    tcase_add_test(tests, no_text_is_taken_that_jansson_does_not_take);
    return suite_run();
}
