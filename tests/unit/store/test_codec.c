/* Stored bytes that are damaged give -VOC_E_CORRUPT or another value, never anything worse: run
 * under the sanitizers, this is what shows it. Also the columns against the numbers put in. */
#include <stdlib.h>

#include "store/block.h"
#include "store/body.h"
#include "store/codec.h"
#include "store/pack.h"
#include "tests/unit/store/fixture.h"

static void numbers_come_back(void **state)
{
    static const int64_t signs[] = {0, 1, -1, INT64_MAX, INT64_MIN, 127, -128, 1795305600000};
    static const double doubles[] = {0, -0.0, 1, -1, 0.1, 4.5, 1e300, -1e15, 0x1p40, 5e-324};
    struct buf b;
    (void)state;
    buf_init(&b, 0);
    for (size_t i = 0; i < ARRAY_LEN(signs); i++)
        put_signed(&b, signs[i]);
    for (unsigned shift = 0; shift < 64; shift++)
        put_varint(&b, UINT64_C(1) << shift);
    put_varint(&b, UINT64_MAX);
    for (size_t i = 0; i < ARRAY_LEN(doubles); i++)
        put_double(&b, doubles[i]);
    put_span(&b, SPAN_NONE);
    put_span(&b, SPAN_LIT(""));
    put_span(&b, SPAN_LIT("한"));
    struct dec d = dec_of(buf_span(&b));
    for (size_t i = 0; i < ARRAY_LEN(signs); i++)
        assert_true(get_signed(&d) == signs[i]);
    for (unsigned shift = 0; shift < 64; shift++)
        assert_true(get_varint(&d) == UINT64_C(1) << shift);
    assert_true(get_varint(&d) == UINT64_MAX);
    for (size_t i = 0; i < ARRAY_LEN(doubles); i++) {
        double v = get_double(&d);
        assert_memory_equal(&v, &doubles[i], sizeof(v));
    }
    assert_null(get_span(&d).p);
    struct span empty = get_span(&d);
    assert_true(empty.p != NULL && empty.n == 0);
    assert_true(span_is(get_span(&d), "한"));
    assert_false(d.bad);
    assert_int_equal(dec_left(&d), 0);
    get_u8(&d);
    assert_true(d.bad);
    buf_done(&b);
}

static void overlong_numbers_are_bad(void **state)
{
    static const uint8_t eleven[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1};
    static const uint8_t past64[] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2};
    static const uint8_t cut[] = {0x80};
    const struct span bad[] = {{(const char *)eleven, sizeof(eleven)},
                               {(const char *)past64, sizeof(past64)},
                               {(const char *)cut, sizeof(cut)}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct dec d = dec_of(bad[i]);
        assert_int_equal(get_varint(&d), 0);
        assert_true(d.bad);
    }
}

static void random_body(struct arena *a, struct buf *b)
{
    struct feedback f = random_feedback(a, test_rand(), 9);
    struct analysis an = random_analysis(a);
    buf_reset(b);
    body_put_feedback(b, &f);
    body_put_analysis(b, &an);
}

/* A copy of just the bytes, so that a sanitizer sees every step beyond them. */
static struct span damaged(struct span s)
{
    size_t n = test_below(4) ? s.n : test_below(s.n + 1);
    char *p = malloc(n ? n : 1);
    memcpy(p, s.p, n);
    for (uint64_t k = test_below(4) + (n == s.n); k && n; k--) {
        size_t at = test_below(n);
        p[at] =
            (char)(test_below(2) ? test_rand() : (uint64_t)(uint8_t)p[at] ^ 1u << test_below(8));
    }
    return span_of(p, n);
}

static void use_strings(const struct feedback *f, const struct analysis *an)
{
    volatile char sink = 0;
    if (f->text.n)
        sink = f->text.p[f->text.n - 1];
    for (size_t i = 0; i < f->n_attributes; i++)
        if (f->attributes[i].value.n)
            sink = f->attributes[i].value.p[0];
    for (size_t i = 0; i < an->n_categories; i++)
        if (an->categories[i].code.n)
            sink = an->categories[i].code.p[0];
    (void)sink;
}

