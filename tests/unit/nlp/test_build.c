#include "tests/unit/nlp/nlp_fixture.h"

#include <fcntl.h>

#include "base/err.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "nlp/build.h"
#include "nlp/tables.h"

/* Follows UTF-8 `key` from the root; 0 when the trie does not have it. */
static uint32_t find(const struct nlp_tables *t, const char *key)
{
    struct norm nm;
    uint32_t cell = 0;
    norm_init(&nm);
    assert_int_equal(norm_append(&nm, span_str(key)), 0);
    for (size_t i = 1; i + 1 < nm.n; i++) {
        cell = tables_child(t, cell, tables_sym(t, nm.cp[i]));
        if (!cell)
            break;
    }
    norm_done(&nm);
    return cell;
}

static bool is_word(const struct nlp_tables *t, const char *key)
{
    uint32_t cell = find(t, key);
    return cell && (t->cells[cell].link & CELL_WORD);
}

static void finds_exactly_the_keys_it_was_given(void **state)
{
    (void)state;
    struct fixture f;
    fixture_new(&f);
    uint64_t seed = 20261122;
    print_message("seed %llu\n", (unsigned long long)seed);
    static char keys[3000][24];
    for (size_t i = 0; i < 3000; i++) {
        size_t n = 0, len = 2 + rng_split(&seed) % 4;
        for (size_t k = 0; k < len; k++)
            n += utf8_encode(0xAC00 + (uint32_t)(rng_split(&seed) % 300), keys[i] + n);
        keys[i][n] = 0;
        fixture_word(&f, WORD_STOP, keys[i], 0, 0);
    }
    fixture_open(&f);
    for (size_t i = 0; i < 3000; i++) {
        assert_true(is_word(f.tables, keys[i]));
        char other[32];
        snprintf(other, sizeof(other), "%.20s힣", keys[i]);
        assert_int_equal(find(f.tables, other), 0);
    }
    assert_int_equal(find(f.tables, "zzz"), 0);
    fixture_done(&f);
}

static void inflects_by_the_orthography(void **state)
{
    (void)state;
    static const char *const verbs[][4] = {
        {"~늦다", "늦", NULL, NULL},         {"~나쁘다", "나빠", "나빴", "나쁜"},
        {"~빠르다", "빨라", "빨랐", "빠릅"}, {"~쉽다", "쉬워", "쉬운", "쉬웠"},
        {"~느리다", "느려", "느린", "느립"}, {"~친절하다", "친절해", "친절했", "친절합"},
        {"~낫다", "나", NULL, NULL},         {"~힘들다", "힘든", "힘드네", "힘듭"},
        {"~바꾸다", "바꿔", "바꿨", "바꾼"}, {"~안 되다", "안 돼", "안돼", "안 됐"},
    };
    struct fixture f;
    fixture_new(&f);
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        fixture_word(&f, WORD_POLARITY, verbs[i][0], 1, 0);
    fixture_open(&f);
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        for (size_t k = 1; k < 4 && verbs[i][k]; k++)
            if (!is_word(f.tables, verbs[i][k]))
                fail_msg("%s gives no %s", verbs[i][0], verbs[i][k]);
    assert_false(is_word(f.tables, "나쁘다"));
    fixture_done(&f);
}

static void refuses_patterns_without_a_literal(void **state)
{
    (void)state;
    static const char *const bad[] = {".*",        "가.나", "[가-힣]{2,}", "(배송|.)늦",
                                      "(?:환불)?", "ab",    "(배송)*늦",   "늦+"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct fixture f;
        struct buf out;
        buf_init(&out, 0);
        fixture_new(&f);
        fixture_rule(&f,
                     &(struct fixture_rule){.kind = RULE_SIGNAL, .code = "x", .pattern = bad[i]});
        if (f.n_reports != 1)
            fail_msg("pattern %s was taken", bad[i]);
        assert_int_equal(f.reports[0].line, 40);
        assert_int_equal(f.reports[0].column, 7);
        assert_int_equal(nlp_build_finish(f.build, &out), -EINVAL);
        assert_int_equal(out.n, 0);
        buf_done(&out);
        fixture_done(&f);
    }
}

static void names_the_place_of_a_broken_pattern(void **state)
{
    (void)state;
    struct fixture f;
    fixture_new(&f);
    fixture_rule(&f,
                 &(struct fixture_rule){.kind = RULE_SIGNAL, .code = "x", .pattern = "배송(늦"});
    assert_int_equal(f.n_reports, 1);
    assert_int_equal(f.reports[0].column, 7 + 4); /* at its end, in characters */
    fixture_done(&f);
}

