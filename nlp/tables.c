#include "nlp/tables.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

#define MATCH_LIMIT 20000
#define DEPTH_LIMIT 500

uint64_t tables_checksum(const void *p, size_t n)
{
    const uint64_t prime = UINT64_C(0x100000001b3);
    uint64_t lane[4], word, h = UINT64_C(0xcbf29ce484222325);
    const unsigned char *q = p;
    for (unsigned k = 0; k < 4; k++)
        lane[k] = h + k;
    for (; n >= 32; q += 32, n -= 32) {
        for (unsigned k = 0; k < 4; k++) {
            memcpy(&word, q + 8 * k, 8);
            lane[k] = (lane[k] ^ word) * prime;
            lane[k] ^= lane[k] >> 29; /* the product alone never moves high bits down */
        }
    }
    for (; n > 0; q++, n--)
        h = (h ^ *q) * prime;
    for (unsigned k = 0; k < 4; k++)
        h = ((h ^ (h >> 29)) ^ lane[k]) * prime;
    return h ^ (h >> 32);
}

pcre2_code *tables_compile(struct span regex, int *ret_error, size_t *ret_offset)
{
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)regex.p, regex.n,
                      PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C | PCRE2_NO_AUTO_CAPTURE,
                      ret_error, ret_offset, NULL);
    if (code)
        pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* without JIT it is slower, not wrong */
    return code;
}

static bool str_ok(const struct nlp_tables *t, struct lex_str s)
{
    return s.offset <= t->n_strings && s.length <= t->n_strings - s.offset;
}

static bool code_ok(const struct nlp_tables *t, struct lex_str s)
{
    return str_ok(t, s) && s.length > 0;
}

/* Every cell with one of `flags` has its own of `n` things, and no other has any. */
static bool rank_ok(const struct nlp_tables *t, enum lex_rank_kind kind, uint32_t flag, size_t n)
{
    const struct lex_rank *rank = t->ranks + (size_t)kind * t->rank_stride;
    size_t before = 0;
    for (size_t i = 0; i < t->n_cells; i += 32) {
        const size_t end = i + 32 < t->n_cells ? i + 32 : t->n_cells;
        uint32_t bits = 0;
        for (size_t k = i; k < end; k++)
            bits |= (uint32_t)((t->cells[k].link & flag) != 0) << (k - i);
        if (rank[i / 32].bits != bits || rank[i / 32].before != before)
            return false;
        before += bits_count(bits);
    }
    return before == n;
}

static bool ranks_ok(struct nlp_tables *t)
{
    t->rank_stride = t->n_cells / 32 + 1;
    if (t->n_ranks != RANK_KINDS * t->rank_stride ||
        !rank_ok(t, RANK_WORD, CELL_WORD, t->n_words) ||
        !rank_ok(t, RANK_KO, CELL_LABELS_KO, t->n_rows_ko) ||
        !rank_ok(t, RANK_EN, CELL_LABELS_EN, t->n_rows_en))
        return false;
    for (size_t i = 0; i < t->n_words; i++)
        if (t->words[i] >= t->n_postings)
            return false;
    return true;
}

static bool trie_ok(struct nlp_tables *t)
{
    if (t->n_pages != LEX_N_PAGES || t->n_cells == 0 || t->n_blocks % 256 != 0)
        return false;
    uint32_t max_base = 0;
    uint16_t max_sym = 0;
    for (size_t i = 0; i < t->n_pages; i++)
        if ((size_t)t->pages[i] * 256 >= t->n_blocks)
            return false;
    for (size_t i = 0; i < t->n_blocks; i++)
        max_sym = t->blocks[i] > max_sym ? t->blocks[i] : max_sym;
    for (size_t i = 0; i < t->n_cells; i++) {
        uint32_t base = t->cells[i].link >> 8;
        max_base = base > max_base ? base : max_base;
    }
    t->no_sym = (uint16_t)(max_sym + 1);
    return max_sym <= LEX_MAX_SYMBOLS && (size_t)max_base + max_sym + 1 < t->n_cells && ranks_ok(t);
}

