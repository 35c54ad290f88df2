/* Word lists: one or several words (", " between them), a TAB, what they are.
 *
 *   polarity*.tsv, emoji.tsv   words  weight  [flags]
 *   intensity.tsv              words  factor
 *   model.tsv                  name   number
 *   labels.tsv                 n-gram or \=feature  lane:weight…  (the same)
 *   ngrams.tsv                 n-gram weight   (written by the trainer, lexicons/build/README.md)
 *   all others                 words  kind    [flags]
 * Flags are letters of enum nlp_word_flag; `-` in a later layer removes a word. A line that begins
 * with "# " or is empty is a comment. */
#include <stdio.h>

#include "base/err.h"
#include "base/utf8.h"
#include "daemon/core/lexicon_layer.h"

enum { MAX_COLUMNS = 4 };

struct line {
    struct span column[MAX_COLUMNS];
    size_t n;
    struct nlp_at at;
};

static bool next_line(struct span *rest, struct line *out)
{
    if (rest->n == 0)
        return false;
    size_t end = span_find_char(*rest, '\n');
    struct span text = span_of(rest->p, end);
    *rest = end < rest->n ? span_of(rest->p + end + 1, rest->n - end - 1) : SPAN_NONE;
    if (text.n && text.p[text.n - 1] == '\r')
        text.n--;
    out->n = 0;
    while (out->n < MAX_COLUMNS) {
        size_t tab = span_find_char(text, '\t');
        out->column[out->n++] = span_of(text.p, tab);
        if (tab == text.n)
            break;
        text = span_of(text.p + tab + 1, text.n - tab - 1);
    }
    out->at.line++;
    out->at.column = 1;
    return true;
}

static bool is_comment(const struct line *l)
{
    struct span s = l->column[0];
    return (s.n == 0 && l->n == 1) || span_starts(s, SPAN_LIT("# ")) || span_is(s, "#");
}

static struct nlp_at column_at(const struct line *line, size_t column)
{
    struct nlp_at at = line->at;
    for (size_t i = 0; i < column; i++)
        at.column += (uint32_t)utf8_count(line->column[i]) + 1;
    return at;
}

static int kind_find(struct span code)
{
    static const char *const codes[] = {
#define X(id, text) text,
        NLP_WORDS(X)
#undef X
    };
    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        if (span_is(code, codes[i]))
            return (int)i;
    return -1;
}

/* False with a problem told when a letter means nothing. */
static bool read_flags(struct lexicon_load *l, const struct line *line, size_t column,
                       struct nlp_word *w, bool *ret_remove)
{
    static const char letters[] = "fnxct";
    *ret_remove = false;
    if (column >= line->n)
        return true;
    struct span s = span_trim(line->column[column]);
    for (size_t i = 0; i < s.n; i++) {
        const char *p = s.p[i] ? strchr(letters, s.p[i]) : NULL;
        if (s.p[i] == '-')
            *ret_remove = true;
        else if (p)
            w->flags |= 1U << (p - letters);
        else {
            struct nlp_at at = column_at(line, column);
            lexicon_problem(l, &at, "'%c' is no flag; there are f n x c t and -", s.p[i]);
            return false;
        }
    }
    return true;
}

static void add_word(struct lexicon_load *l, struct nlp_word *w, bool remove)
{
    char key[320];
    int n =
        snprintf(key, sizeof(key), "w:%d:%d:%.*s", (int)w->lang, (int)w->kind, SPAN_FMT(w->text));
    if (n < 0 || (size_t)n >= sizeof(key)) {
        lexicon_problem(l, &w->at, "is too long");
        return;
    }
    if (lexicon_is_new(l, span_of(key, (size_t)n), &w->at) && !remove)
        l->error = nlp_build_word(l->build, w) ?: l->error;
}

/* All words of a line. */
static void add_words(struct lexicon_load *l, const struct line *line, struct nlp_word w,
                      bool remove)
{
    struct span rest = line->column[0];
    w.at = line->at;
    while (rest.p && l->error == 0) {
        size_t cut = span_find(rest, SPAN_LIT(", "));
        struct span word = span_of(rest.p, cut == SIZE_MAX ? rest.n : cut);
        w.text = span_trim(word);
        if (w.text.n == 0)
            lexicon_problem(l, &w.at, "there is no word here");
        else
            add_word(l, &w, remove);
        if (cut == SIZE_MAX)
            break;
        w.at.column += (uint32_t)utf8_count(word) + 2;
        rest = span_of(rest.p + cut + 2, rest.n - cut - 2);
    }
}

