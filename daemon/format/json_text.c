#include "daemon/format/json_text.h"

#include "base/err.h"

static const struct json_meaning {
    enum json_error_code theirs;
    enum reject_code ours;
    const char *what;
} meanings[] = {
    {json_error_invalid_utf8, REJECT_INVALID_UTF8, "not valid UTF-8"},
    {json_error_null_character, REJECT_NUL_BYTE, "a NUL"},
    {json_error_null_byte_in_key, REJECT_NUL_BYTE, "a NUL in a name"},
    {json_error_duplicate_key, REJECT_DUPLICATE_FIELD, "an object has the same name twice"},
    {json_error_premature_end_of_input, REJECT_MALFORMED_JSON, "the text ends too early"},
    {json_error_end_of_input_expected, REJECT_MALFORMED_JSON, "more text after the value"},
    {json_error_stack_overflow, REJECT_MALFORMED_JSON, "nested too deeply"},
    {json_error_numeric_overflow, REJECT_MALFORMED_JSON, "a number is too large"},
};

static int describe(const json_error_t *err, struct json_problem *problem)
{
    enum json_error_code code = json_error_code(err);

    if (code == json_error_out_of_memory)
        return -ENOMEM;
    *problem = (struct json_problem){REJECT_MALFORMED_JSON, "not JSON here", (size_t)err->line,
                                     (size_t)err->column};
    for (size_t i = 0; i < ARRAY_LEN(meanings); i++) {
        if (meanings[i].theirs == code) {
            problem->code = meanings[i].ours;
            problem->what = meanings[i].what;
        }
    }
    return -EINVAL;
}

/* NULs inside strings are let through so that the refusal can name the field. */
enum { FLAGS = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL };

int json_text_parse(struct span text, json_t **ret, struct json_problem *problem)
{
    json_error_t err;
    json_t *v = json_loadb(text.p ? text.p : "", text.n, FLAGS, &err);

    if (!v)
        return describe(&err, problem);
    *ret = v;
    return 0;
}

/* --- items --- */

static void step(struct json_items *it)
{
    unsigned char c = (unsigned char)it->text.p[it->at++];

    if (c == '\n') {
        it->line++;
        it->column = 1;
    } else if ((c & 0xC0) != 0x80) {
        it->column++;
    }
}

static int peek(struct json_items *it)
{
    while (it->at < it->text.n && strchr(" \t\r\n", it->text.p[it->at]) && it->text.p[it->at])
        step(it);
    return it->at < it->text.n ? (unsigned char)it->text.p[it->at] : -1;
}

static int fail(const struct json_items *it, const char *what, struct json_problem *problem)
{
    *problem = (struct json_problem){REJECT_MALFORMED_JSON, what, it->line, it->column};
    return -EINVAL;
}

int json_items_begin(struct json_items *it, struct span text, struct json_problem *problem)
{
    int c;

    if (span_starts(text, SPAN_LIT("\xEF\xBB\xBF")))
        text = span_of(text.p + 3, text.n - 3);
    *it = (struct json_items){.text = text, .line = 1, .column = 1};
    c = peek(it);
    if (c < 0)
        return fail(it, "the body is empty", problem);
    it->is_array = c == '[';
    if (it->is_array)
        step(it);
    return 0;
}

/* Moves over the comma or the end after an item; gives 1 when another item must follow. */
static int between(struct json_items *it, struct json_problem *problem)
{
    int c = peek(it);

    if (it->is_array && c == ',' && it->n > 0) {
        step(it);
        c = peek(it);
        return c == ']' ? fail(it, "a value is missing after the comma", problem) : 1;
    }
    if (it->is_array && c == ']')
        step(it);
    else if (it->is_array && it->n > 0)
        return fail(it, c < 0 ? "the text ends too early" : "a comma or ] is missing", problem);
    else if (it->n == 0)
        return 1;
    it->ended = true;
    return peek(it) < 0 ? 0 : fail(it, "more text after the value", problem);
}

int json_items_next(struct json_items *it, json_t **ret, struct json_problem *problem)
{
    json_error_t err;
    json_t *v;
    int rc = it->ended ? 0 : between(it, problem);

    if (rc <= 0)
        return rc;
    v = json_loadb(it->text.p + it->at, it->text.n - it->at, FLAGS | JSON_DISABLE_EOF_CHECK, &err);
    if (!v) {
        rc = describe(&err, problem);
        if (rc == -EINVAL) {
            problem->column += problem->line == 1 ? it->column - 1 : 0;
            problem->line += it->line - 1;
        }
        return rc;
    }
    for (size_t end = it->at + (size_t)err.position; it->at < end;)
        step(it);
    it->n++;
    *ret = v;
    return 1;
}
