#include "base/err.h"

#include <limits.h>
#include <string.h>

#include "tests/lib/test.h"

static void names_every_code(void **state)
{
#define X(name, number, text)                                                                      \
    assert_int_equal(name, number);                                                                \
    assert_string_equal(err_text(name), text);                                                     \
    assert_string_equal(err_text(-(name)), text);
    (void)state;
    VOC_ERRORS(X)
#undef X
}

static void knows_errno(void **state)
{
    (void)state;
    assert_string_equal(err_text(-ENOENT), "No such file or directory");
    assert_string_equal(err_text(ENOENT), err_text(-ENOENT));
    assert_string_equal(err_text(0), "Success");
}

static void never_gives_null(void **state)
{
    static const int odd[] = {INT_MIN, INT_MAX, 4095, -5000, VOC_E_END, -VOC_E_END};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(odd); i++)
        assert_string_equal(err_text(odd[i]), "unknown error");
    for (int e = -20000; e <= 20000; e++)
        assert_non_null(err_text(e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_every_code),
        cmocka_unit_test(knows_errno),
        cmocka_unit_test(never_gives_null),
    };

    return cmocka_run_group_tests_name("base/err", tests, NULL, NULL);
}
