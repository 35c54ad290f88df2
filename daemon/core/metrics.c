#include "daemon/core/metrics.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"

enum { SLOTS = 8, BUCKETS = 15 };
enum metric_type { counter, gauge, histogram };

static const struct row {
    enum metric_type type;
    const char *name, *label, *values, *help;
} rows[] = {
#define X(id, type, name, label, values, help) {type, name, label, values, help},
    METRICS(X)
#undef X
};

static const char *const type_names[] = {"counter", "gauge", "histogram"};

/* Upper bounds in seconds, as text because that is what le="" must repeat exactly. */
static const struct {
    double le;
    const char *text;
} bounds[BUCKETS] = {
    {0.00025, "0.00025"}, {0.0005, "0.0005"}, {0.001, "0.001"}, {0.0025, "0.0025"},
    {0.005, "0.005"},     {0.01, "0.01"},     {0.025, "0.025"}, {0.05, "0.05"},
    {0.1, "0.1"},         {0.25, "0.25"},     {0.5, "0.5"},     {1, "1"},
    {2.5, "2.5"},         {5, "5"},           {10, "10"},
};

/* Histograms share the cells: one per bucket (the last is +Inf), not cumulative until printed. */
static _Atomic int64_t cells[METRIC_COUNT][BUCKETS + 1];
static _Atomic int64_t sums_ns[METRIC_COUNT];
_Static_assert(SLOTS <= BUCKETS + 1, "label slots live in the bucket cells");

void metric_add(enum metric m, unsigned slot, int64_t n)
{
    if (slot < SLOTS)
        atomic_fetch_add_explicit(&cells[m][slot], n, memory_order_relaxed);
}

void metric_set(enum metric m, unsigned slot, int64_t v)
{
    if (slot < SLOTS)
        atomic_store_explicit(&cells[m][slot], v, memory_order_relaxed);
}

int64_t metric_get(enum metric m, unsigned slot)
{
    if (slot >= SLOTS)
        return 0;
    if (rows[m].type != histogram)
        return atomic_load_explicit(&cells[m][slot], memory_order_relaxed);
    int64_t n = 0;
    for (int i = 0; i <= BUCKETS; i++)
        n += atomic_load_explicit(&cells[m][i], memory_order_relaxed);
    return n;
}

