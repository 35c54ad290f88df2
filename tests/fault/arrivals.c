/* Writes into a workspace's store what would be there if some sources had brought the same number
 * of records every quarter of an hour for weeks, and nothing in the last two hours; for tests that
 * can not wait so long.
 *
 *   arrivals DIR NOW_MS PER_QUARTER WEEKS SOURCE… */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "daemon/alert/arrival.h"
#include "store/store.h"

enum { QUIET = 8 };

static int put_days(struct store_txn *t, const struct arrivals *a, const char *name, int64_t now)
{
    const struct arrival_times times = {now - QUIET * ARRIVAL_MS, now - QUIET * ARRIVAL_MS};
    int64_t today = arrival_day(arrival_quarter(now));
    int rc = 0;
    for (int64_t day = today - ARRIVAL_DAYS + 1; day <= today && rc == 0; day++) {
        char key[64], value[ARRIVAL_DAY_BYTES];
        snprintf(key, sizeof key, "%010lld/%s", (long long)day, name);
        arrivals_pack(a, day, &times, value);
        rc = store_doc_put(t, STORE_DOC_ARRIVAL, span_str(key), span_of(value, sizeof value));
    }
    return rc;
}

static int put(struct store_txn *t, const char *name, int64_t now, int64_t quarters, uint32_t n)
{
    static struct arrivals a;
    int64_t end = arrival_quarter(now);
    arrivals_clear(&a);
    for (int64_t q = end - quarters; q < end - (*name ? QUIET : 0); q++)
        arrivals_add(&a, q, n);
    return put_days(t, &a, name, now);
}

int main(int argc, char **argv)
{
    char message[256] = "";
    struct store *store = NULL;
    struct store_txn *t = NULL;
    if (argc < 5)
        return 2;
    int64_t now = strtoll(argv[2], NULL, 10), quarters = atoll(argv[4]) * ARRIVAL_PER_WEEK;
    struct store_config cfg = {
        .dir = argv[1], .workspace = SPAN_LIT("demo"), .trace_fd = -1, .rng = rng_system};
    int rc = store_open(&cfg, message, sizeof message, &store);
    if (rc == 0)
        rc = store_begin(store, now, &t);
    if (rc == 0)
        rc = put(t, "", now, quarters, 1);
    for (int i = 5; i < argc && rc == 0; i++)
        rc = put(t, argv[i], now, quarters, (uint32_t)atoi(argv[3]));
    if (rc == 0)
        rc = store_commit(t);
    else
        store_abort(t);
    store_close(store);
    if (rc < 0)
        fprintf(stderr, "%s: %s %s\n", argv[1], err_text(rc), message);
    return rc < 0;
}
