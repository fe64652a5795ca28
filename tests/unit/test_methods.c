/* layers: proto */
#include "proto/methods.h"

#include <check.h>
#include <string.h>

#include "tests/support/suite.h"

START_TEST(every_method_is_found_by_its_name)
{
    for (unsigned i = 0; i < METHOD_COUNT; i++) {
        const char *name = method_name((enum method)i);

        ck_assert_uint_gt(strlen(name), 0);
        ck_assert_uint_eq(method_find(name, strlen(name)), i);
    }
    ck_assert_uint_eq(method_find("map.add", 7), METHOD_MAP_ADD);
    ck_assert_uint_eq(method_find("shutdown", 8), METHOD_SHUTDOWN);
    /* Nothing behind the size is read. */
    ck_assert_uint_eq(method_find("map.add", 3), METHOD_MAP);
}
END_TEST

START_TEST(other_names_are_no_methods)
{
    static const char *const others[] = {"", "pin", "pings", "Ping", "map.", "pool", "rpc.ping"};

    for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        ck_assert_uint_eq(method_find(others[i], strlen(others[i])), METHOD_COUNT);
    ck_assert_uint_eq(method_find("ping\0", 5), METHOD_COUNT);
    ck_assert_ptr_nonnull(method_name(METHOD_COUNT));
}
END_TEST

START_TEST(codes_have_the_names_of_the_protocol)
{
    ck_assert_int_eq(RPC_PARSE, -32700);
    ck_assert_int_eq(RPC_BROKEN_POOL, -32010);
    ck_assert_str_eq(rpc_error_name(RPC_PARSE), "Parse error");
    ck_assert_str_eq(rpc_error_name(RPC_INVALID_REQUEST), "Invalid Request");
    ck_assert_str_eq(rpc_error_name(RPC_METHOD_NOT_FOUND), "Method not found");
    ck_assert_str_eq(rpc_error_name(RPC_INVALID_PARAMS), "Invalid params");
    ck_assert_str_eq(rpc_error_name(RPC_INTERNAL), "Internal error");
    ck_assert_str_eq(rpc_error_name(RPC_TIMEOUT), "Timeout");
    ck_assert_str_eq(rpc_error_name(RPC_LIMIT_EXCEEDED), "Limit exceeded");
    ck_assert_str_eq(rpc_error_name(RPC_BROKEN_POOL), "Broken pool");
}
END_TEST

START_TEST(an_unknown_code_has_a_name_too)
{
    int unknown = -32000;
    enum rpc_error_code code = RPC_PARSE;

    memcpy(&code, &unknown, sizeof(code));
    ck_assert_ptr_nonnull(rpc_error_name(code));
}
END_TEST

int main(void)
{
    TCase *tests = suite_tests("methods", NULL, NULL);

    tcase_add_test(tests, every_method_is_found_by_its_name);
    tcase_add_test(tests, other_names_are_no_methods);
    tcase_add_test(tests, codes_have_the_names_of_the_protocol);
    tcase_add_test(tests, an_unknown_code_has_a_name_too);
    return suite_run();
}
