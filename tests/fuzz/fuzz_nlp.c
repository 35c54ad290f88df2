/* fuzz_nlp: any bytes give an analysis, whatever the tables. The first byte picks tables (the
 * shipped ones, $VOC_LEXICONS or build/lexicons.bin; a small lexicon; that with a workspace's
 * layer), language and kind; the second says who speaks; U+001E parts the turns. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/nlp_rig.h"

enum { TABLES = 3, PART_MARK = 0x1E };

static struct nlp_tables *tables[TABLES];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void open_tables(void)
{
    const char *path = getenv("VOC_LEXICONS"), *build = getenv("BUILD");
    char beside[512];
    snprintf(beside, sizeof(beside), "%s/lexicons.bin", build ? build : "build");
    if (nlp_tables_open(path ? path : beside, &tables[0]) < 0)
        abort();
    for (unsigned i = 1; i < TABLES; i++) {
        struct buf out;
        buf_init(&out, 0);
        rig_lexicon(i == 2, &out);
        if (nlp_tables_open(rig_file(i, buf_span(&out)), &tables[i]) < 0)
            abort();
        buf_done(&out);
    }
}

/* Each part in a block of its own size, so that a read past its end is seen. */
static size_t cut(const char *p, size_t n, unsigned who, struct nlp_part parts[RIG_MAX_PARTS])
{
    size_t k = 0;
    for (;; k++) {
        const char *mark = k + 1 < RIG_MAX_PARTS ? memchr(p, PART_MARK, n) : NULL;
        size_t len = mark ? (size_t)(mark - p) : n;
        char *copy = malloc(len);
        if (len && !copy)
            abort();
        if (len)
            memcpy(copy, p, len);
        parts[k] = (struct nlp_part){span_of(copy, len), (uint16_t)(PART_TEXT + k),
                                     who >> k & 1 ? BY_AGENT : BY_CUSTOMER};
        if (!mark)
            return k + 1;
        p = mark + 1;
        n -= len + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct nlp_part parts[RIG_MAX_PARTS];
    if (n < 3)
        return 0;
    if (!tables[0])
        open_tables();
    size_t n_parts = cut((const char *)data + 2, n - 2, data[1], parts);
    const struct nlp_input in = {parts, n_parts, (enum lang)((data[0] >> 2) % LANG_COUNT),
                                 (enum kind)((data[0] >> 5) % KIND_COUNT)};
    rig_analyze(tables[data[0] % TABLES], &in);
    for (size_t i = 0; i < n_parts; i++)
        free((char *)parts[i].text.p);
    return 0;
}
