/* Cost by counted work (trie steps, state moves, bytes given to patterns), never by time; and what
 * arbitrary bytes do. */
#include "tests/unit/nlp/nlp_fixture.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/utf8.h"
#include "nlp/walk.h"

#define SIZE ((size_t)1 << 20)

static struct fixture f;

/* N-grams and labels of what random_text() writes, nested in one another. */
static void add_learned(void)
{
    static const char *const grams[] = {"배",   "배송", "배송늦", "늦",    "좋",  "ㅋ",
                                        "ㅋㅋ", "a",    "1",      "12",    "안 ", " ",
                                        "요",   "나요", "가가",   "가가나"};
    const enum lang langs[] = {LANG_KO, LANG_EN};
    for (size_t l = 0; l < 2; l++) {
        for (unsigned i = 0; i < ARRAY_LEN(grams); i++) {
            const struct span text = span_str(grams[i]);
            assert_int_equal(nlp_build_ngram(f.build, langs[l], text, (int)i - 7), 0);
            for (unsigned lane = i % 3; lane < LEX_LANES; lane += 3)
                assert_int_equal(nlp_build_label_weight(f.build, langs[l], text, lane,
                                                        (int)(lane * 7 + i) - 110),
                                 0);
        }
        const struct nlp_label label = {SPAN_LIT("sentiment:negative"), 0.01, 0, 0};
        assert_int_equal(nlp_build_label(f.build, langs[l], 0, &label), 0);
        assert_int_equal(nlp_build_param(f.build, langs[l], SPAN_LIT("ngram_slope"), 0.1), 0);
    }
    assert_int_equal(nlp_build_param(f.build, LANG_EN, SPAN_LIT("ngram_words"), 1), 0);
}

static int setup(void **state)
{
    (void)state;
    fixture_basic(&f);
    fixture_word(&f, WORD_POLARITY, "가가가가가가가가가가가가가가가가가가가가가나", 1, 0);
    fixture_word(&f, WORD_POLARITY, "하하하하하하하하하하하하하하하하다", 1, 0);
    add_learned();
    fixture_rule(&f, &(struct fixture_rule){.kind = RULE_CATEGORY,
                                            .code = "gap",
                                            .any = {"좋 ... 좋 ... 좋 ... 나쁘", "가가 ... 나나"}});
    fixture_rule(&f, &(struct fixture_rule){
                         .kind = RULE_SIGNAL, .code = "near", .pattern = "배송(.*늦.*){3}다"});
    fixture_open(&f);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_done(&f);
    return 0;
}

static uint64_t work_of(const char *unit, size_t bytes)
{
    size_t n = strlen(unit);
    char *text = malloc(bytes + n);
    assert_non_null(text);
    size_t len = 0;
    for (; len + n <= bytes; len += n)
        memcpy(text + len, unit, n);
    fixture_run(&f, span_of(text, len));
    free(text);
    return f.scratch->work + f.scratch->hits.n + f.scratch->norm.n;
}

static void work_grows_with_the_text_and_no_faster(void **state)
{
    (void)state;
    static const char *const units[] = {
        "가",
        "ㅋ",
        "\xcc\x81",
        "e\xcc\x81\xcc\xa3",
        "가나",
        "가가가가나나",
        "좋 ",
        "좋아요 안 ",
        "배송늦늦",
        "배송 늦 ",
        "지 않",
        "010-",
        "서울시 강남구 ",
        "a@",
        "없는데 ",
        "1",
        "?",
        "좋좋나",
        "\xe1\x84\x80",
        "하하하나",
        "가 로 1",
        "http://",
        "\xff",
        "동 12-",
        "3 4 5-6)",
        "        ",
        "\t\n",
        "안 못 안 못 ",
        "지 않지 않",
        "이름은 ",
        "이름은 김민수 ",
        "김민수입니다 ",
        "저는 김",
        "고객회원환자",
        "010-1234-5678 ",
        "900101-1234567",
        "a1b2c3d4",
        "가나다라마바사아자차카타파하",
        "\xf0\x9f\x98\xa1",
        "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab",
        "not bad if ",
        "가 나 다 라 ",
        "배송\xe2\x80\x8b늦",
    };
    enum { COMPARED = 512 }; /* places of a text whose beginnings are compared one by one */
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        uint64_t small = work_of(units[i], SIZE / 16), large = work_of(units[i], SIZE);
        if (large > small * 18)
            fail_msg("%s: %llu then %llu", units[i], (unsigned long long)small,
                     (unsigned long long)large);
        if (work_of(units[i], COMPARED) > (uint64_t)COMPARED * (COMPARED / 2 + 64))
            fail_msg("%s: %llu for a short text", units[i],
                     (unsigned long long)work_of(units[i], COMPARED));
        if (large > (uint64_t)SIZE * 64)
            fail_msg("%s: %llu for a megabyte", units[i], (unsigned long long)large);
    }
}

