#include "lexicons/build/table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    uint64_t hash; /* 0: empty */
    int weight;
};

struct table {
    struct table_head head;
    struct entry *entries;
    size_t mask, used;
};

static void die(const char *path, const char *what)
{
    fprintf(stderr, "%s: %s\n", path, what);
    exit(1);
}

static uint64_t step(uint64_t h, uint32_t cp)
{
    h = (h ^ (cp + 1)) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

static struct entry *find(const struct table *t, uint64_t hash)
{
    size_t i = (hash * 0xd6e8feb86659fd93u >> 20) & t->mask;
    while (t->entries[i].hash && t->entries[i].hash != hash)
        i = (i + 1) & t->mask;
    return &t->entries[i];
}

static size_t put_utf8(char *out, uint32_t cp)
{
    if (cp < 0x80)
        return out[0] = (char)cp, 1;
    size_t n = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n; i > 1; i--, cp >>= 6)
        out[i - 1] = (char)(0x80 | (cp & 0x3f));
    out[0] = (char)(lead[n] | cp);
    return n;
}

static const char *escape_of(uint32_t cp)
{
    return cp == ' '          ? "\\s"
           : cp == TEXT_START ? "\\^"
           : cp == TEXT_END   ? "\\$"
           : cp == '\\'       ? "\\\\"
           : cp == '#'        ? "\\#"
                              : NULL;
}

char *table_gram(const uint32_t *cps, size_t n)
{
    char out[GRAM_LONGEST * 4 + 1];
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        const char *escape = escape_of(cps[i]);
        if (escape) {
            out[len++] = escape[0];
            out[len++] = escape[1];
        } else {
            len += put_utf8(out + len, cps[i]);
        }
    }
    out[len] = '\0';
    return strdup(out);
}

static int by_gram(const void *a, const void *b)
{
    return strcmp(((const struct table_row *)a)->gram, ((const struct table_row *)b)->gram);
}

static size_t collect(const struct corpus *c, const struct grams *g, const int8_t *weight,
                      struct table_row *rows, uint32_t *ret_longest)
{
    size_t n = 0;
    *ret_longest = 1;
    for (uint32_t j = 0; j < g->n; j++) {
        if (!weight[j])
            continue;
        const struct gram *gram = &g->list[j];
        rows[n++] = (struct table_row){table_gram(c->text.at + gram->at, gram->n), weight[j]};
        if (gram->n > *ret_longest)
            *ret_longest = gram->n;
    }
    qsort(rows, n, sizeof(*rows), by_gram);
    return n;
}

void table_write(const char *path, const struct table_head *head, const struct corpus *c,
                 const struct grams *g, const int8_t *weight)
{
    struct table_row *rows = calloc(g->n + 1, sizeof(*rows));
    FILE *out = fopen(path, "w");
    if (!rows || !out)
        die(path, strerror(errno));
    uint32_t longest;
    size_t n = collect(c, g, weight, rows, &longest);
    fprintf(out, "# format: 1\n# lang: %s\n# words: %d\n# longest: %u\n# entries: %zu\n",
            head->lang, head->words, longest, n);
    fprintf(out, "# bias: %d\n# slope: %.6g\n# damp: %.6g\n# scale: %.6g\n", head->bias,
            head->slope, head->damp, head->scale);
    for (size_t i = 0; i < n; i++) {
        fprintf(out, "%s\t%d\n", rows[i].gram, rows[i].weight);
        free(rows[i].gram);
    }
    free(rows);
    if (fclose(out))
        die(path, strerror(errno));
}

static void read_head(struct table_head *h, const char *line, const char *path)
{
    int format = 1, words = h->words;
    sscanf(line, "# format: %d", &format);
    if (format != 1)
        die(path, "unknown format");
    sscanf(line, "# lang: %7s", h->lang);
    if (sscanf(line, "# words: %d", &words) == 1)
        h->words = words != 0;
    sscanf(line, "# longest: %u", &h->longest);
    sscanf(line, "# bias: %d", &h->bias);
    sscanf(line, "# slope: %lf", &h->slope);
    sscanf(line, "# damp: %lf", &h->damp);
    sscanf(line, "# scale: %lf", &h->scale);
}

static size_t get_utf8(const char *s, uint32_t *ret_cp)
{
    const unsigned char *u = (const unsigned char *)s;
    size_t n = u[0] < 0x80 ? 1 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
    uint32_t cp = n == 1 ? u[0] : u[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n && u[i]; i++)
        cp = cp << 6 | (u[i] & 0x3f);
    *ret_cp = cp;
    return n;
}

static uint64_t hash_written(const char *s, const char *end)
{
    uint64_t h = 1;
    while (s < end) {
        uint32_t cp;
        if (*s == '\\') {
            cp = s[1] == 's'   ? ' '
                 : s[1] == '^' ? TEXT_START
                 : s[1] == '$' ? TEXT_END
                               : (uint32_t)s[1];
            s += 2;
        } else {
            s += get_utf8(s, &cp);
        }
        h = step(h, cp);
    }
    return h;
}

struct table *table_read(const char *path)
{
    struct table *t = calloc(1, sizeof(*t));
    FILE *in = fopen(path, "r");
    if (!t || !in)
        die(path, strerror(errno));
    t->mask = (1 << 20) - 1;
    t->entries = calloc(t->mask + 1, sizeof(*t->entries));
    if (!t->entries)
        die(path, strerror(errno));
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, in) > 0) {
        const char *tab = strchr(line, '\t');
        if (line[0] == '#') {
            read_head(&t->head, line, path);
        } else if (!tab || ++t->used * 2 > t->mask) {
            die(path, "a row without TAB, or too many rows");
        } else {
            uint64_t hash = hash_written(line, tab);
            *find(t, hash) = (struct entry){hash, atoi(tab + 1)};
        }
    }
    free(line);
    fclose(in);
    return t;
}

const struct table_head *table_head(const struct table *t)
{
    return &t->head;
}

size_t table_size(const struct table *t)
{
    return t->mask + 1;
}

long table_sum(const struct table *t, const uint32_t *cps, size_t n, uint32_t *seen, uint32_t stamp,
               uint32_t *ret_hits)
{
    long sum = 0;
    uint32_t hits = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t h = 1;
        for (size_t k = 0; k < t->head.longest && i + k < n; k++) {
            h = step(h, cps[i + k]);
            const struct entry *e = find(t, h);
            size_t slot = (size_t)(e - t->entries);
            if (!e->hash || seen[slot] == stamp)
                continue;
            seen[slot] = stamp;
            sum += e->weight;
            hits++;
        }
    }
    *ret_hits = hits;
    return sum;
}

void table_free(struct table *t)
{
    if (!t)
        return;
    free(t->entries);
    free(t);
}