static void a_damaged_body_is_noticed_or_harmless(void **state)
{
    struct arena a;
    struct buf b;
    size_t noticed = 0;
    (void)state;
    arena_init(&a, 0);
    buf_init(&b, 0);
    for (size_t i = 0; i < test_rounds(20000, 1000000); i++) {
        struct feedback f;
        struct analysis an;
        arena_reset(&a);
        random_body(&a, &b);
        assert_ok(body_get(buf_span(&b), &a, &f, &an, NULL));
        struct span bytes = damaged(buf_span(&b));
        int r = body_get(bytes, &a, &f, &an, NULL);
        assert_true(r == 0 || r == -VOC_E_CORRUPT || r == -ENOMEM);
        noticed += r < 0;
        if (r == 0)
            use_strings(&f, &an);
        free((void *)(uintptr_t)bytes.p);
    }
    assert_true(noticed > 1000);
    buf_done(&b);
    arena_done(&a);
}

static void packed_damage_is_always_noticed(void **state)
{
    struct arena a;
    struct buf b, packed;
    struct pack p;
    (void)state;
    arena_init(&a, 0);
    buf_init(&b, 0);
    buf_init(&packed, 0);
    assert_ok(pack_init(&p));
    struct unpacker *u = pack_borrow(&p);
    for (size_t i = 0; i < test_rounds(3000, 100000); i++) {
        uint8_t how;
        struct span out;
        arena_reset(&a);
        random_body(&a, &b);
        buf_reset(&packed);
        assert_ok(pack_add(&p, buf_span(&b), &packed, &how));
        assert_int_equal(how, PACK_DICT1);
        assert_true(packed.n < b.n);
        assert_ok(pack_open(u, how, buf_span(&packed), &a, &out));
        assert_true(span_eq(out, buf_span(&b)));
        struct span bytes = damaged(buf_span(&packed));
        int r = pack_open(u, how, bytes, &a, &out);
        if (r == 0) /* the checksum: else it was not damaged after all */
            assert_true(span_eq(out, buf_span(&b)));
        free((void *)(uintptr_t)bytes.p);
    }
    pack_return(&p, u);
    pack_done(&p);
    buf_done(&b);
    buf_done(&packed);
    arena_done(&a);
}

static void what_does_not_shrink_is_kept_as_it_is(void **state)
{
    struct arena a;
    struct buf packed;
    struct pack p;
    struct span out;
    char noise[64];
    uint8_t how;
    (void)state;
    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = (char)test_rand();
    arena_init(&a, 0);
    buf_init(&packed, 0);
    assert_ok(pack_init(&p));
    struct unpacker *u = pack_borrow(&p);
    assert_ok(pack_add(&p, span_of(noise, sizeof(noise)), &packed, &how));
    assert_int_equal(how, PACK_NONE);
    assert_ok(pack_open(u, how, buf_span(&packed), &a, &out));
    assert_true(span_eq(out, span_of(noise, sizeof(noise))));
    assert_int_equal(pack_open(u, 77, buf_span(&packed), &a, &out), -VOC_E_CORRUPT);
    pack_return(&p, u);
    pack_done(&p);
    buf_done(&packed);
    arena_done(&a);
}

/* --- blocks --- */

/* Numbers of a random magnitude, so that all widths occur. */
static uint64_t random_number(unsigned bits)
{
    return test_rand() >> (64 - 1 - test_below(bits));
}

static void random_facts(struct arena *a, struct fact *facts, uint64_t *seqs, size_t n)
{
    unsigned bits[4];
    uint64_t seq = random_number(40);
    int64_t unit = test_below(2) ? 1000 : 1;
    for (size_t i = 0; i < ARRAY_LEN(bits); i++)
        bits[i] = 1 + (unsigned)test_below(27);
    for (size_t i = 0; i < n; i++) {
        uint32_t *terms = arena_array(a, 8, sizeof(*terms));
        struct fact *f = &facts[i];
        seqs[i] = seq += 1 + test_below(3);
        *f = (struct fact){.created_at = (int64_t)random_number(38) * unit - 5000,
                           .conversation = test_below(2) ? test_rand() : 0,
                           .customer = (uint32_t)random_number(bits[0]),
                           .polarity = (int16_t)test_rand(),
                           .kind = (uint8_t)test_below(KIND_COUNT),
                           .flags = (uint8_t)test_below(8)};
        for (int c = 0; c < FACT_CODES; c++)
            f->code[c] = (uint32_t)random_number(bits[(unsigned)c % ARRAY_LEN(bits)]);
        size_t count = test_below(9);
        for (size_t k = 0, multi = 0; k < count; k++) {
            multi += test_below(2);
            if (multi >= FACT_MULTIS)
                break;
            terms[f->n_terms++] = FACT_TERM(multi, (uint32_t)random_number(bits[1]));
        }
        f->terms = terms;
    }
}

