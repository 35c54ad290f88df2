#include "tests/fuzz/nlp_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/utf8.h"
#include "daemon/core/lexicon_files.h"

#define LAYERS "tests/fuzz/lexicon/"

static void wrong(const char *what)
{
    fprintf(stderr, "fuzz: %s\n", what);
    abort();
}

const char *rig_file(unsigned which, struct span bytes)
{
    static int fds[4] = {-1, -1, -1, -1};
    static char paths[4][32];
    if (fds[which] < 0) {
        fds[which] = memfd_create("fuzz", MFD_CLOEXEC);
        snprintf(paths[which], sizeof(paths[which]), "/proc/self/fd/%d", fds[which]);
    }
    if (fds[which] < 0 || ftruncate(fds[which], 0) < 0 ||
        pwrite(fds[which], bytes.p, bytes.n, 0) != (ssize_t)bytes.n)
        wrong("no memory file");
    return paths[which];
}

void rig_lexicon(bool with_workspace, struct buf *out)
{
    static const char *const dirs[] = {LAYERS "base", LAYERS "workspace"};
    struct buf messages;
    buf_init(&messages, 0);
    if (lexicon_compile(dirs, with_workspace ? 2 : 1, out, &messages) < 0) {
        fprintf(stderr, "%.*s\n", (int)messages.n, messages.p);
        wrong("the small lexicon does not compile; run this from the top of the tree");
    }
    buf_done(&messages);
}

static struct span text_of(const struct nlp_input *in, uint16_t part)
{
    for (size_t i = 0; i < in->n_parts; i++)
        if (in->parts[i].part == part)
            return in->parts[i].text;
    wrong("no such part");
    return SPAN_NONE;
}

static void check_evidence(const struct nlp_input *in, const struct analysis *a)
{
    for (size_t i = 0; i < a->n_evidence; i++) {
        const struct evidence *e = &a->evidence[i];
        if (e->start >= e->end || e->end > text_of(in, e->part).n || e->cp_start >= e->cp_end ||
            e->cp_end > e->end || !(e->weight == e->weight))
            wrong("evidence outside its part");
    }
}

static void check(const struct nlp_input *in, const struct analysis *a)
{
    const double ends[] = {a->polarity, a->start, a->worst, a->end};
    for (size_t i = 0; i < 4; i++)
        if (!(ends[i] >= -1 && ends[i] <= 1))
            wrong("polarity outside -1 .. 1");
    if (!(a->confidence >= 0 && a->confidence <= 1))
        wrong("confidence outside 0 .. 1");
    if (a->type.n == 0 || !vocab_code(VOCAB_SENTIMENT, (int)a->sentiment))
        wrong("no type or sentiment");
    check_evidence(in, a);
    for (size_t i = 0; i < a->n_pii; i++)
        if (a->pii[i].start >= a->pii[i].end || a->pii[i].kind >= PII_COUNT ||
            a->pii[i].end > text_of(in, a->pii[i].part).n)
            wrong("personal data outside its part");
    for (size_t i = 0; i < a->n_keywords; i++)
        if (a->keywords[i].n == 0 || utf8_valid(a->keywords[i]) != a->keywords[i].n)
            wrong("a keyword that is no text");
}

/* The one of a thread that reads many texts, so that what one leaves behind shows in the next. */
static struct nlp_scratch *scratch(void)
{
    static struct nlp_scratch *s;
    if (!s && nlp_scratch_new(&s) < 0)
        wrong("no scratch");
    return s;
}

static bool same(const struct analysis *a, const struct analysis *b)
{
    bool ok = a->sentiment == b->sentiment && a->polarity == b->polarity &&
              a->confidence == b->confidence && a->worst == b->worst && a->lang == b->lang &&
              span_eq(a->type, b->type) && a->n_categories == b->n_categories &&
              a->n_signals == b->n_signals && a->n_pii == b->n_pii;
    for (size_t i = 0; ok && i < a->n_categories; i++)
        ok = span_eq(a->categories[i].code, b->categories[i].code) &&
             a->categories[i].polarity == b->categories[i].polarity;
    for (size_t i = 0; ok && i < a->n_pii; i++)
        ok = memcmp(&a->pii[i], &b->pii[i], sizeof(a->pii[i])) == 0;
    return ok;
}

void rig_analyze(const struct nlp_tables *t, const struct nlp_input *in)
{
    static struct arena arena;
    struct analysis bare, full;
    if (!arena.max)
        arena_init(&arena, (size_t)64 << 20);
    arena_reset(&arena);
    if (nlp_analyze(t, scratch(), in, 0, &arena, &bare) < 0 ||
        nlp_analyze(t, scratch(), in, NLP_ALL, &arena, &full) < 0)
        wrong("no analysis");
    check(in, &bare);
    check(in, &full);
    if (bare.n_evidence || bare.n_keywords || !same(&bare, &full))
        wrong("evidence changes the analysis");
}

void rig_read(const struct nlp_tables *t, const char *text)
{
    const struct nlp_part part = {span_str(text), PART_TEXT, BY_CUSTOMER};
    rig_analyze(t, &(struct nlp_input){&part, 1, LANG_NONE, KIND_TICKET});
}
