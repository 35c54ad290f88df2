#include "daemon/format/jsonpath.h"

#include "base/err.h"

struct step {
    enum { STEP_NAME, STEP_INDEX, STEP_EACH } kind;
    struct span name;
    size_t index;
};

/* Parses the step at *at. 0, or -EINVAL with *at where it went wrong. */
static int bracket_step(struct span path, size_t *at, struct step *ret)
{
    struct span in = span_of(path.p + *at + 1, path.n - *at - 1);
    int64_t index;
    size_t end;

    if (span_starts(in, SPAN_LIT("*]"))) {
        *ret = (struct step){.kind = STEP_EACH};
        *at += 3;
        return 0;
    }
    if (in.n && (in.p[0] == '"' || in.p[0] == '\'')) {
        struct span name = span_of(in.p + 1, in.n - 1);
        end = span_find_char(name, in.p[0]);
        if (end + 1 >= name.n || name.p[end + 1] != ']')
            return -EINVAL;
        *ret = (struct step){.kind = STEP_NAME, .name = span_of(name.p, end)};
        *at += end + 4;
        return 0;
    }
    end = span_find_char(in, ']');
    if (end == in.n || span_to_i64(span_of(in.p, end), &index) < 0 || index < 0)
        return -EINVAL;
    *ret = (struct step){.kind = STEP_INDEX, .index = (size_t)index};
    *at += end + 2;
    return 0;
}

static int next_step(struct span path, size_t *at, struct step *ret)
{
    size_t end;

    if (path.p[*at] == '[')
        return bracket_step(path, at, ret);
    if (path.p[*at] != '.')
        return -EINVAL;
    end = *at + 1;
    while (end < path.n && path.p[end] != '.' && path.p[end] != '[')
        end++;
    if (end == *at + 1)
        return -EINVAL;
    *ret = (struct step){.kind = STEP_NAME, .name = span_of(path.p + *at + 1, end - *at - 1)};
    *at = end;
    return 0;
}

struct steps {
    struct step step[JSONPATH_MAX_STEPS];
    size_t n;
};

static int parse(struct span path, struct steps *ret, size_t *ret_column)
{
    size_t at = 1;

    ret->n = 0;
    *ret_column = 1;
    if (path.n == 0 || path.p[0] != '$')
        return -EINVAL;
    while (at < path.n) {
        *ret_column = at + 1;
        if (ret->n == JSONPATH_MAX_STEPS || next_step(path, &at, &ret->step[ret->n]) < 0)
            return -EINVAL;
        ret->n++;
    }
    return 0;
}

int jsonpath_check(struct span path, size_t *ret_column)
{
    struct steps steps;
    size_t column;
    int rc = parse(path, &steps, &column);
    if (rc < 0)
        *ret_column = column;
    return rc;
}

bool jsonpath_is_list(struct span path)
{
    struct steps steps;
    size_t column;
    bool list = false;

    if (parse(path, &steps, &column) < 0)
        return false;
    for (size_t i = 0; i < steps.n; i++)
        list = list || steps.step[i].kind == STEP_EACH;
    return list;
}

struct span jsonpath_first(struct span path)
{
    struct steps steps;
    size_t column;

    if (parse(path, &steps, &column) < 0 || steps.n == 0 || steps.step[0].kind != STEP_NAME)
        return SPAN_NONE;
    return steps.step[0].name;
}

static json_t *take(json_t *v, const struct step *step)
{
    if (step->kind == STEP_INDEX)
        return json_array_get(v, step->index);
    return json_object_getn(v, step->name.p, step->name.n);
}

static int collect(json_t *v, const struct step *step, size_t n, json_t *out)
{
    int rc = 0;

    if (!v)
        return 0;
    if (n == 0)
        return json_array_append(out, v) < 0 ? -ENOMEM : 0;
    if (step->kind != STEP_EACH)
        return collect(take(v, step), step + 1, n - 1, out);
    for (size_t i = 0; i < json_array_size(v) && rc == 0; i++)
        rc = collect(json_array_get(v, i), step + 1, n - 1, out);
    for (void *it = json_object_iter(v); it && rc == 0; it = json_object_iter_next(v, it))
        rc = collect(json_object_iter_value(it), step + 1, n - 1, out);
    return rc;
}

static bool ends_empty(json_t *v, const struct step *step, size_t n)
{
    bool empty = false;

    if (!v || n == 0)
        return false;
    if (step->kind != STEP_EACH)
        return ends_empty(take(v, step), step + 1, n - 1);
    if (json_array_size(v) + json_object_size(v) == 0)
        return json_is_array(v) || json_is_object(v);
    for (size_t i = 0; i < json_array_size(v) && !empty; i++)
        empty = ends_empty(json_array_get(v, i), step + 1, n - 1);
    for (void *it = json_object_iter(v); it && !empty; it = json_object_iter_next(v, it))
        empty = ends_empty(json_object_iter_value(it), step + 1, n - 1);
    return empty;
}

bool jsonpath_is_empty(json_t *root, struct span path)
{
    struct steps steps;
    size_t column;

    return parse(path, &steps, &column) == 0 && ends_empty(root, steps.step, steps.n);
}

json_t *jsonpath_get(json_t *root, struct span path)
{
    struct steps steps;
    size_t column;

    if (parse(path, &steps, &column) < 0)
        return NULL;
    for (size_t i = 0; i < steps.n && root; i++)
        root = steps.step[i].kind == STEP_EACH ? NULL : take(root, &steps.step[i]);
    return root;
}

json_t *jsonpath_all(json_t *root, struct span path)
{
    struct steps steps;
    size_t column;
    json_t *out;

    if (parse(path, &steps, &column) < 0)
        return NULL;
    out = json_array();
    if (out && collect(root, steps.step, steps.n, out) < 0) {
        json_decref(out);
        out = NULL;
    }
    return out;
}