static void assert_same_fact(const struct fact *a, const struct fact *b)
{
    assert_true(a->created_at == b->created_at);
    assert_true(a->conversation == b->conversation);
    assert_int_equal(a->customer, b->customer);
    assert_int_equal(a->polarity, b->polarity);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->flags, b->flags);
    assert_memory_equal(a->code, b->code, sizeof(a->code));
    assert_int_equal(a->n_terms, b->n_terms);
    assert_memory_equal(a->terms, b->terms, a->n_terms * sizeof(*a->terms));
}

static void columns_hold_what_was_put_in(void **state)
{
    struct arena a;
    struct buf b;
    uint64_t *seqs = calloc(FACT_BLOCK, sizeof(*seqs));
    struct fact *facts = calloc(FACT_BLOCK, sizeof(*facts)), got;
    (void)state;
    arena_init(&a, 0);
    buf_init(&b, 0);
    for (size_t round = 0; round < test_rounds(40, 1000); round++) {
        size_t n = round < 3 ? round : round == 3 ? FACT_BLOCK : test_below(FACT_BLOCK + 1), row;
        struct block block;
        arena_reset(&a);
        buf_reset(&b);
        buf_char(&b, 'x'); /* no alignment is relied upon */
        random_facts(&a, facts, seqs, n);
        assert_ok(block_build(seqs, facts, n, &b));
        assert_ok(block_open(span_of(b.p + 1, b.n - 1), &block));
        assert_int_equal(block.n, n);
        for (size_t i = 0; i < n; i++) {
            assert_ok(block_find(&block, seqs[i], &row));
            assert_int_equal(row, i);
            assert_ok(block_row(&block, i, &a, &got));
            assert_same_fact(&facts[i], &got);
        }
        assert_int_equal(block_find(&block, n ? seqs[n - 1] + 1 : 7, &row), -ENOENT);
    }
    free(facts);
    free(seqs);
    buf_done(&b);
    arena_done(&a);
}

static void a_damaged_block_is_noticed_or_harmless(void **state)
{
    struct arena a;
    struct buf b;
    uint64_t seqs[50];
    struct fact facts[50], got;
    size_t noticed = 0;
    (void)state;
    arena_init(&a, 0);
    buf_init(&b, 0);
    for (size_t round = 0; round < test_rounds(4000, 200000); round++) {
        size_t n = 1 + test_below(50), row;
        struct block block;
        arena_reset(&a);
        buf_reset(&b);
        random_facts(&a, facts, seqs, n);
        assert_ok(block_build(seqs, facts, n, &b));
        struct span bytes = damaged(buf_span(&b));
        int r = block_open(bytes, &block);
        assert_true(r == 0 || r == -VOC_E_CORRUPT);
        for (size_t i = 0; r == 0 && i < block.n; i++)
            r = block_row(&block, i, &a, &got);
        assert_true(r == 0 || r == -VOC_E_CORRUPT);
        noticed += r < 0;
        if (r == 0)
            block_find(&block, seqs[0], &row);
        free((void *)(uintptr_t)bytes.p);
    }
    assert_true(noticed > 100);
    buf_done(&b);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_come_back),
        cmocka_unit_test(overlong_numbers_are_bad),
        cmocka_unit_test(a_damaged_body_is_noticed_or_harmless),
        cmocka_unit_test(packed_damage_is_always_noticed),
        cmocka_unit_test(what_does_not_shrink_is_kept_as_it_is),
        cmocka_unit_test(columns_hold_what_was_put_in),
        cmocka_unit_test(a_damaged_block_is_noticed_or_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
