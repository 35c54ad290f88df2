/* libFuzzer target: any bytes give an analysis. The first byte picks kind, language and how the
 * rest is cut into parts. Tables: $VOC_LEXICONS, else build/lexicons.bin.
 *
 *   clang -g -O1 -std=c17 -D_GNU_SOURCE -I. -fsanitize=fuzzer,address,undefined \
 *       tests/fuzz/fuzz_nlp.c nlp/[!b]*.c base/{arena,buf,err,span,utf8,vocab}.c -lpcre2-8
 * -lutf8proc -lm -o fuzz_nlp */
#include <stdlib.h>

#include "nlp/nlp.h"

static struct nlp_tables *tables;
static struct nlp_scratch *scratch;
static struct arena arena;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void open_tables(void)
{
    const char *path = getenv("VOC_LEXICONS");
    if (nlp_tables_open(path ? path : "build/lexicons.bin", &tables) < 0 ||
        nlp_scratch_new(&scratch) < 0)
        abort();
    arena_init(&arena, 0);
}

static void check(const struct analysis *a, const struct nlp_part *parts, size_t n)
{
    if (!(a->polarity >= -1 && a->polarity <= 1 && a->confidence >= 0 && a->confidence <= 1))
        abort();
    for (size_t i = 0; i < a->n_evidence; i++) {
        const struct evidence *e = &a->evidence[i];
        if (e->part - PART_TURN >= (int)n || e->start >= e->end ||
            e->end > parts[e->part - PART_TURN].text.n)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (!tables)
        open_tables();
    if (n == 0)
        return 0;
    size_t first = data[0] % 4 == 0 ? (n - 1) / 3 : 0;
    const char *text = (const char *)data + 1;
    const struct nlp_part parts[] = {
        {span_of(text, first), PART_TURN, data[0] & 8 ? BY_AGENT : BY_CUSTOMER},
        {span_of(text + first, n - 1 - first), PART_TURN + 1, BY_CUSTOMER},
    };
    struct nlp_input in = {parts, 2, (enum lang)(data[0] >> 4 & 3), (enum kind)(data[0] >> 6)};
    struct analysis a;
    arena_reset(&arena);
    if (nlp_analyze(tables, scratch, &in, NLP_ALL, &arena, &a) == 0)
        check(&a, parts, 2);
    return 0;
}
