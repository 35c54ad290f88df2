#include <errno.h>

#include "nlp/scratch.h"

static bool is_stop(uint32_t cp)
{
    return cp == '.' || cp == '!' || cp == '?' || cp == 0x3002 || cp == 0x2026;
}

/* Whether a sentence ends after the stop at i. A dot inside 3.5 or example.com ends none; one
 * between two Korean words does. */
static bool stops_here(const struct norm *nm, size_t i)
{
    uint8_t next = nm->cls[i + 1], before = i ? nm->cls[i - 1] : CLASS_MARK;
    if (is_stop(nm->cp[i + 1]))
        return false;
    if (next <= CLASS_NEWLINE)
        return true;
    if (nm->cp[i] == '.')
        return before == CLASS_HANGUL && next == CLASS_HANGUL;
    return next != CLASS_PUNCT;
}

static int add_sentence(struct nlp_scratch *s, size_t begin, size_t end)
{
    while (begin < end && s->norm.cp[begin] == ' ')
        begin++;
    if (begin == end)
        return 0;
    if (VEC_RESERVE(s->sentences, 1) < 0)
        return -ENOMEM;
    s->sentences.at[s->sentences.n++] =
        (struct sentence){.begin = (uint32_t)begin, .end = (uint32_t)end};
    return 0;
}

int segment_sentences(struct nlp_scratch *s, const struct part_range *part)
{
    const struct norm *nm = &s->norm;
    const size_t most = NLP_MAX_SENTENCE + LEX_MAX_KEY;
    size_t begin = part->begin;
    int r = 0;
    for (size_t i = begin; r == 0 && i < part->end; i++) {
        const size_t last = part->end - begin > most ? begin + most : part->end;
        i = norm_next_gap(nm, i, last);
        if (i == part->end)
            break;
        const size_t length = i - begin;
        bool ends = nm->cls[i] == CLASS_NEWLINE || (is_stop(nm->cp[i]) && stops_here(nm, i));
        bool cut = (length >= NLP_MAX_SENTENCE && nm->cls[i] == CLASS_SPACE) || length >= most;
        if (!ends && !cut)
            continue;
        r = add_sentence(s, begin, i + 1);
        begin = i + 1;
    }
    return r < 0 ? r : add_sentence(s, begin, part->end);
}

/* A Korean clause that ends like a sentence, with or without a full stop: …요 …니다 …까. */
static bool soft_end(const struct norm *nm, size_t space, size_t begin)
{
    if (space < begin + 3 || nm->cls[space - 2] != CLASS_HANGUL)
        return false;
    uint32_t last = nm->cp[space - 1], before = nm->cp[space - 2];
    if (last == 0xC694 /* 요 */)
        return true;
    return before == 0xB2C8 /* 니 */ && (last == 0xB2E4 /* 다 */ || last == 0xAE4C /* 까 */);
}

static int add_clause(struct nlp_scratch *s, uint32_t sentence, size_t begin, size_t end,
                      bool contrast)
{
    if (begin >= end)
        return 0;
    if (VEC_RESERVE(s->clauses, 1) < 0)
        return -ENOMEM;
    s->clauses.at[s->clauses.n++] = (struct clause){
        .begin = (uint32_t)begin, .end = (uint32_t)end, .sentence = sentence, .contrast = contrast};
    return 0;
}

/* The end of the word at `pos`. */
static size_t word_end(const struct norm *nm, size_t pos, size_t end)
{
    while (pos < end && class_is_word(nm->cls[pos]))
        pos++;
    return pos;
}

/* Where the next clause begins because of hit `h`, or 0. */
static size_t hit_cut(const struct norm *nm, const struct hit *h, size_t end, bool *ret_contrast)
{
    const uint32_t kind = h->kind;
    *ret_contrast = true;
    if (kind == WORD_TURN)
        return h->start;
    if (kind == WORD_CONTRAST && word_end(nm, h->end, end) <= h->end + 1U)
        return word_end(nm, h->end, end);
    return 0;
}

static int split_sentence(struct nlp_scratch *s, uint32_t index)
{
    const struct sentence *sent = &s->sentences.at[index];
    const struct norm *nm = &s->norm;
    size_t begin = sent->begin, k = sent->first_hit;
    int r = 0;
    for (size_t i = sent->begin; r == 0 && i < sent->end; i++) {
        size_t hit = k < sent->end_hit ? s->hits.at[k].start : sent->end;
        if (hit > i)
            i = norm_next_gap(nm, i, hit);
        if (i == sent->end)
            break;
        bool contrast = false;
        size_t cut = nm->cp[i] == ' ' && s->lang == LANG_KO && soft_end(nm, i, begin) ? i : 0;
        for (; k < sent->end_hit && s->hits.at[k].start <= i; k++) {
            bool c;
            size_t at = hit_cut(nm, &s->hits.at[k], sent->end, &c);
            if (at > begin) {
                cut = at;
                contrast = c;
            }
        }
        if (cut > begin && cut < sent->end) {
            r = add_clause(s, index, begin, cut, contrast);
            begin = cut;
        }
    }
    return r < 0 ? r : add_clause(s, index, begin, sent->end, false);
}

/* Hits are in the order of their starts, so both kinds of ranges take them in one sweep. */
static void share_hits(struct nlp_scratch *s)
{
    size_t k = 0;
    for (size_t i = 0; i < s->clauses.n; i++) {
        struct clause *c = &s->clauses.at[i];
        while (k < s->hits.n && s->hits.at[k].start < c->begin)
            k++;
        c->first_hit = (uint32_t)k;
        while (k < s->hits.n && s->hits.at[k].start < c->end)
            k++;
        c->end_hit = (uint32_t)k;
    }
}

int segment_clauses(struct nlp_scratch *s)
{
    size_t k = 0;
    int r = 0;
    s->clauses.n = 0;
    for (size_t i = 0; r == 0 && i < s->sentences.n; i++) {
        struct sentence *sent = &s->sentences.at[i];
        while (k < s->hits.n && s->hits.at[k].start < sent->begin)
            k++;
        sent->first_hit = (uint32_t)k;
        while (k < s->hits.n && s->hits.at[k].start < sent->end)
            k++;
        sent->end_hit = (uint32_t)k;
        r = split_sentence(s, (uint32_t)i);
    }
    if (r == 0)
        share_hits(s);
    return r;
}

size_t segment_clause_at(const struct nlp_scratch *s, uint32_t pos)
{
    size_t lo = 0, hi = s->clauses.n;
    while (hi - lo > 1) {
        size_t mid = (lo + hi) / 2;
        if (s->clauses.at[mid].begin <= pos)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}
