/* Life of a store: creation, refusal, documents, logs, outbox, transactions. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/kv.h"
#include "tests/unit/store/fixture.h"

static int setup(void **state)
{
    static struct fixture fx;
    fixture_init(&fx);
    *state = &fx;
    return 0;
}

static int teardown(void **state)
{
    fixture_done(*state);
    return 0;
}

/* Opens with a changed config, expects a refusal and that the sentence has `word` in it. */
static void refused(struct fixture *fx, const struct store_config *cfg, int error, const char *word)
{
    char message[512] = "";
    struct store *s = NULL;
    (void)fx;
    assert_int_equal(store_open(cfg, message, sizeof(message), &s), error);
    assert_null(s);
    if (!strstr(message, word))
        fail_msg("\"%s\" does not say \"%s\"", message, word);
}

static void opens_again_with_what_was_committed(void **state)
{
    struct fixture *fx = *state;
    struct span value;
    struct store_txn *t = fixture_begin(fx);
    assert_ok(store_doc_put(t, STORE_DOC_RULE, SPAN_LIT("r1"), SPAN_LIT("kept")));
    assert_ok(store_commit(t));
    t = fixture_begin(fx);
    assert_ok(store_doc_put(t, STORE_DOC_RULE, SPAN_LIT("r2"), SPAN_LIT("aborted")));
    store_abort(t);
    fixture_reopen(fx);
    struct store_view *v = fixture_view(fx);
    assert_ok(store_doc_get(v, STORE_DOC_RULE, SPAN_LIT("r1"), &fx->a, &value));
    assert_true(span_is(value, "kept"));
    assert_int_equal(store_doc_get(v, STORE_DOC_RULE, SPAN_LIT("r2"), &fx->a, &value), -ENOENT);
    store_view_end(v);
}

static void refuses_another_workspace(void **state)
{
    struct fixture *fx = *state;
    struct store_config cfg = fx->cfg;
    store_close(fx->store);
    cfg.workspace = SPAN_LIT("other");
    refused(fx, &cfg, -VOC_E_VERSION, "\"acme\"");
    fixture_open(fx);
}

static void refuses_a_newer_schema(void **state)
{
    struct fixture *fx = *state;
    struct span row;
    char copy[512];
    uint32_t newer = 1000;
    struct store_txn *t = fixture_begin(fx);
    struct kv *kv = (struct kv *)t; /* its first member */
    assert_ok(kv_get(kv, DBI_META, SPAN_LIT("store"), &row));
    assert_true(row.n <= sizeof(copy));
    memcpy(copy, row.p, row.n);
    memcpy(copy + 8, &newer, sizeof(newer)); /* behind the magic */
    assert_ok(kv_put(kv, DBI_META, SPAN_LIT("store"), span_of(copy, row.n)));
    assert_ok(store_commit(t));
    store_close(fx->store);
    fx->store = NULL;
    refused(fx, &fx->cfg, -VOC_E_VERSION, "newer vocd (schema 1000");
}

static void refuses_a_second_opener(void **state)
{
    struct fixture *fx = *state;
    refused(fx, &fx->cfg, -EBUSY, "in use");
}

static void refuses_what_is_no_store(void **state)
{
    struct fixture *fx = *state;
    struct store_config cfg = fx->cfg;
    char path[512];
    cfg.dir = test_dir();
    cfg.create = false;
    refused(fx, &cfg, -ENOENT, "no store there");
    snprintf(path, sizeof(path), "%s/data.mdb", cfg.dir);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    refused(fx, &cfg, -VOC_E_CORRUPT, "empty");
    char noise[8192];
    memset(noise, 'x', sizeof(noise));
    assert_int_equal(write(fd, noise, sizeof(noise)), sizeof(noise));
    close(fd);
    refused(fx, &cfg, -VOC_E_VERSION, "not a vocd store");
    cfg.create = true; /* never over a foreign file */
    refused(fx, &cfg, -VOC_E_VERSION, "not a vocd store");
}

