/* A small lexicon for tests of nlp/: built through nlp_build.h, written to a file, opened. */
#ifndef VOC_TESTS_NLP_FIXTURE_H
#define VOC_TESTS_NLP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "nlp/nlp.h"
#include "nlp/nlp_build.h"

#define FIXTURE_MAX_REPORTS 8

struct fixture {
    struct nlp_build *build;
    struct nlp_tables *tables;
    struct nlp_scratch *scratch;
    struct arena arena;
    size_t n_reports;
    struct {
        uint32_t line, column;
        char message[200];
    } reports[FIXTURE_MAX_REPORTS];
};

static inline void fixture_report(void *ctx, const struct nlp_at *at, const char *message)
{
    struct fixture *f = ctx;
    if (f->n_reports < FIXTURE_MAX_REPORTS) {
        f->reports[f->n_reports].line = at->line;
        f->reports[f->n_reports].column = at->column;
        snprintf(f->reports[f->n_reports].message, sizeof(f->reports[0].message), "%s", message);
    }
    f->n_reports++;
}

static inline void fixture_new(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    arena_init(&f->arena, 0);
    assert_int_equal(nlp_build_new(fixture_report, f, &f->build), 0);
}

static inline void fixture_word(struct fixture *f, enum nlp_word_kind kind, const char *text,
                                double weight, unsigned flags)
{
    struct nlp_word w = {.text = span_str(text),
                         .kind = kind,
                         .lang = LANG_KO,
                         .weight = weight,
                         .flags = flags,
                         .at = {"words.tsv", 1, 1}};
    assert_int_equal(nlp_build_word(f->build, &w), 0);
}

#define FIXTURE_TERMS 6
struct fixture_rule {
    enum nlp_rule_kind kind;
    const char *code;
    const char *any[FIXTURE_TERMS], *require[FIXTURE_TERMS], *exclude[FIXTURE_TERMS];
    const char *pattern;
    double threshold;
    bool whole_text;
    enum lang lang;
};

static inline size_t fixture_terms(const char *const *texts, struct nlp_term *out)
{
    size_t n = 0;
    for (; n < FIXTURE_TERMS && texts[n]; n++)
        out[n] = (struct nlp_term){
            .text = span_str(texts[n]), .weight = 1.0, .at = {"rules.yaml", 10 + (uint32_t)n, 5}};
    return n;
}

static inline void fixture_rule(struct fixture *f, const struct fixture_rule *r)
{
    struct nlp_term any[FIXTURE_TERMS + 1], require[FIXTURE_TERMS], exclude[FIXTURE_TERMS];
    struct nlp_rule rule = {.kind = r->kind,
                            .lang = r->lang ? r->lang : LANG_KO,
                            .code = span_str(r->code),
                            .threshold = r->threshold,
                            .whole_text = r->whole_text,
                            .any = any,
                            .require = require,
                            .exclude = exclude,
                            .at = {"rules.yaml", 9, 3}};
    rule.n_any = fixture_terms(r->any, any);
    rule.n_require = fixture_terms(r->require, require);
    rule.n_exclude = fixture_terms(r->exclude, exclude);
    if (r->pattern)
        any[rule.n_any++] = (struct nlp_term){.text = span_str(r->pattern),
                                              .is_pattern = true,
                                              .weight = 1.0,
                                              .at = {"rules.yaml", 40, 7}};
    assert_int_equal(nlp_build_rule(f->build, &rule), 0);
}

/* Writes the tables to a temporary file, whose name is left in `path`. */
static inline void fixture_write(struct fixture *f, char path[64])
{
    struct buf out;
    buf_init(&out, 0);
    assert_int_equal(nlp_build_finish(f->build, &out), 0);
    strcpy(path, "/tmp/vocd-nlp-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, out.p, out.n), (ssize_t)out.n);
    close(fd);
    buf_done(&out);
}

static inline void fixture_open(struct fixture *f)
{
    char path[64];
    fixture_write(f, path);
    int r = nlp_tables_open(path, &f->tables);
    unlink(path);
    assert_int_equal(r, 0);
    assert_int_equal(nlp_scratch_new(&f->scratch), 0);
}

static inline void fixture_done(struct fixture *f)
{
    nlp_build_free(f->build);
    nlp_scratch_free(f->scratch);
    nlp_tables_unref(f->tables);
    arena_done(&f->arena);
}

static inline struct analysis fixture_run(struct fixture *f, struct span text)
{
    struct nlp_part part = {text, PART_TEXT, BY_CUSTOMER};
    struct nlp_input in = {&part, 1, LANG_NONE, KIND_TICKET};
    struct analysis a;
    arena_reset(&f->arena);
    assert_int_equal(nlp_analyze(f->tables, f->scratch, &in, NLP_ALL, &f->arena, &a), 0);
    return a;
}

static inline struct analysis fixture_text(struct fixture *f, const char *text)
{
    return fixture_run(f, span_str(text));
}

/* A lexicon of a dozen words that shows each rule of the model once. */
static inline void fixture_basic(struct fixture *f)
{
    fixture_new(f);
    fixture_word(f, WORD_POLARITY, "*~좋다", 1.3, 0);
    fixture_word(f, WORD_POLARITY, "~친절하다", 1.4, 0);
    fixture_word(f, WORD_POLARITY, "불친절", -1.7, NLP_FAILURE);
    fixture_word(f, WORD_POLARITY, "~빠르다", 1.0, 0);
    fixture_word(f, WORD_POLARITY, "~나쁘다", -1.3, 0);
    fixture_word(f, WORD_POLARITY, "고장", -1.3, NLP_FAILURE | NLP_NOUN);
    fixture_word(f, WORD_POLARITY, "하자", -1.3, NLP_FAILURE | NLP_NOUN);
    fixture_word(f, WORD_POLARITY, "~늦다", -1.2, NLP_FAILURE);
    fixture_word(f, WORD_POLARITY, "감사합니다", 0.4, NLP_COURTESY);
    fixture_word(f, WORD_NEG_PRE, "|안", 1, 0);
    fixture_word(f, WORD_NEG_POST, "지 않", 1, 0);
    fixture_word(f, WORD_NEG_POST, "하지 않", 1, 0);
    fixture_word(f, WORD_NEG_LACK, "~없다", 1, 0);
    fixture_word(f, WORD_MASK, "안내", 1, 0);
    fixture_word(f, WORD_INTENSITY, "너무", 1.5, 0);
    fixture_word(f, WORD_CONTRAST, "는데", 1, 0);
    fixture_word(f, WORD_CONTRAST, "은데", 1, 0);
    fixture_word(f, WORD_CONTRAST, "지만", 1, 0);
    fixture_word(f, WORD_COND, "*면|", 1, 0);
    fixture_word(f, WORD_QUESTION, "?", 1, 0);
    fixture_word(f, WORD_QUESTION, "나요|", 1, 0);
    fixture_word(f, WORD_REQUEST, "주세요", 1, 0);
    fixture_word(f, WORD_WHY, "왜 이렇게", 1, 0);
    fixture_word(f, WORD_JOSA, "이", 1, 0);
    fixture_word(f, WORD_JOSA, "에서", 1, 0);
    fixture_word(f, WORD_JOSA, "은", 1, 0);
    fixture_word(f, WORD_ENDING, "네요", 1, 0);
}

#endif