static void read_weighted(struct lexicon_load *l, const struct lexicon_file *f,
                          const struct line *line, enum nlp_word_kind kind)
{
    struct nlp_word w = {.kind = kind, .lang = f->lang};
    bool remove;
    struct nlp_at at = column_at(line, 1);
    if (line->n < 2 || span_to_f64(span_trim(line->column[1]), &w.weight) < 0 || w.weight < -3 ||
        w.weight > 3) {
        lexicon_problem(l, &at, "a number from -3 to 3 is missing after a TAB");
        return;
    }
    if (read_flags(l, line, 2, &w, &remove))
        add_words(l, line, w, remove);
}

static void read_kinded(struct lexicon_load *l, const struct lexicon_file *f,
                        const struct line *line)
{
    int kind = line->n > 1 ? kind_find(span_trim(line->column[1])) : -1;
    bool remove;
    struct nlp_word w = {.kind = (enum nlp_word_kind)kind, .lang = f->lang, .weight = 1.0};
    struct nlp_at at = column_at(line, 1);
    if (kind < 0) {
        lexicon_problem(l, &at, "the kind of word is missing after a TAB, or there is none such");
        return;
    }
    if (read_flags(l, line, 2, &w, &remove))
        add_words(l, line, w, remove);
}

static void read_param(struct lexicon_load *l, const struct lexicon_file *f,
                       const struct line *line)
{
    double value;
    char key[96];
    if (line->n < 2 || span_to_f64(span_trim(line->column[1]), &value) < 0) {
        lexicon_problem(l, &line->at, "a number is missing after a TAB");
        return;
    }
    int n = snprintf(key, sizeof(key), "p:%d:%.*s", (int)f->lang, SPAN_FMT(line->column[0]));
    if (n < 0 || (size_t)n >= sizeof(key))
        n = 0;
    if (!lexicon_is_new(l, span_of(key, (size_t)n), &line->at))
        return;
    int r = nlp_build_param(l->build, f->lang, line->column[0], value);
    if (r < 0)
        lexicon_problem(l, &line->at,
                        r == -ERANGE ? "this number is out of bounds"
                                     : "the model has no number of this name");
}

/* `\s \^ \$ \\ \#` of the trainer's file; false for any other escape. */
static bool unescape(struct span s, char out[], size_t *ret_n)
{
    static const char from[] = "s^$\\#";
    static const char to[] = " \x02\x03\\#";
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '\\') {
            out[n++] = s.p[i];
            continue;
        }
        const char *p = ++i < s.n && s.p[i] ? strchr(from, s.p[i]) : NULL;
        if (!p)
            return false;
        out[n++] = to[p - from];
    }
    *ret_n = n;
    return true;
}

static void read_header(struct lexicon_load *l, const struct lexicon_file *f, struct span text)
{
    static const char *const params[][2] = {{"slope", "ngram_slope"},
                                            {"bias", "ngram_bias"},
                                            {"damp", "ngram_damp"},
                                            {"words", "ngram_words"},
                                            {"odds", "label_odds"}};
    size_t colon = span_find_char(text, ':');
    if (text.n < 2 || colon == text.n)
        return;
    struct span key = span_trim(span_of(text.p + 1, colon - 1));
    struct span value = span_trim(span_of(text.p + colon + 1, text.n - colon - 1));
    double number;
    for (size_t i = 0; i < ARRAY_LEN(params); i++)
        if (span_is(key, params[i][0]) && span_to_f64(value, &number) == 0)
            nlp_build_param(l->build, f->lang, span_str(params[i][1]), number);
}

static void read_ngram(struct lexicon_load *l, const struct lexicon_file *f,
                       const struct line *line)
{
    char text[512];
    size_t n;
    int64_t weight;
    struct span s = line->column[0];
    if (s.n && s.p[0] == '#') {
        read_header(l, f, s);
        return;
    }
    if (line->n != 2 || s.n >= sizeof(text) || !unescape(s, text, &n) ||
        span_to_i64(line->column[1], &weight) < 0 || weight < -127 || weight > 127) {
        lexicon_problem(l, &line->at, "not an n-gram, a TAB and a weight from -127 to 127");
        return;
    }
    int r = nlp_build_ngram(l->build, f->lang, span_of(text, n), (int)weight);
    if (r == -EINVAL)
        lexicon_problem(l, &line->at, "not an n-gram");
    else
        l->error = r < 0 ? r : l->error;
}