static void names_every_mistake_of_a_build(void **state)
{
    (void)state;
    struct fixture f;
    struct buf out;
    buf_init(&out, 0);
    fixture_new(&f);
    fixture_rule(
        &f, &(struct fixture_rule){.kind = RULE_CATEGORY, .code = "a", .any = {"{none} ... 늦"}});
    fixture_rule(&f,
                 &(struct fixture_rule){.kind = RULE_CATEGORY, .code = "b", .any = {"배송 ... "}});
    fixture_rule(&f, &(struct fixture_rule){.kind = RULE_CATEGORY, .code = "c d", .any = {"배송"}});
    assert_int_equal(nlp_build_finish(f.build, &out), -EINVAL);
    assert_int_equal(f.n_reports, 3);
    assert_non_null(strstr(f.reports[2].message, "{none}"));
    assert_int_equal(f.reports[2].line, 10);
    buf_done(&out);
    fixture_done(&f);
}

static void same_input_gives_the_same_bytes(void **state)
{
    (void)state;
    struct buf out[2];
    for (size_t i = 0; i < 2; i++) {
        struct fixture f;
        fixture_basic(&f);
        buf_init(&out[i], 0);
        assert_int_equal(nlp_build_finish(f.build, &out[i]), 0);
        fixture_done(&f);
    }
    assert_int_equal(out[0].n, out[1].n);
    assert_memory_equal(out[0].p, out[1].p, out[0].n);
    buf_done(&out[0]);
    buf_done(&out[1]);
}

static int open_with(const char *path, off_t at, unsigned char flip, off_t size)
{
    struct nlp_tables *t = NULL;
    unsigned char c;
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &c, 1, at), 1);
    c ^= flip;
    assert_int_equal(pwrite(fd, &c, 1, at), 1);
    if (size)
        assert_int_equal(ftruncate(fd, size), 0);
    int r = nlp_tables_open(path, &t);
    c ^= flip;
    assert_int_equal(pwrite(fd, &c, 1, at), 1);
    close(fd);
    if (r == 0)
        nlp_tables_unref(t);
    return r;
}

static void refuses_a_damaged_file(void **state)
{
    (void)state;
    struct fixture f;
    char path[64];
    fixture_basic(&f);
    fixture_write(&f, path);
    assert_int_equal(open_with(path, 0, 0, 0), 0);
    for (off_t at = sizeof(uint64_t) * 4; at < 6000; at += 97)
        assert_int_equal(open_with(path, at, 0x10, 0), -VOC_E_CORRUPT);
    assert_int_equal(open_with(path, 3, 1, 0), -VOC_E_CORRUPT);
    assert_int_equal(open_with(path, 8, 2, 0), -VOC_E_VERSION);
    assert_int_equal(open_with(path, 0, 0, 5000), -VOC_E_CORRUPT);
    assert_int_equal(open_with(path, 0, 0, 20), -VOC_E_CORRUPT);
    unlink(path);
    struct nlp_tables *t;
    assert_int_equal(nlp_tables_open(path, &t), -ENOENT);
    fixture_done(&f);
}

static void lists_the_category_codes(void **state)
{
    (void)state;
    struct fixture f;
    const struct span *codes;
    fixture_basic(&f);
    fixture_rule(
        &f, &(struct fixture_rule){.kind = RULE_CATEGORY, .code = "delivery", .any = {"배송"}});
    fixture_rule(&f, &(struct fixture_rule){
                         .kind = RULE_CATEGORY, .code = "delivery/late", .any = {"지연"}});
    fixture_rule(
        &f, &(struct fixture_rule){.kind = RULE_CATEGORY, .code = "delivery", .any = {"택배"}});
    fixture_rule(&f, &(struct fixture_rule){.kind = RULE_SIGNAL, .code = "churn", .any = {"탈퇴"}});
    fixture_open(&f);
    assert_int_equal(nlp_tables_categories(f.tables, &codes), 2);
    assert_true(span_is(codes[0], "delivery"));
    assert_true(span_is(codes[1], "delivery/late"));
    assert_true(nlp_tables_version(f.tables) != 0);
    fixture_done(&f);
}

static void a_pattern_that_matches_no_text_has_evidence_beside_it(void **state)
{
    (void)state;
    static const char *const patterns[] = {"배송\\K", "배송\\K(?=늦)", "배송늦음\\K"};
    for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
        struct fixture f;
        fixture_new(&f);
        fixture_rule(
            &f, &(struct fixture_rule){.kind = RULE_SIGNAL, .code = "x", .pattern = patterns[i]});
        fixture_open(&f);
        struct analysis a = fixture_text(&f, "배송늦음");
        assert_int_equal(a.n_signals, 1);
        assert_int_equal(a.n_evidence, 1);
        assert_true(a.evidence[0].start < a.evidence[0].end);
        fixture_done(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_exactly_the_keys_it_was_given),
        cmocka_unit_test(inflects_by_the_orthography),
        cmocka_unit_test(refuses_patterns_without_a_literal),
        cmocka_unit_test(names_the_place_of_a_broken_pattern),
        cmocka_unit_test(names_every_mistake_of_a_build),
        cmocka_unit_test(same_input_gives_the_same_bytes),
        cmocka_unit_test(refuses_a_damaged_file),
        cmocka_unit_test(a_pattern_that_matches_no_text_has_evidence_beside_it),
        cmocka_unit_test(lists_the_category_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