static int tally_doc(void *ctx, struct span key, struct span value)
{
    (void)key;
    (void)value;
    ++*(size_t *)ctx;
    return 0;
}

/* Opens and reads all there is; the documents read, or the first error. */
static int read_all(struct fixture *fx, size_t *ret_n)
{
    struct store_view *v;
    char message[512];
    *ret_n = 0;
    int r = store_open(&fx->cfg, message, sizeof(message), &fx->store);
    if (r == 0)
        r = store_view_begin(fx->store, &v);
    if (r == 0) {
        r = store_doc_each(v, STORE_DOC_SETTING, SPAN_NONE, false, tally_doc, ret_n);
        store_view_end(v);
    }
    store_close(fx->store);
    fx->store = NULL;
    return r;
}

/* Cut off anywhere, it says that it is damaged or reads what is whole: no SIGBUS. */
static void a_file_cut_short_is_read_safely(void **state)
{
    struct fixture *fx = *state;
    char path[512], text[300] = "";
    static char whole[1 << 20];
    size_t n, n_errors = 0;
    struct store_txn *t = fixture_begin(fx);
    for (int i = 0; i < 300; i++) {
        snprintf(text, sizeof(text), "%0280d", i);
        assert_ok(store_doc_put(t, STORE_DOC_SETTING, span_of(text + 270, 10), span_str(text)));
    }
    assert_ok(store_commit(t));
    store_close(fx->store);
    fx->store = NULL;
    snprintf(path, sizeof(path), "%s/data.mdb", fx->dir);
    int fd = open(path, O_RDWR);
    ssize_t size = read(fd, whole, sizeof(whole));
    assert_true(size > 20 * 4096 && size < (ssize_t)sizeof(whole));
    for (ssize_t cut = 2 * 4096; cut <= size; cut += 4096) {
        assert_int_equal(pwrite(fd, whole, (size_t)size, 0), size);
        assert_ok(ftruncate(fd, cut));
        int r = read_all(fx, &n);
        assert_true(r == -VOC_E_CORRUPT || r == -VOC_E_VERSION || (r == 0 && n <= 300));
        n_errors += r < 0;
    }
    close(fd);
    assert_true(n_errors > 0);
    assert_int_equal(n, 300); /* the last was the whole */
    fixture_open(fx);
}

/* What a killed creation leaves behind is in the way of nothing. */
static void begins_again_after_an_unfinished_creation(void **state)
{
    struct fixture *fx = *state;
    struct store_config cfg = fx->cfg;
    struct store *s = NULL;
    char path[512], message[256];
    cfg.dir = test_dir();
    snprintf(path, sizeof(path), "%s/.making", cfg.dir);
    assert_ok(mkdir(path, 0700));
    snprintf(path, sizeof(path), "%s/.making/data.mdb", cfg.dir);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, "half", 4), 4);
    close(fd);
    assert_ok(store_open(&cfg, message, sizeof(message), &s));
    store_close(s);
    assert_int_equal(access(path, F_OK), -1);
}

static int count_doc(void *ctx, struct span key, struct span value)
{
    struct buf *b = ctx;
    (void)value;
    buf_add(b, key);
    return buf_char(b, ' ');
}

