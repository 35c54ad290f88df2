/* metrics: Prometheus counters, gauges and histograms from one table; adding one is one line here.
 * Names follow the Prometheus conventions (base units, _total); `promtool check metrics` passes.
 *
 * Thread: any; relaxed atomics. Labels are fixed by the row (label name and its values), so there
 * is no cardinality to watch. */
#ifndef VOC_CORE_METRICS_H
#define VOC_CORE_METRICS_H

#include "base/buf.h"

/* id, type, name, label ("" none), label values (comma-separated), help */
#define METRICS(X)                                                                                 \
    X(METRIC_HTTP_REQUESTS, counter, "vocd_http_requests_total", "class", "1xx,2xx,3xx,4xx,5xx",   \
      "Answered HTTP requests by status class.")                                                   \
    X(METRIC_HTTP_CONNECTIONS, gauge, "vocd_http_connections", "", "", "Open HTTP connections.")   \
    X(METRIC_HTTP_REFUSED, counter, "vocd_http_refused_total", "reason",                           \
      "malformed,too_large,timeout,capacity", "Connections or requests refused before a handler.") \
    X(METRIC_AUTH_FAILURES, counter, "vocd_auth_failures_total", "", "",                           \
      "Requests with a missing, wrong, expired or revoked token.")                                 \
    X(METRIC_ITEMS, counter, "vocd_items_total", "outcome", "accepted,updated,duplicate,rejected", \
      "Feedback items by what became of them.")                                                    \
    X(METRIC_COMMITS, counter, "vocd_commits_total", "", "", "Write transactions on disk.")        \
    X(METRIC_COMMIT_FAILURES, counter, "vocd_commit_failures_total", "", "",                       \
      "Write transactions that failed.")                                                           \
    X(METRIC_COMMIT_SECONDS, histogram, "vocd_commit_seconds", "", "",                             \
      "Time from begin to durable commit.")                                                        \
    X(METRIC_QUEUE_BYTES, gauge, "vocd_queue_bytes", "lane", "interactive,bulk",                   \
      "Bytes accepted from peers and not yet committed.")                                          \
    X(METRIC_DISK_FULL, gauge, "vocd_disk_full", "", "", "1 while a workspace can not write.")     \
    X(METRIC_QUERY_SECONDS, histogram, "vocd_query_seconds", "", "", "Time of read queries.")      \
    X(METRIC_ALERTS_FIRING, gauge, "vocd_alerts_firing", "", "", "Alerts firing now.")             \
    X(METRIC_NOTICES, counter, "vocd_notices_total", "result", "delivered,retried,dropped",        \
      "Delivery attempts of notices by result.")                                                   \
    X(METRIC_OUTBOX, gauge, "vocd_outbox_rows", "", "", "Notices waiting for delivery.")           \
    X(METRIC_DEAD_LETTERS, counter, "vocd_dead_letters_total", "", "",                             \
      "Payloads kept because they could not be mapped.")                                           \
    X(METRIC_DEAD_LETTERS_DROPPED, counter, "vocd_dead_letters_dropped_total", "reason",           \
      "age,size", "Dead letters let go because they were old, or because there were too many.")    \
    X(METRIC_DEAD_LETTERS_RETRIED, counter, "vocd_dead_letters_retried_total", "result",           \
      "mapped,kept", "Dead letters tried again, by whether they could be mapped now.")             \
    X(METRIC_DEAD_LETTERS_KEPT, gauge, "vocd_dead_letters", "", "", "Dead letters kept now.")      \
    X(METRIC_DEAD_LETTER_BYTES, gauge, "vocd_dead_letters_bytes", "", "",                          \
      "What dead letters take of the disk.")                                                       \
    X(METRIC_READER_LAG, gauge, "vocd_store_oldest_reader_transactions", "", "",                   \
      "How many transactions the oldest open read view is behind.")                                \
    X(METRIC_EVENT_CLIENTS, gauge, "vocd_event_clients", "", "", "Open event streams.")            \
    X(METRIC_PATTERNS, gauge, "vocd_lexicon_patterns", "engine", "jit,interpreted",                \
      "Regular expressions of the lexicon tables in use, by how they run.")                        \
    X(METRIC_RELOADS, counter, "vocd_config_reloads_total", "result", "ok,failed",                 \
      "Configuration reloads.")

#define X(id, type, name, label, values, help) id,
enum metric { METRICS(X) METRIC_COUNT };
#undef X

/* `slot`: index of the label value, 0 without label. */
void metric_add(enum metric m, unsigned slot, int64_t n); /* counter, gauge */
void metric_set(enum metric m, unsigned slot, int64_t v); /* gauge */
void metric_observe(enum metric m, double seconds);       /* histogram */
int64_t metric_get(enum metric m, unsigned slot);
/* Monotonic seconds, finer than a clock's milliseconds: what metric_observe() takes differences of.
 */
double metric_now(void);
/* The text exposition format 0.0.4, with process_* and build info. 0 or the buffer's error. */
int metrics_print(struct buf *b);

#endif
