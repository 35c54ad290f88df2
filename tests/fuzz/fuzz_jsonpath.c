/* fuzz_jsonpath: a line with a path, a line with a condition, then a JSON value. Whatever is no
 * path finds nothing and names a column; what a path finds must be what it says: [*] after a path
 * finds the children of all that the path alone finds. */
#include "daemon/format/expr.h"
#include "daemon/format/jsonpath.h"

#include <stdlib.h>

#include "base/buf.h"

enum { INPUT_SIZE = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool held)
{
    if (!held)
        abort();
}

static struct span line(struct span *rest)
{
    size_t end = span_find_char(*rest, '\n');
    struct span first = span_of(rest->p, end);
    end += end < rest->n;
    *rest = span_of(rest->p + end, rest->n - end);
    return first;
}

static json_t *children(const json_t *found)
{
    json_t *all = json_array();
    for (size_t i = 0; i < json_array_size(found); i++) {
        json_t *v = json_array_get(found, i);
        for (size_t k = 0; k < json_array_size(v); k++)
            json_array_append(all, json_array_get(v, k));
        for (void *it = json_object_iter(v); it; it = json_object_iter_next(v, it))
            json_array_append(all, json_object_iter_value(it));
    }
    return all;
}

static void try_children(json_t *root, struct span path, const json_t *found)
{
    struct buf longer;
    size_t column = 0;
    buf_init(&longer, 0);
    buf_add(&longer, path);
    buf_str(&longer, "[*]");
    if (jsonpath_check(buf_span(&longer), &column) == 0) { /* else it has too many steps */
        json_t *got = jsonpath_all(root, buf_span(&longer)), *wanted = children(found);
        must(json_equal(got, wanted));
        must(jsonpath_is_list(buf_span(&longer)));
        must(jsonpath_get(root, buf_span(&longer)) == NULL);
        json_decref(got);
        json_decref(wanted);
    }
    buf_done(&longer);
}

static void try_path(json_t *root, struct span path)
{
    size_t column = 0;
    int rc = jsonpath_check(path, &column);
    json_t *one = jsonpath_get(root, path), *all = jsonpath_all(root, path);
    if (rc < 0) {
        must(column >= 1 && column <= path.n + 1 && !one && !all);
        must(!jsonpath_is_list(path) && !jsonpath_is_empty(root, path));
        return;
    }
    must(all != NULL);
    if (jsonpath_is_list(path))
        must(!one);
    else
        must(one ? json_array_size(all) == 1 && json_array_get(all, 0) == one
                 : json_array_size(all) == 0);
    jsonpath_is_empty(root, path);
    try_children(root, path, all);
    json_decref(all);
}

/* A condition and its contrary never both hold. */
static void try_condition(json_t *root, struct span text)
{
    struct arena a;
    struct expr *e = NULL, *contrary = NULL;
    size_t column = 0;
    const char *why = NULL;
    arena_init(&a, 0);
    int rc = expr_read(text, &a, &e, &column, &why);
    must(rc == 0 || (column >= 1 && column <= text.n + 1 && why));
    if (rc == 0) {
        struct span turned = arena_printf(&a, "not (%.*s)", SPAN_FMT(text));
        /* Refused only past a depth, or where a text's NUL ends what is printed. */
        if (expr_read(turned, &a, &contrary, &column, &why) == 0 &&
            span_find_char(text, 0) == text.n)
            must(expr_test(e, root) != expr_test(contrary, root));
    }
    arena_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct span rest = span_of((const char *)data, n);
    if (n == 0 || n > INPUT_SIZE)
        return 0;
    struct span path = line(&rest), condition = line(&rest);
    json_t *root = json_loadb(rest.p, rest.n, JSON_DECODE_ANY, NULL);
    try_path(root, path);
    try_condition(root, condition);
    json_decref(root);
    return 0;
}