static void documents_are_ordered_and_kinds_apart(void **state)
{
    struct fixture *fx = *state;
    struct buf b;
    struct store_txn *t = fixture_begin(fx);
    buf_init(&b, 0);
    assert_ok(store_doc_put(t, STORE_DOC_JOB, SPAN_LIT("b"), SPAN_LIT("2")));
    assert_ok(store_doc_put(t, STORE_DOC_JOB, SPAN_LIT("a"), SPAN_LIT("1")));
    assert_ok(store_doc_put(t, STORE_DOC_JOB, SPAN_LIT("c"), SPAN_LIT("3")));
    assert_ok(store_doc_put(t, STORE_DOC_TOKEN, SPAN_LIT("z"), SPAN_LIT("4")));
    assert_ok(store_doc_put(t, STORE_DOC_CURSOR, SPAN_LIT("y"), SPAN_LIT("")));
    assert_ok(store_commit(t));
    struct store_view *v = fixture_view(fx);
    assert_ok(store_doc_each(v, STORE_DOC_JOB, SPAN_NONE, false, count_doc, &b));
    assert_ok(store_doc_each(v, STORE_DOC_JOB, SPAN_NONE, true, count_doc, &b));
    assert_ok(store_doc_each(v, STORE_DOC_JOB, SPAN_LIT("b"), false, count_doc, &b));
    assert_ok(store_doc_each(v, STORE_DOC_JOB, SPAN_LIT("b"), true, count_doc, &b));
    assert_string_equal(b.p, "a b c c b a b c a ");
    store_view_end(v);
    t = fixture_begin(fx);
    assert_ok(store_doc_delete(t, STORE_DOC_JOB, SPAN_LIT("b")));
    assert_ok(store_doc_delete(t, STORE_DOC_JOB, SPAN_LIT("never there")));
    assert_ok(store_commit(t));
    buf_reset(&b);
    v = fixture_view(fx);
    assert_ok(store_doc_each(v, STORE_DOC_JOB, SPAN_NONE, false, count_doc, &b));
    assert_string_equal(b.p, "a c ");
    store_view_end(v);
    buf_done(&b);
}

static void a_long_document_key_is_refused_alone(void **state)
{
    struct fixture *fx = *state;
    char key[600];
    memset(key, 'k', sizeof(key));
    struct store_txn *t = fixture_begin(fx);
    assert_int_equal(store_doc_put(t, STORE_DOC_JOB, span_of(key, 511), SPAN_LIT("v")),
                     -ENAMETOOLONG);
    assert_ok(store_doc_put(t, STORE_DOC_JOB, span_of(key, 510), SPAN_LIT("v")));
    assert_ok(store_commit(t));
}

static int collect_log(void *ctx, uint64_t n, struct span entry)
{
    return buf_printf(ctx, "%llu=%.*s ", (unsigned long long)n, SPAN_FMT(entry));
}

static void a_log_is_numbered_without_gaps(void **state)
{
    struct fixture *fx = *state;
    struct span entry;
    struct buf b;
    uint64_t n = 99;
    buf_init(&b, 0);
    struct store_txn *t = fixture_begin(fx);
    assert_ok(store_log_last(t, STORE_LOG_ACCESS, &fx->a, &n, &entry));
    assert_int_equal(n, 0);
    assert_null(entry.p);
    assert_ok(store_log_append(t, STORE_LOG_ACCESS, SPAN_LIT("one"), &n));
    assert_int_equal(n, 1);
    assert_ok(store_log_append(t, STORE_LOG_ACCESS, SPAN_LIT("two"), &n));
    assert_ok(store_log_last(t, STORE_LOG_ACCESS, &fx->a, &n, &entry));
    assert_int_equal(n, 2);
    assert_true(span_is(entry, "two"));
    assert_ok(store_commit(t));
    t = fixture_begin(fx);
    assert_ok(store_log_append(t, STORE_LOG_ACCESS, SPAN_LIT("lost"), &n));
    store_abort(t);
    t = fixture_begin(fx);
    assert_ok(store_log_append(t, STORE_LOG_ACCESS, SPAN_LIT("three"), &n));
    assert_int_equal(n, 3);
    assert_ok(store_commit(t));
    struct store_view *v = fixture_view(fx);
    assert_ok(store_log_each(v, STORE_LOG_ACCESS, 2, false, collect_log, &b));
    assert_ok(store_log_each(v, STORE_LOG_ACCESS, 0, true, collect_log, &b));
    assert_ok(store_log_each(v, STORE_LOG_ACCESS, 2, true, collect_log, &b));
    assert_string_equal(b.p, "2=two 3=three 3=three 2=two 1=one 1=one ");
    store_view_end(v);
    buf_done(&b);
}