static bool atoms_ok(const struct nlp_tables *t)
{
    for (size_t i = 0; i < t->n_postings; i++) {
        const struct lex_posting *p = &t->postings[i];
        const uint32_t atom = p->atom >> 8;
        if (atom >= t->n_atoms || p->kind != t->atoms[atom].kind)
            return false;
    }
    if (t->n_postings && !(t->postings[t->n_postings - 1].atom & POST_LAST))
        return false;
    for (size_t i = 0; i < t->n_atoms; i++) {
        const struct lex_atom *a = &t->atoms[i];
        if (a->kind >= ATOM_KINDS || !str_ok(t, a->entry) || !tables_number_ok((double)a->weight))
            return false;
        if (a->kind == ATOM_TERM && (a->first > t->n_slots || a->n > t->n_slots - a->first))
            return false;
        if (a->kind == ATOM_PATTERN && a->first >= t->n_patterns)
            return false;
    }
    return true;
}

static bool rules_ok(struct nlp_tables *t)
{
    size_t states = 0;
    for (size_t i = 0; i < t->n_phrases; i++) {
        const struct lex_phrase *p = &t->phrases[i];
        if (p->rule >= t->n_rules || p->first_state != states || p->n == 0 ||
            !str_ok(t, p->entry) || !tables_number_ok((double)p->weight))
            return false;
        states += p->n;
    }
    for (size_t i = 0; i < t->n_slots; i++)
        if (t->slots[i].phrase >= t->n_phrases ||
            t->slots[i].element >= t->phrases[t->slots[i].phrase].n)
            return false;
    for (size_t i = 0; i < t->n_rules; i++)
        if (t->rules[i].kind >= RULE_KINDS || !code_ok(t, t->rules[i].code) ||
            !str_ok(t, t->rules[i].name) || !tables_number_ok((double)t->rules[i].threshold))
            return false;
    for (size_t i = 0; i < t->n_patterns; i++)
        if (t->patterns[i].phrase >= t->n_phrases || !str_ok(t, t->patterns[i].regex))
            return false;
    t->n_states = states;
    return true;
}

static bool params_ok(const struct nlp_tables *t)
{
    bool ok = t->n_params == (size_t)LANG_COUNT * PARAM_COUNT;
    for (size_t i = 0; ok && i < t->n_params; i++)
        ok = tables_param_ok((enum lex_param)(i % PARAM_COUNT), t->params[i]);
    return ok;
}

static bool labels_ok(struct nlp_tables *t)
{
    bool ok = t->n_labels == 2 * LEX_LANES && t->n_features >= 2 * MARK_COUNT;
    for (size_t i = 0; ok && i < t->n_rules; i++)
        ok = t->rules[i].feature < t->n_features;
    for (size_t i = 0; ok && i < t->n_labels; i++) {
        const struct lex_label *l = &t->labels[i];
        ok = l->kind < LABEL_KINDS && str_ok(t, l->code) && str_ok(t, l->name) &&
             (l->kind == LABEL_NONE || l->code.length > 0) && tables_number_ok((double)l->scale) &&
             tables_number_ok((double)l->bias) && tables_number_ok((double)l->threshold);
        if (!ok)
            break;
        struct label_lanes *lanes = &t->lanes[i / LEX_LANES][l->kind];
        lanes->code[lanes->n] = tables_str(t, l->code);
        lanes->lane[lanes->n++] = (uint8_t)(i % LEX_LANES);
    }
    return ok;
}

/* Which lane stands for which word of the vocabulary. */
static void list_lanes(struct nlp_tables *t)
{
    memset(t->known, -1, sizeof(t->known));
    for (size_t i = 0; i < t->n_labels; i++) {
        const struct lex_label *l = &t->labels[i];
        struct known_lanes *known = &t->known[i / LEX_LANES];
        const struct span code = tables_str(t, l->code);
        const int8_t lane = (int8_t)(i % LEX_LANES);
        int v = l->kind == LABEL_SENTIMENT ? vocab_find(VOCAB_SENTIMENT, code)
                : l->kind == LABEL_TYPE    ? vocab_find(VOCAB_TYPE, code)
                                           : -1;
        if (l->kind == LABEL_DOMAIN)
            known->domain = lane;
        else if (v >= 0)
            (l->kind == LABEL_SENTIMENT ? known->sentiment : known->type)[v] = lane;
    }
}