/* `# label: LANE kind:code SCALE BIAS THRESHOLD` */
static bool read_label_header(struct lexicon_load *l, const struct lexicon_file *f,
                              struct span text)
{
    char copy[160], name[64];
    unsigned lane;
    struct nlp_label label;
    if (!span_starts(text, SPAN_LIT("# label: ")) || text.n >= sizeof(copy))
        return !span_starts(text, SPAN_LIT("# label: "));
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    if (sscanf(copy, "# label: %u %63s %lf %lf %lf", &lane, name, &label.scale, &label.bias,
               &label.threshold) != 5)
        return false;
    label.name = span_str(name);
    return nlp_build_label(l->build, f->lang, lane, &label) == 0;
}

/* One LANE:WEIGHT of a row: of an n-gram, or of a feature where the row begins with `\=`. */
static bool add_weight(struct lexicon_load *l, const struct lexicon_file *f, bool feature,
                       struct span row, struct span cell)
{
    const size_t colon = span_find_char(cell, ':');
    int64_t lane, weight;
    if (colon == cell.n || span_to_i64(span_of(cell.p, colon), &lane) < 0 || lane < 0 ||
        span_to_i64(span_of(cell.p + colon + 1, cell.n - colon - 1), &weight) < 0 ||
        weight < INT16_MIN || weight > INT16_MAX)
        return false;
    int (*add)(struct nlp_build *, enum lang, struct span, unsigned, int) =
        feature ? nlp_build_label_feature : nlp_build_label_weight;
    int r = add(l->build, f->lang, row, (unsigned)lane, (int)weight);
    l->error = r == -ENOMEM ? r : l->error;
    return r == 0;
}

static void read_label(struct lexicon_load *l, const struct lexicon_file *f,
                       const struct line *line)
{
    char text[512];
    size_t n = 0;
    struct span s = line->column[0], cells = line->n == 2 ? line->column[1] : SPAN_NONE;
    if (s.n && s.p[0] == '#') {
        read_header(l, f, s);
        if (!read_label_header(l, f, s))
            lexicon_problem(l, &line->at, "not `# label: LANE kind:code SCALE BIAS THRESHOLD`");
        return;
    }
    const struct span sign = SPAN_LIT("\\=");
    const bool feature = span_starts(s, sign);
    bool ok = cells.n && s.n < sizeof(text) && (feature || unescape(s, text, &n));
    const struct span row = feature ? span_of(s.p + sign.n, s.n - sign.n) : span_of(text, n);
    while (ok && cells.n) {
        size_t end = span_find_char(cells, ' ');
        ok = add_weight(l, f, feature, row, span_of(cells.p, end));
        end += end < cells.n;
        cells = span_of(cells.p + end, cells.n - end);
    }
    if (!ok)
        lexicon_problem(l, &line->at, "not an n-gram, a TAB and LANE:WEIGHT parted by spaces");
}

static void read_word_line(struct lexicon_load *l, const struct lexicon_file *f,
                           const struct line *line)
{
    if (is_comment(line))
        return;
    if (span_is(f->stem, "model"))
        read_param(l, f, line);
    else if (span_starts(f->stem, SPAN_LIT("polarity")) || span_is(f->stem, "emoji"))
        read_weighted(l, f, line, WORD_POLARITY);
    else if (span_is(f->stem, "intensity"))
        read_weighted(l, f, line, WORD_INTENSITY);
    else
        read_kinded(l, f, line);
}

void lexicon_read_tsv(struct lexicon_load *l, const struct lexicon_file *f)
{
    struct span rest = f->source->text;
    struct line line = {.at = {f->name, 0, 1}};
    bool grams = span_is(f->stem, "ngrams"), labels = span_is(f->stem, "labels");
    if (utf8_valid(rest) < rest.n) {
        lexicon_problem(l, &(struct nlp_at){f->name, 1, 1}, "not UTF-8");
        return;
    }
    if (grams || labels) {
        char key[32];
        int n = snprintf(key, sizeof(key), "%c:%d", grams ? 'g' : 'l', (int)f->lang);
        if (lexicon_is_replaced(l, span_of(key, (size_t)n)))
            return;
        lexicon_is_new(l, span_of(key, (size_t)n), &(struct nlp_at){f->name, 1, 1});
    }
    while (l->error == 0 && next_line(&rest, &line)) {
        if (grams)
            read_ngram(l, f, &line);
        else if (labels)
            read_label(l, f, &line);
        else
            read_word_line(l, f, &line);
    }
}