static int collect_outbox(void *ctx, const struct store_outbox_row *row)
{
    return buf_printf(ctx, "%lld:%u:%.*s:%.*s ", (long long)row->due, row->attempts,
                      SPAN_FMT(row->receiver), SPAN_FMT(row->payload));
}

static void the_outbox_is_in_order_of_due(void **state)
{
    struct fixture *fx = *state;
    struct buf b;
    struct uuid x = {{1}}, y = {{2}}, z = {{3}};
    buf_init(&b, 0);
    struct store_txn *t = fixture_begin(fx);
    struct store_outbox_row row = {x, 300, 0, SPAN_LIT("ops"), SPAN_LIT("X")};
    assert_ok(store_outbox_put(t, &row));
    row = (struct store_outbox_row){y, 100, 0, SPAN_LIT("ops"), SPAN_LIT("Y")};
    assert_ok(store_outbox_put(t, &row));
    row = (struct store_outbox_row){z, -5, 0, SPAN_LIT("jandi"), SPAN_LIT("Z")};
    assert_ok(store_outbox_put(t, &row));
    assert_ok(store_outbox_put(t, &row)); /* the same notice is there once */
    row.due = -4;
    assert_ok(store_outbox_put(t, &row));
    row.due = -5;
    assert_ok(store_outbox_put(t, &row));
    assert_ok(store_outbox_retry(t, &y, 400, 3));
    assert_ok(store_outbox_delete(t, &(struct uuid){{9}}));
    assert_int_equal(store_outbox_retry(t, &(struct uuid){{9}}, 1, 1), -ENOENT);
    assert_ok(store_commit(t));
    struct store_view *v = fixture_view(fx);
    assert_ok(store_outbox_each(v, 300, collect_outbox, &b));
    assert_string_equal(b.p, "-5:0:jandi:Z 300:0:ops:X ");
    buf_reset(&b);
    store_view_end(v);
    t = fixture_begin(fx);
    assert_ok(store_outbox_delete(t, &x));
    assert_ok(store_commit(t));
    v = fixture_view(fx);
    assert_ok(store_outbox_each(v, INT64_MAX, collect_outbox, &b));
    assert_string_equal(b.p, "-5:0:jandi:Z 400:3:ops:Y ");
    store_view_end(v);
    buf_done(&b);
}

static int same_text(void *ctx, struct span stored)
{
    return span_eq(*(struct span *)ctx, stored);
}

/* Texts whose keys are the same to the last bit of the hash: as the cut makes them, were a
 * collision ever found. */
static void colliding_texts_get_probes_of_their_own(void **state)
{
    struct fixture *fx = *state;
    static const char *const texts_in[] = {"one", "two", "three", "four"};
    struct key k = {.n = KEY_MAX, .hashed = true};
    struct span got;
    struct store_txn *t = fixture_begin(fx);
    struct kv *kv = (struct kv *)t; /* its first member */
    memset(k.b, 'k', KEY_MAX);
    for (size_t i = 0; i < 4; i++) {
        struct span text = span_str(texts_in[i]);
        if (i ==
            3) { /* takes the place of a deleted one, behind which the others are still found */
            k.b[KEY_MAX - 1] = 1;
            assert_ok(kv_del(kv, DBI_DOC, key_span(&k)));
        }
        assert_int_equal(kv_find_text(kv, DBI_DOC, &k, same_text, &text, &got), -ENOENT);
        assert_int_equal(k.b[KEY_MAX - 1], i == 3 ? 1 : i);
        assert_ok(kv_put(kv, DBI_DOC, key_span(&k), text));
    }
    for (size_t i = 0; i < 4; i++) {
        struct span text = span_str(texts_in[i]);
        int r = kv_find_text(kv, DBI_DOC, &k, same_text, &text, &got);
        assert_int_equal(r, i == 1 ? -ENOENT : 0);
        if (r == 0)
            assert_true(span_eq(got, text));
    }
    store_abort(t);
}