static size_t random_text(uint64_t *seed, char *out, size_t max)
{
    static const char *const pieces[] = {"배송",
                                         "늦",
                                         "좋",
                                         "지 않",
                                         "안 ",
                                         "없",
                                         "는데 ",
                                         "?",
                                         "010-1234-5678",
                                         " ",
                                         "\n",
                                         "\xcc\x81",
                                         "\xe1\x84\x80",
                                         "\xe1\x85\xa1",
                                         "ㅋㅋㅋ",
                                         "\xef\xbb\xbf",
                                         "http://x",
                                         "@a.bc",
                                         "로 12",
                                         "12가 3456",
                                         "\xff",
                                         "\xf0\x9f\x98\xa1",
                                         "가가가가",
                                         "면 ",
                                         "나요",
                                         "A",
                                         "..."};
    size_t n = 0, want = rng_split(seed) % max;
    bool bytes = rng_split(seed) % 4 == 0;
    while (n < want) {
        const char *p = pieces[rng_split(seed) % ARRAY_LEN(pieces)];
        if (bytes)
            out[n++] = (char)rng_split(seed);
        else if (n + strlen(p) <= max) {
            memcpy(out + n, p, strlen(p));
            n += strlen(p);
        } else
            break;
    }
    return n;
}

static void check(const struct analysis *a, struct span text)
{
    assert_true(a->polarity >= -1 && a->polarity <= 1);
    assert_true(a->confidence >= 0 && a->confidence <= 1);
    for (size_t i = 0; i < a->n_evidence; i++) {
        const struct evidence *e = &a->evidence[i];
        assert_true(e->start < e->end && e->end <= text.n);
        assert_true(e->cp_start < e->cp_end && e->cp_end <= text.n);
    }
    for (size_t i = 0; i < a->n_pii; i++)
        assert_true(a->pii[i].start < a->pii[i].end && a->pii[i].end <= text.n);
    for (size_t i = 0; i < a->n_keywords; i++)
        assert_int_equal(utf8_valid(a->keywords[i]), a->keywords[i].n);
}

static void any_bytes_give_an_analysis(void **state)
{
    (void)state;
    uint64_t seed = 20261122;
    const char *rounds = getenv("SOAK") ? "200000" : "4000";
    static char text[2000];
    print_message("seed %llu\n", (unsigned long long)seed);
    for (long i = strtol(rounds, NULL, 10); i > 0; i--) {
        /* an exact copy, so that a sanitizer sees a read past the end */
        size_t n = random_text(&seed, text, sizeof(text));
        char *copy = malloc(n + 1);
        assert_non_null(copy);
        memcpy(copy, text, n);
        copy = realloc(copy, n ? n : 1);
        struct analysis a = fixture_run(&f, span_of(copy, n));
        check(&a, span_of(copy, n));
        free(copy);
    }
}

static void the_same_text_gives_the_same_analysis(void **state)
{
    (void)state;
    const char *text = "배송이 너무 늦었는데 상담원은 친절하지 않네요. 010-1234-5678";
    struct analysis a = fixture_text(&f, text);
    double polarity = a.polarity;
    size_t n = a.n_evidence;
    for (int i = 0; i < 50; i++)
        fixture_text(&f, i % 2 ? "좋아요" : "고장 나면 어디로 가나요?");
    a = fixture_text(&f, text);
    assert_true(a.polarity == polarity);
    assert_int_equal(a.n_evidence, n);
}

