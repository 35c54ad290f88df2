/* table: an n-gram table as it is committed (README.md, Format 1), written, read and scored.
 *
 * The scoring here is the plain reading of README.md, by hash and without a trie; it is what the
 * engine is held against. */
#ifndef LEX_BUILD_TABLE_H
#define LEX_BUILD_TABLE_H

#include "lexicons/build/fit.h"

struct table_row {
    char *gram; /* written form, escapes included */
    int weight;
};

struct table_head {
    char lang[8];
    bool words;
    uint32_t longest;
    int bias;
    double slope, damp, scale;
};

/* Writes the n-grams with weight not 0; bias and slope are those of `head`. */
void table_write(const char *path, const struct table_head *head, const struct corpus *c,
                 const struct grams *g, const int8_t *weight);

/* The written form of an n-gram, escapes included; the caller frees it. */
char *table_gram(const uint32_t *cps, size_t n);

struct table;
struct table *table_read(const char *path);
const struct table_head *table_head(const struct table *t);
/* Sum without bias; hits. `seen` of table_size() zeroed words and a stamp other than 0 and than any
 * used before keep entries apart that stand in the text twice. */
long table_sum(const struct table *t, const uint32_t *cps, size_t n, uint32_t *seen, uint32_t stamp,
               uint32_t *ret_hits);
size_t table_size(const struct table *t);
void table_free(struct table *t);

#endif