static void one_transaction_at_a_time(void **state)
{
    struct fixture *fx = *state;
    struct store_txn *second = NULL, *t = fixture_begin(fx);
    assert_int_equal(store_begin(fx->store, 0, &second), -EBUSY);
    store_abort(t);
    assert_ok(store_begin(fx->store, 0, &second));
    store_abort(second);
    store_abort(NULL);
    store_view_end(NULL);
}

/* A full map fails the transaction, keeps failing it, and leaves the store as it was. */
static void a_full_map_is_sticky_and_leaves_no_trace(void **state)
{
    struct fixture *fx = *state;
    char *big = calloc(1, 1 << 20);
    struct span value;
    store_close(fx->store);
    fx->cfg.map_size = 4 << 20;
    fixture_open(fx);
    struct store_txn *t = fixture_begin(fx);
    assert_ok(store_doc_put(t, STORE_DOC_SETTING, SPAN_LIT("small"), SPAN_LIT("1")));
    assert_ok(store_commit(t));
    t = fixture_begin(fx);
    int r = 0;
    for (int i = 0; i < 8 && r == 0; i++) {
        char key[12];
        snprintf(key, sizeof(key), "%d", i);
        r = store_doc_put(t, STORE_DOC_SETTING, span_str(key), span_of(big, 1 << 20));
    }
    assert_int_equal(r, -VOC_E_MAPFULL);
    assert_int_equal(store_txn_error(t), -VOC_E_MAPFULL);
    assert_int_equal(store_doc_put(t, STORE_DOC_SETTING, SPAN_LIT("t"), SPAN_LIT("1")),
                     -VOC_E_MAPFULL);
    assert_int_equal(store_commit(t), -VOC_E_MAPFULL);
    assert_ok(store_grow(fx->store, 64 << 20));
    t = fixture_begin(fx);
    for (int i = 0; i < 8; i++) {
        char key[12];
        snprintf(key, sizeof(key), "%d", i);
        assert_ok(store_doc_put(t, STORE_DOC_SETTING, span_str(key), span_of(big, 1 << 20)));
    }
    assert_ok(store_commit(t));
    struct store_view *v = fixture_view(fx);
    assert_ok(store_doc_get(v, STORE_DOC_SETTING, SPAN_LIT("small"), &fx->a, &value));
    assert_int_equal(store_doc_get(v, STORE_DOC_SETTING, SPAN_LIT("t"), &fx->a, &value), -ENOENT);
    store_view_end(v);
    free(big);
}

static void a_view_sees_one_moment(void **state)
{
    struct fixture *fx = *state;
    struct store_stats st;
    struct span value;
    struct store_view *old = fixture_view(fx);
    for (int i = 0; i < 3; i++) {
        struct store_txn *t = fixture_begin(fx);
        assert_ok(store_doc_put(t, STORE_DOC_DEAD_LETTER, span_of((char[]){(char)('a' + i)}, 1),
                                SPAN_LIT("x")));
        assert_ok(store_commit(t));
    }
    assert_int_equal(store_doc_get(old, STORE_DOC_DEAD_LETTER, SPAN_LIT("a"), &fx->a, &value),
                     -ENOENT);
    assert_ok(store_stats(fx->store, &st));
    assert_int_equal(st.dead_letters, 3);
    assert_int_equal(st.oldest_reader_txns, 3);
    assert_int_equal(store_reader_check(fx->store), 0);
    store_view_end(old);
}