void metric_observe(enum metric m, double seconds)
{
    int i = 0;
    if (!(seconds >= 0))
        seconds = 0;
    if (seconds > 1e9)
        seconds = 1e9;
    while (i < BUCKETS && seconds > bounds[i].le)
        i++;
    atomic_fetch_add_explicit(&cells[m][i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&sums_ns[m], (int64_t)(seconds * 1e9), memory_order_relaxed);
}

double metric_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void print_head(struct buf *b, const char *name, const char *type, const char *help)
{
    buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void print_labelled(struct buf *b, enum metric m)
{
    const struct row *r = &rows[m];
    struct span values = span_str(r->values);
    for (unsigned slot = 0; values.n > 0; slot++) {
        struct span v = span_of(values.p, span_find_char(values, ','));
        buf_printf(b, "%s{%s=\"%.*s\"} %" PRId64 "\n", r->name, r->label, SPAN_FMT(v),
                   metric_get(m, slot));
        size_t used = v.n < values.n ? v.n + 1 : v.n;
        values = span_of(values.p + used, values.n - used);
    }
}

static void print_histogram(struct buf *b, enum metric m)
{
    const char *name = rows[m].name;
    int64_t n = 0;
    for (int i = 0; i <= BUCKETS; i++) {
        n += atomic_load_explicit(&cells[m][i], memory_order_relaxed);
        buf_printf(b, "%s_bucket{le=\"%s\"} %" PRId64 "\n", name,
                   i < BUCKETS ? bounds[i].text : "+Inf", n);
    }
    buf_printf(b, "%s_sum %.9f\n", name,
               (double)atomic_load_explicit(&sums_ns[m], memory_order_relaxed) / 1e9);
    buf_printf(b, "%s_count %" PRId64 "\n", name, n);
}

/* --- the process itself, under the names every Prometheus client library uses --- */

/* /proc files are small; 0 bytes when unreadable (then the figure is left out). */
static struct span read_proc(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return SPAN_NONE;
    ssize_t n = read(fd, out, size - 1);
    close(fd);
    if (n <= 0)
        return SPAN_NONE;
    out[n] = '\0';
    return span_of(out, (size_t)n);
}

static void print_f64(struct buf *b, const char *name, const char *type, const char *help, double v)
{
    print_head(b, name, type, help);
    buf_printf(b, "%s %.17g\n", name, v);
}

static void print_memory(struct buf *b)
{
    static const struct {
        const char *key, *name, *help;
    } figures[] = {
        {"VmRSS:", "process_resident_memory_bytes", "Resident memory size in bytes."},
        {"VmSize:", "process_virtual_memory_bytes", "Virtual memory size in bytes."},
        {"RssAnon:", "vocd_anonymous_memory_bytes",
         "Resident memory that is not backed by files: the map of a store is not in it."},
    };
    char text[4096];
    if (!read_proc("/proc/self/status", text, sizeof text).p)
        return;
    for (size_t i = 0; i < ARRAY_LEN(figures); i++) {
        const char *at = strstr(text, figures[i].key);
        if (at)
            print_f64(b, figures[i].name, "gauge", figures[i].help,
                      strtod(at + strlen(figures[i].key), NULL) * 1024);
    }
}

/* Field 22 of proc(5) stat, counted from behind the command's name, which may hold anything. */
static double start_seconds(void)
{
    char text[4096];
    double up, boot;
    struct timespec real, since;
    if (!read_proc("/proc/self/stat", text, sizeof text).p)
        return 0;
    const char *at = strrchr(text, ')');
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    if (!at)
        return 0;
    up = strtod(at, NULL) / (double)sysconf(_SC_CLK_TCK);
    clock_gettime(CLOCK_REALTIME, &real);
    clock_gettime(CLOCK_BOOTTIME, &since);
    boot = (double)(real.tv_sec - since.tv_sec) + (double)(real.tv_nsec - since.tv_nsec) / 1e9;
    return boot + up;
}

static double open_files(void)
{
    DIR *d = opendir("/proc/self/fd");
    double n = -3; /* ".", ".." and the directory itself */
    if (!d)
        return 0;
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static void print_process(struct buf *b)
{
    struct rusage ru;
    struct rlimit files;
    print_memory(b);
    if (getrusage(RUSAGE_SELF, &ru) == 0)
        print_f64(b, "process_cpu_seconds_total", "counter",
                  "Total user and system CPU time spent in seconds.",
                  (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
                      (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6);
    print_f64(b, "process_start_time_seconds", "gauge",
              "Start time of the process since unix epoch in seconds.", start_seconds());
    print_f64(b, "process_open_fds", "gauge", "Number of open file descriptors.", open_files());
    if (getrlimit(RLIMIT_NOFILE, &files) == 0)
        print_f64(b, "process_max_fds", "gauge", "Maximum number of open file descriptors.",
                  (double)files.rlim_cur);
}

int metrics_print(struct buf *b)
{
    for (enum metric m = 0; m < METRIC_COUNT; m++) {
        const struct row *r = &rows[m];
        print_head(b, r->name, type_names[r->type], r->help);
        if (r->type == histogram)
            print_histogram(b, m);
        else if (*r->label)
            print_labelled(b, m);
        else
            buf_printf(b, "%s %" PRId64 "\n", r->name, metric_get(m, 0));
    }
    print_head(b, "vocd_build_info", "gauge", "The version that is running; always 1.");
    buf_printf(b, "vocd_build_info{version=\"%s\"} 1\n", VOC_VERSION);
    print_process(b);
    return buf_error(b);
}
