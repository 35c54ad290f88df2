/* log: grouped, structured lines on stderr (the journal adds time and unit). Never a record's text,
 * never a secret: names, ids, counts and codes only.
 *
 * Thread: any; a line is one write(2). text: `level group message key=value…` with <N> priority
 * prefixes when the journal reads; json: one object a line, with the time. A line is cut at 4 KiB.
 */
#ifndef VOC_CORE_LOG_H
#define VOC_CORE_LOG_H

#include "base/span.h"

#define LOG_GROUPS(X)                                                                              \
    X(LOG_MAIN, "main")                                                                            \
    X(LOG_CONFIG, "config")                                                                        \
    X(LOG_HTTP, "http")                                                                            \
    X(LOG_AUTH, "auth")                                                                            \
    X(LOG_COLLECT, "collect")                                                                      \
    X(LOG_PIPELINE, "pipeline")                                                                    \
    X(LOG_STORE, "store")                                                                          \
    X(LOG_ALERT, "alert")                                                                          \
    X(LOG_FETCH, "fetch")                                                                          \
    X(LOG_QUERY, "query")

#define X(id, name) id,
enum log_group { LOG_GROUPS(X) LOG_GROUP_COUNT };
#undef X
enum log_level { LOG_L_ERROR, LOG_L_WARNING, LOG_L_INFO, LOG_L_DEBUG };

void log_setup(enum log_level level, bool json);
int log_level_find(struct span name); /* -1 when there is none */
/* `fields` is printf text of space-separated key=value, values without spaces or quoted with %s of
 * log_quote(); NULL for none. */
/* `s` in quotes and escaped, cut to fit; returns `out`. At least 8 bytes. */
const char *log_quote(struct span s, char *out, size_t size);
enum { LOG_QUOTE_MAX = 256 }; /* a good size for `out` */
void log_line(enum log_level level, enum log_group group, const char *message, const char *fields,
              ...) __attribute__((format(printf, 4, 5)));
#define log_error(group, ...) log_line(LOG_L_ERROR, group, __VA_ARGS__)
#define log_warning(group, ...) log_line(LOG_L_WARNING, group, __VA_ARGS__)
#define log_info(group, ...) log_line(LOG_L_INFO, group, __VA_ARGS__)
#define log_debug(group, ...) log_line(LOG_L_DEBUG, group, __VA_ARGS__)

#endif
