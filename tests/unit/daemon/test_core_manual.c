/* vocd.yaml(5) against the schema: every key has an item that begins with what the schema says of
 * it, and there is no item for a key that is not. */
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "daemon/core/config_impl.h"

#define PAGE "systemd/man/vocd.yaml.5"

static const char *kind(const struct config_row *row)
{
    switch (row->type) {
    case ROW_BYTES:
        return "size";
    case ROW_DURATION:
        return "duration";
    case ROW_U16:
    case ROW_U32:
    case ROW_COUNT:
        return "number";
    case ROW_FLAG:
        return "true or false";
    case ROW_FILE:
        return "path";
    case ROW_ZONE:
        return "time zone";
    case ROW_ADDRESS:
        return "address";
    case ROW_URL:
    case ROW_PROXY:
        return "URL";
    case ROW_WORD:
    case ROW_ENUM:
        return "word";
    case ROW_TEXTS:
    case ROW_LIST:
        return "list";
    case ROW_MAP:
    case ROW_PAIRS:
    case ROW_HIDDEN:
        return "mapping";
    case ROW_SECRET:
        return "secret";
    case ROW_SECRETS:
        return "secrets";
    default:
        return "text";
    }
}

struct unit {
    int64_t factor;
    const char *name;
};
static const struct unit sizes[] = {{INT64_C(1) << 40, "TiB"},
                                    {INT64_C(1) << 30, "GiB"},
                                    {INT64_C(1) << 20, "MiB"},
                                    {INT64_C(1) << 10, "KiB"},
                                    {1, ""}};
static const struct unit times[] = {
    {MS_DAY, "d"}, {MS_HOUR, "h"}, {MS_MINUTE, "m"}, {MS_SECOND, "s"}, {1, "ms"}};
static const struct unit plain[] = {{1, ""}};

/* By the largest unit that divides, as one would write it. */
static void add_amount(struct buf *b, const struct config_row *row, int64_t n)
{
    const struct unit *u = row->type == ROW_BYTES      ? sizes
                           : row->type == ROW_DURATION ? times
                                                       : plain;
    while (n % u->factor != 0)
        u++;
    buf_printf(b, "%lld%s", (long long)(n / u->factor), n ? u->name : "");
}

static void add_bounds(struct buf *b, const struct config_row *row)
{
    const char *names = row->names;
    bool amount = row->type == ROW_BYTES || row->type == ROW_DURATION || row->type == ROW_U16 ||
                  row->type == ROW_U32 || row->type == ROW_COUNT;
    if (amount) {
        buf_str(b, ", ");
        add_amount(b, row, row->min);
        buf_str(b, " to ");
        add_amount(b, row, row->max);
    } else if (row->max > 1 &&
               (row->type == ROW_TEXTS || row->type == ROW_LIST || row->type == ROW_MAP ||
                row->type == ROW_PAIRS || row->type == ROW_HIDDEN || row->type == ROW_SECRETS)) {
        buf_printf(b, ", at most %lld", (long long)row->max);
    }
    if (names)
        buf_str(b, ": ");
    for (const char *c = names; c && *c; c++)
        buf_printf(b, *c == ',' ? ", " : "%c", *c);
}

/* The two lines an item begins with. */
static const char *head_of(const struct config_row *row, struct buf *b)
{
    bool secret = row->type == ROW_SECRET || row->type == ROW_SECRETS;
    buf_reset(b);
    buf_str(b, "\n.It Ic ");
    if (!secret)
        buf_str(b, row->path);
    if (row->flags & ROW_MAY_HIDE)
        buf_str(b, " , ");
    if (secret || (row->flags & ROW_MAY_HIDE))
        buf_printf(b, "%s_file , %s_env", row->path, row->path);
    buf_printf(b, "\n.Pq %s", kind(row));
    add_bounds(b, row);
    if (row->flags & ROW_REQUIRED)
        buf_str(b, "; required");
    else if (row->preset)
        buf_printf(b, "; default %s", row->preset);
    if (row->flags & ROW_RESTART)
        buf_str(b, "; restart");
    buf_str(b, "\n");
    assert_int_equal(buf_error(b), 0);
    return b->p;
}

static char *page(void)
{
    FILE *f = fopen(PAGE, "re");
    if (!f)
        fail_msg("run from the root: no %s", PAGE);
    char *text = malloc(1 << 18);
    assert_non_null(text);
    text[fread(text, 1, (1 << 18) - 1, f)] = '\0';
    fclose(f);
    return text;
}

static void every_key_is_in_the_manual(void **state)
{
    (void)state;
    char *text = page();
    struct buf head;
    unsigned missing = 0;
    buf_init(&head, 4096);
    for (size_t i = 0; i < config_n_rows; i++) {
        const char *wanted = head_of(&config_rows[i], &head);
        const char *at = strstr(text, wanted);
        if (!at || strstr(at + 1, wanted)) {
            print_error("%s: %s of%s", PAGE, at ? "more than one" : "none", wanted);
            missing++;
        } else if (strncmp(at + strlen(wanted), ".It ", 4) == 0) {
            print_error("%s: nothing is said of%s", PAGE, wanted);
            missing++;
        }
    }
    buf_done(&head);
    free(text);
    assert_int_equal(missing, 0);
}

static void the_manual_has_no_other_keys(void **state)
{
    (void)state;
    char *text = page();
    size_t items = 0;
    for (const char *at = text; (at = strstr(at, "\n.It Ic ")); at++)
        items++;
    free(text);
    assert_int_equal(items, config_n_rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_in_the_manual),
        cmocka_unit_test(the_manual_has_no_other_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