/* Calls to malloc and its kin, from here and from the libraries. The sanitizers have their own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COUNTS_ALLOCATIONS false
static size_t n_allocations;
#else
#define COUNTS_ALLOCATIONS true
static size_t n_allocations;

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *malloc(size_t n)
{
    n_allocations++;
    return __libc_malloc(n);
}
void *calloc(size_t n, size_t size)
{
    n_allocations++;
    return __libc_calloc(n, size);
}
void *realloc(void *p, size_t n)
{
    n_allocations++;
    return __libc_realloc(p, n);
}
#endif

static void read_varied(uint64_t seed, size_t rounds)
{
    static char text[2000];
    for (size_t i = 0; i < rounds; i++) {
        const struct nlp_part part = {span_of(text, random_text(&seed, text, sizeof(text))),
                                      PART_TEXT, BY_CUSTOMER};
        const struct nlp_input in = {&part, 1, (enum lang)(i % LANG_COUNT), KIND_TICKET};
        struct analysis a;
        arena_reset(&f.arena);
        assert_int_equal(nlp_analyze(f.tables, f.scratch, &in, NLP_ALL, &f.arena, &a), 0);
    }
}

static void nothing_is_allocated_after_warm_up(void **state)
{
    (void)state;
    if (!COUNTS_ALLOCATIONS)
        skip();
    read_varied(1, 2000);
    const size_t before = n_allocations;
    assert_true(before > 0);
    read_varied(1, 2000);
    assert_int_equal(n_allocations, before);
}

/* Eight places at a time or one by one: the same, byte for byte. */
static void both_walks_agree(void **state)
{
    (void)state;
    uint64_t seed = 20261123;
    static char text[2000];
    if (!walk_is_wide())
        skip();
    print_message("seed %llu\n", (unsigned long long)seed);
    for (size_t i = 0; i < 2000; i++) {
        const struct span s = span_of(text, random_text(&seed, text, sizeof(text)));
        int sums[2][LEX_LANES];
        size_t n_grams[2], n_hits[2];
        double polarity[2];
        for (size_t wide = 0; wide < 2; wide++) {
            f.scratch->wide = wide;
            polarity[wide] = fixture_run(&f, s).polarity;
            memcpy(sums[wide], f.scratch->label_sums, sizeof(sums[wide]));
            n_grams[wide] = f.scratch->n_grams;
            n_hits[wide] = f.scratch->hits.n;
        }
        assert_true(polarity[0] == polarity[1]);
        assert_memory_equal(sums[0], sums[1], sizeof(sums[0]));
        assert_int_equal(n_grams[0], n_grams[1]);
        assert_int_equal(n_hits[0], n_hits[1]);
    }
}

static void a_new_scratch_reads_nothing_and_then_english(void **state)
{
    (void)state;
    struct nlp_scratch *fresh;
    struct nlp_input in = {NULL, 0, LANG_NONE, KIND_TICKET};
    struct analysis a;
    assert_int_equal(nlp_scratch_new(&fresh), 0);
    assert_int_equal(nlp_analyze(f.tables, fresh, &in, NLP_ALL, &f.arena, &a), 0);
    assert_int_equal(a.sentiment, SENTIMENT_NONE);
    assert_true(span_is(a.type, "other"));
    struct nlp_part part = {SPAN_LIT("good a12"), PART_TEXT, BY_CUSTOMER};
    in = (struct nlp_input){&part, 1, LANG_EN, KIND_TICKET};
    arena_reset(&f.arena);
    assert_int_equal(nlp_analyze(f.tables, fresh, &in, NLP_ALL, &f.arena, &a), 0);
    nlp_scratch_free(fresh);
}

static void a_full_arena_is_an_error(void **state)
{
    (void)state;
    struct arena small;
    struct nlp_part part = {SPAN_LIT("너무 좋아요 010-1234-5678"), PART_TEXT, BY_CUSTOMER};
    struct nlp_input in = {&part, 1, LANG_NONE, KIND_TICKET};
    struct analysis a = {.lexicon = 7};
    arena_init(&small, 1);
    assert_int_equal(nlp_analyze(f.tables, f.scratch, &in, NLP_ALL, &small, &a), -ENOMEM);
    assert_int_equal(a.lexicon, 7); /* untouched */
    arena_done(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_grows_with_the_text_and_no_faster),
        cmocka_unit_test(any_bytes_give_an_analysis),
        cmocka_unit_test(the_same_text_gives_the_same_analysis),
        cmocka_unit_test(nothing_is_allocated_after_warm_up),
        cmocka_unit_test(both_walks_agree),
        cmocka_unit_test(a_new_scratch_reads_nothing_and_then_english),
        cmocka_unit_test(a_full_arena_is_an_error),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