static int read_sections(struct nlp_tables *t)
{
    const struct lex_header *h = t->map;
    const char *base = t->map;
#define X(id, field, type)                                                                         \
    if (h->sections[LEX_##id].offset > t->size || h->sections[LEX_##id].offset % 8 != 0 ||         \
        h->sections[LEX_##id].count > (t->size - h->sections[LEX_##id].offset) / sizeof(type))     \
        return -VOC_E_CORRUPT;                                                                     \
    t->field = (const void *)(base + h->sections[LEX_##id].offset);                                \
    t->n_##field = h->sections[LEX_##id].count;
    LEX_SECTIONS(X)
#undef X
    if (!labels_ok(t) || !trie_ok(t) || !atoms_ok(t) || !rules_ok(t) || !params_ok(t))
        return -VOC_E_CORRUPT;
    list_lanes(t);
    return 0;
}

static int check_header(const struct nlp_tables *t)
{
    const struct lex_header *h = t->map;
    const size_t head = offsetof(struct lex_header, sections);
    if (t->size < sizeof(*h) || h->magic != LEX_MAGIC)
        return -VOC_E_CORRUPT;
    if (h->format != LEX_FORMAT)
        return -VOC_E_VERSION;
    if (h->size != t->size ||
        h->checksum != tables_checksum((const char *)t->map + head, t->size - head))
        return -VOC_E_CORRUPT;
    return 0;
}

static int map_file(struct nlp_tables *t, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    struct stat st;
    int r = fstat(fd, &st) < 0 ? -errno : 0;
    if (r == 0 &&
        (st.st_size < (off_t)sizeof(struct lex_header) || (uint64_t)st.st_size > LEX_MAX_SIZE))
        r = -VOC_E_CORRUPT;
    if (r == 0) {
        void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED) {
            r = -errno;
        } else {
            t->map = map;
            t->size = (size_t)st.st_size;
        }
    }
    close(fd);
    return r;
}

static int compile_patterns(struct nlp_tables *t)
{
    t->match = pcre2_match_context_create(NULL);
    t->compiled = calloc(t->n_patterns + 1, sizeof(*t->compiled));
    if (!t->match || !t->compiled)
        return -ENOMEM;
    pcre2_set_match_limit(t->match, MATCH_LIMIT);
    pcre2_set_depth_limit(t->match, DEPTH_LIMIT);
    for (size_t i = 0; i < t->n_patterns; i++) {
        int error;
        size_t offset;
        t->compiled[i] = tables_compile(tables_str(t, t->patterns[i].regex), &error, &offset);
        if (!t->compiled[i])
            return -VOC_E_CORRUPT;
    }
    return 0;
}

static int list_codes(struct nlp_tables *t)
{
    t->category_codes = calloc(t->n_codes + 1, sizeof(*t->category_codes));
    if (!t->category_codes)
        return -ENOMEM;
    for (size_t i = 0; i < t->n_codes; i++) {
        if (!str_ok(t, t->codes[i]))
            return -VOC_E_CORRUPT;
        t->category_codes[i] = tables_str(t, t->codes[i]);
    }
    t->n_category_codes = t->n_codes;
    return 0;
}

int nlp_tables_open(const char *path, struct nlp_tables **ret_tables)
{
    struct nlp_tables *t = calloc(1, sizeof(*t));
    if (!t)
        return -ENOMEM;
    atomic_init(&t->refs, 1);
    int r = map_file(t, path);
    if (r == 0)
        r = check_header(t);
    if (r == 0)
        r = read_sections(t);
    if (r == 0)
        r = compile_patterns(t);
    if (r == 0)
        r = list_codes(t);
    if (r < 0) {
        nlp_tables_unref(t);
        return r;
    }
    t->version = ((const struct lex_header *)t->map)->version;
    *ret_tables = t;
    return 0;
}

struct nlp_tables *nlp_tables_ref(struct nlp_tables *t)
{
    atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

void nlp_tables_unref(struct nlp_tables *t)
{
    if (!t || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; t->compiled && i < t->n_patterns; i++)
        pcre2_code_free(t->compiled[i]);
    free(t->compiled);
    pcre2_match_context_free(t->match);
    free(t->category_codes);
    if (t->map)
        munmap(t->map, t->size);
    free(t);
}

uint32_t nlp_tables_version(const struct nlp_tables *t)
{
    return t->version;
}

size_t nlp_tables_categories(const struct nlp_tables *t, const struct span **ret_codes)
{
    *ret_codes = t->category_codes;
    return t->n_category_codes;
}

size_t nlp_tables_patterns(const struct nlp_tables *t, size_t *ret_jit)
{
    size_t jit = 0;
    for (size_t i = 0; i < t->n_patterns; i++) {
        size_t code = 0;
        if (pcre2_pattern_info(t->compiled[i], PCRE2_INFO_JITSIZE, &code) == 0 && code > 0)
            jit++;
    }
    *ret_jit = jit;
    return t->n_patterns;
}