static size_t letters_left(struct fixture *fx, char *ret_first)
{
    struct store_stats st;
    struct store_view *v = fixture_view(fx);
    struct span value;
    *ret_first = '\0';
    for (const char *c = "abcdefghij"; *c && !*ret_first; c++)
        if (store_doc_get(v, STORE_DOC_DEAD_LETTER, span_of(c, 1), &fx->a, &value) == 0)
            *ret_first = *c;
    store_view_end(v);
    assert_ok(store_stats(fx->store, &st));
    return st.dead_letters;
}

/* Age first, then room, oldest first; what a step may not do the next one does. */
static void dead_letters_are_trimmed(void **state)
{
    struct fixture *fx = *state;
    struct store_trimmed trimmed = {0};
    struct store_stats st;
    char first, *text = calloc(1, 100000);
    struct store_txn *t = fixture_begin(fx);
    for (const char *c = "abcdefghij"; *c; c++)
        assert_ok(store_doc_put(t, STORE_DOC_DEAD_LETTER, span_of(c, 1), span_of(text, 100000)));
    assert_ok(store_dead_trim(t, SPAN_LIT("c"), 0, 1, &trimmed));
    assert_int_equal(trimmed.aged, 1);
    assert_ok(store_dead_trim(t, SPAN_LIT("c"), 0, 100, &trimmed));
    assert_ok(store_commit(t));
    assert_int_equal(trimmed.aged, 2);
    assert_int_equal(trimmed.crowded, 0);
    assert_int_equal(letters_left(fx, &first), 8);
    assert_int_equal(first, 'c');
    t = fixture_begin(fx);
    assert_ok(store_dead_trim(t, SPAN_LIT("c"), 450000, 100, &trimmed));
    assert_ok(store_commit(t));
    assert_int_equal(trimmed.aged, 2);
    assert_int_equal(trimmed.crowded, 4);
    assert_int_equal(letters_left(fx, &first), 4);
    assert_int_equal(first, 'g');
    assert_ok(store_stats(fx->store, &st));
    assert_true(st.dead_letter_bytes >= 400000 && st.dead_letter_bytes <= 450000);
    t = fixture_begin(fx);
    assert_ok(store_dead_trim(t, SPAN_LIT("z"), 0, 100, &trimmed));
    assert_ok(store_commit(t));
    assert_int_equal(letters_left(fx, &first), 0);
    free(text);
}

static void the_ballast_comes_and_goes(void **state)
{
    struct fixture *fx = *state;
    struct stat st;
    char path[512];
    store_close(fx->store);
    fx->cfg.ballast = 1 << 20;
    fixture_open(fx);
    snprintf(path, sizeof(path), "%s/ballast", fx->dir);
    assert_ok(stat(path, &st));
    assert_true(st.st_blocks * 512 >= 1 << 20);
    assert_ok(store_ballast(fx->store, false));
    assert_int_equal(stat(path, &st), -1);
    assert_ok(store_ballast(fx->store, false));
    assert_ok(store_ballast(fx->store, true));
    assert_ok(stat(path, &st));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(opens_again_with_what_was_committed, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_another_workspace, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_a_newer_schema, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_a_second_opener, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_what_is_no_store, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_cut_short_is_read_safely, setup, teardown),
        cmocka_unit_test_setup_teardown(begins_again_after_an_unfinished_creation, setup, teardown),
        cmocka_unit_test_setup_teardown(documents_are_ordered_and_kinds_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_document_key_is_refused_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_log_is_numbered_without_gaps, setup, teardown),
        cmocka_unit_test_setup_teardown(the_outbox_is_in_order_of_due, setup, teardown),
        cmocka_unit_test_setup_teardown(colliding_texts_get_probes_of_their_own, setup, teardown),
        cmocka_unit_test_setup_teardown(one_transaction_at_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_map_is_sticky_and_leaves_no_trace, setup, teardown),
        cmocka_unit_test_setup_teardown(a_view_sees_one_moment, setup, teardown),
        cmocka_unit_test_setup_teardown(dead_letters_are_trimmed, setup, teardown),
        cmocka_unit_test_setup_teardown(the_ballast_comes_and_goes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
