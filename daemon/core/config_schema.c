#include "daemon/core/config_impl.h"

#include <stddef.h>

#include "base/err.h"

#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

#define TOP(member) offsetof(struct config, member), 0
#define WS(member) offsetof(struct config_workspace, member), 0
#define HOOK(member) offsetof(struct config_hook, member), 0
#define RECV(member) offsetof(struct config_receiver, member), 0
#define SRC(member) offsetof(struct config_source, member), 0
#define LIST(type, member, counter) offsetof(struct type, member), offsetof(struct type, counter)

#define W "workspaces[]."
#define H W "hooks[]."
#define R W "receivers[]."
#define S W "sources[]."

#define SILENCE_WORDS "off,low,normal,high" /* alert/silence.h: its numbers in this order */

/* ROW(path, type, place, default, min, max, flags) */
#define ROW(p, t, place, d, lo, hi, f)                                                             \
    {                                                                                              \
        p, t, place, d, lo, hi, f, NULL, 0                                                         \
    }
#define WORDS(p, t, place, d, f, names)                                                            \
    {                                                                                              \
        p, t, place, d, 0, 0, f, names, 0                                                          \
    }
#define SECTIONS(p, place, most, size)                                                             \
    {                                                                                              \
        p, ROW_LIST, place, NULL, 0, most, 0, NULL, size                                           \
    }

const struct config_row config_rows[] = {
    ROW("state", ROW_FILE, TOP(state), "/var/lib/vocd", 1, 4000, ROW_RESTART),
    ROW("lexicons", ROW_FILE, TOP(lexicons), "/usr/share/vocd/lexicons/lexicons.bin", 1, 4000, 0),
    ROW("connectors", ROW_FILE, TOP(connectors), "/usr/share/vocd/connectors", 1, 4000, 0),
    ROW("timezone", ROW_ZONE, TOP(timezone), "Asia/Seoul", 0, 0, 0),
    ROW("proxy", ROW_PROXY, TOP(proxy), NULL, 0, 0, 0),
    ROW("ca_file", ROW_FILE, TOP(ca_file), NULL, 1, 4000, 0),
    ROW("external_url", ROW_URL, TOP(external_url), NULL, 0, 0, 0),

    WORDS("log.level", ROW_WORD, TOP(log.level), "info", 0, "error,warning,info,debug"),
    WORDS("log.format", ROW_WORD, TOP(log.format), "text", 0, "text,json"),

    ROW("http.address", ROW_ADDRESS, TOP(http.address), "127.0.0.1", 0, 0, ROW_RESTART),
    ROW("http.port", ROW_U16, TOP(http.port), "8642", 0, 65535, ROW_RESTART),
    ROW("http.tls_certificate", ROW_FILE, TOP(http.tls_certificate), NULL, 1, 4000, ROW_RESTART),
    ROW("http.tls_key", ROW_FILE, TOP(http.tls_key), NULL, 1, 4000, ROW_RESTART),
    ROW("http.hosts", ROW_TEXTS, LIST(config, http.hosts, http.n_hosts), NULL, 1, 32, 0),
    ROW("http.max_connections", ROW_COUNT, TOP(http.max_connections), "4096", 1, 65536, 0),
    ROW("http.max_header", ROW_BYTES, TOP(http.max_header), "16KiB", KIB, MIB, 0),
    ROW("http.max_body", ROW_BYTES, TOP(http.max_body), "8MiB", KIB, 64 * MIB, 0),
    ROW("http.max_stream", ROW_BYTES, TOP(http.max_stream), "1GiB", KIB, 1024 * GIB, 0),
    ROW("http.header_timeout", ROW_DURATION, TOP(http.header_timeout_ms), "10s", 100, MS_HOUR, 0),
    ROW("http.body_timeout", ROW_DURATION, TOP(http.body_timeout_ms), "60s", 100, MS_HOUR, 0),
    ROW("http.idle_timeout", ROW_DURATION, TOP(http.idle_timeout_ms), "75s", 100, MS_DAY, 0),
    ROW("http.write_timeout", ROW_DURATION, TOP(http.write_timeout_ms), "30s", 100, MS_HOUR, 0),
    ROW("http.stream_timeout", ROW_DURATION, TOP(http.stream_timeout_ms), "30m", 1000, 7 * MS_DAY,
        0),
    ROW("http.min_rate", ROW_BYTES, TOP(http.min_rate), "512", 0, GIB, 0),

    ROW("intake.queue_bytes", ROW_BYTES, TOP(intake.queue_bytes), "64MiB", MIB, 4 * GIB,
        ROW_RESTART),
    ROW("intake.batch_bytes", ROW_BYTES, TOP(intake.batch_bytes), "8MiB", 64 * KIB, 256 * MIB,
        ROW_RESTART),
    ROW("intake.max_text", ROW_BYTES, TOP(intake.max_text), "64KiB", KIB, MIB, 0),
    ROW("intake.max_id", ROW_BYTES, TOP(intake.max_id), "512", 16, 4 * KIB, 0),
    ROW("intake.max_attributes", ROW_COUNT, TOP(intake.max_attributes), "64", 0, 1024, 0),
    ROW("intake.max_attribute_bytes", ROW_BYTES, TOP(intake.max_attribute_bytes), "8KiB", 0,
        64 * KIB, 0),
    ROW("intake.max_future", ROW_DURATION, TOP(intake.max_future_ms), "10m", 0, 365 * MS_DAY, 0),

    ROW("auth.failure_window", ROW_DURATION, TOP(auth.failure_window_ms), "1m", 1000, MS_DAY, 0),
    ROW("auth.max_failures", ROW_U32, TOP(auth.max_failures), "20", 1, 1000000, 0),
    ROW("auth.session", ROW_DURATION, TOP(auth.session_ms), "12h", 1000, 30 * MS_DAY, 0),
    ROW("auth.bootstrap", ROW_FILE, TOP(auth.bootstrap), NULL, 1, 4000, ROW_RESTART),

    ROW("store.map_size", ROW_BYTES, TOP(store.map_size), "64GiB", 16 * MIB, 16384 * GIB,
        ROW_RESTART),
    ROW("store.ballast", ROW_BYTES, TOP(store.ballast), "16MiB", 0, 16 * GIB, ROW_RESTART),

    ROW("alert.max_lateness", ROW_DURATION, TOP(alert.max_lateness_ms), "1h", 0, 30 * MS_DAY, 0),
    ROW("alert.retry_max_age", ROW_DURATION, TOP(alert.retry_max_age_ms), "1d", MS_MINUTE,
        30 * MS_DAY, 0),
    ROW("alert.max_groups", ROW_COUNT, TOP(alert.max_groups), "1000", 1, 100000, 0),

    WORDS("alert.silence", ROW_WORD, TOP(alert.silence), "normal", 0, SILENCE_WORDS),
    ROW("alert.silence_history", ROW_DURATION, TOP(alert.silence_history_ms), "14d", 7 * MS_DAY,
        56 * MS_DAY, 0),
    WORDS("alert.silence_severity", ROW_WORD, TOP(alert.silence_severity), "warning", 0,
          "info,warning,critical"),

    ROW("dead_letters.keep", ROW_DURATION, TOP(dead_letters.keep_ms), "30d", MS_MINUTE,
        3650 * MS_DAY, 0),
    ROW("dead_letters.max_bytes", ROW_BYTES, TOP(dead_letters.max_bytes), "64MiB", MIB, 16 * GIB,
        0),

    SECTIONS("workspaces", LIST(config, workspaces, n_workspaces), 256,
             sizeof(struct config_workspace)),
    ROW(W "id", ROW_ID, WS(id), NULL, 0, 0, ROW_REQUIRED),
    ROW(W "name", ROW_TEXT, WS(name), NULL, 1, 200, 0),
    ROW(W "timezone", ROW_ZONE, WS(timezone), NULL, 0, 0, 0),
    ROW(W "days_off", ROW_TEXTS, LIST(config_workspace, days_off, n_days_off), NULL, 1, 400, 0),

    SECTIONS(W "hooks", LIST(config_workspace, hooks, n_hooks), 256, sizeof(struct config_hook)),
    ROW(H "source", ROW_NAME, HOOK(source), NULL, 0, 0, ROW_REQUIRED | ROW_UNIQUE),
    ROW(H "connector", ROW_PRESET, HOOK(connector), NULL, 1, 4000, 0),
    WORDS(H "scheme", ROW_ENUM, HOOK(scheme), NULL, ROW_REQUIRED,
          "none,token,header,custom," SIGNATURE_SCHEMES),
    ROW(H "secret", ROW_SECRETS, LIST(config_hook, secrets, n_secrets), NULL, 1, 8, 0),
    ROW(H "tolerance", ROW_DURATION, HOOK(tolerance_ms), "5m", 1000, MS_DAY, 0),
    ROW(H "records", ROW_TEXT, HOOK(records), "$", 1, 512, 0),
    ROW(H "map", ROW_MAP, LIST(config_hook, map, n_map), NULL, 0, 128, 0),
    ROW(H "signature.header", ROW_NAME, HOOK(own.header), NULL, 0, 0, 0),
    ROW(H "signature.prefix", ROW_TEXT, HOOK(own.prefix), NULL, 1, SIGNATURE_MAX_PREFIX, 0),
    ROW(H "signature.split", ROW_TEXT, HOOK(own.split), NULL, 1, 1, 0),
    WORDS(H "signature.digest", ROW_ENUM, HOOK(own.digest), "sha256", 0, "sha1,sha256"),
    WORDS(H "signature.encoding", ROW_ENUM, HOOK(own.encoding), "hex", 0, "hex,base64"),
    ROW(H "signature.key_prefix", ROW_TEXT, HOOK(own.key_prefix), NULL, 0, 32, 0),
    ROW(H "signature.key", ROW_TEXT, HOOK(own.key), NULL, 1, 200, 0),
    ROW(H "signature.signed", ROW_TEXT, HOOK(own.text), "{body}", 1, 400, 0),
    ROW(H "signature.time_header", ROW_NAME, HOOK(own.time_header), NULL, 0, 0, 0),
    ROW(H "signature.time_field", ROW_TEXT, HOOK(own.time_field), NULL, 1, 16, 0),
    WORDS(H "signature.time", ROW_ENUM, HOOK(own.time), "unix", 0, "unix,unix_ms,any"),
    ROW(H "dedupe", ROW_TEXT, HOOK(dedupe), NULL, 1, 200, 0),
    ROW(H "filter", ROW_TEXT, HOOK(filter_when), NULL, 1, 400, 0),
    ROW(H "deleted", ROW_TEXT, HOOK(deleted_when), NULL, 1, 400, 0),
    ROW(H "handshake.when", ROW_TEXT, HOOK(handshake_when), NULL, 1, 400, 0),
    ROW(H "handshake.reply", ROW_TEXT, HOOK(handshake_reply), NULL, 1, 200, 0),
    ROW(H "allow_get", ROW_FLAG, HOOK(allow_get), "false", 0, 0, 0),
    WORDS(H "silence", ROW_WORD, HOOK(silence), NULL, 0, SILENCE_WORDS),

    SECTIONS(W "receivers", LIST(config_workspace, receivers, n_receivers), 64,
             sizeof(struct config_receiver)),
    ROW(R "name", ROW_NAME, RECV(name), NULL, 0, 0, ROW_REQUIRED | ROW_UNIQUE),
    WORDS(R "type", ROW_ENUM, RECV(type), NULL, ROW_REQUIRED, "webhook,slack,jandi"),
    ROW(R "url", ROW_URL, RECV(url), NULL, 0, 0, ROW_REQUIRED | ROW_MAY_HIDE),
    ROW(R "secret", ROW_SECRET, RECV(secret), NULL, 0, 0, 0),
    ROW(R "timeout", ROW_DURATION, RECV(timeout_ms), "10s", 100, 5 * MS_MINUTE, 0),
    ROW(R "send_resolved", ROW_FLAG, RECV(send_resolved), "true", 0, 0, 0),
    ROW(R "allow_private", ROW_FLAG, RECV(allow_private), "false", 0, 0, 0),
    {R "severities", ROW_TEXTS, LIST(config_receiver, severities, n_severities), NULL, 1, 16, 0,
     "info,warning,critical", 0},

    SECTIONS(W "sources", LIST(config_workspace, sources, n_sources), 512,
             sizeof(struct config_source)),
    ROW(S "source", ROW_NAME, SRC(source), NULL, 0, 0, ROW_REQUIRED | ROW_UNIQUE),
    ROW(S "connector", ROW_PRESET, SRC(connector), NULL, 1, 4000, ROW_REQUIRED),
    ROW(S "cfg", ROW_PAIRS, LIST(config_source, cfg, n_cfg), NULL, 0, 64, 0),
    ROW(S "secrets", ROW_HIDDEN, LIST(config_source, secrets, n_secrets), NULL, 0, 16, 0),
    ROW(S "every", ROW_DURATION, SRC(every_ms), "1m", 100, 7 * MS_DAY, 0),
    ROW(S "retry", ROW_DURATION, SRC(retry_ms), "1s", 10, MS_HOUR, 0),
    ROW(S "start", ROW_DURATION, SRC(start_ms), "30d", 0, 36500 * MS_DAY, 0),
    ROW(S "allow_private", ROW_FLAG, SRC(allow_private), "false", 0, 0, 0),
    WORDS(S "silence", ROW_WORD, SRC(silence), NULL, 0, SILENCE_WORDS),
};
const size_t config_n_rows = ARRAY_LEN(config_rows);
_Static_assert(ARRAY_LEN(config_rows) <= CONFIG_MAX_ROWS, "config_scope has no room");

const struct config_row *config_row_find(struct span path)
{
    for (size_t i = 0; i < config_n_rows; i++)
        if (span_is(path, config_rows[i].path))
            return &config_rows[i];
    return NULL;
}

bool config_section_exists(struct span path)
{
    for (size_t i = 0; i < config_n_rows; i++) {
        struct span row = span_str(config_rows[i].path);
        if (span_starts(row, path) && row.n > path.n && row.p[path.n] == '.')
            return true;
    }
    return false;
}

/* Edits (insert, delete, replace, each 1) that turn a into b; both at most 63 bytes, else far. */
static unsigned distance(struct span a, struct span b)
{
    unsigned row[64], diagonal;
    if (a.n >= ARRAY_LEN(row) || b.n >= ARRAY_LEN(row))
        return ARRAY_LEN(row);
    for (unsigned k = 0; k <= b.n; k++)
        row[k] = k;
    for (unsigned i = 1; i <= a.n; i++) {
        diagonal = row[0];
        row[0] = i;
        for (unsigned k = 1; k <= b.n; k++) {
            unsigned replaced = diagonal + (a.p[i - 1] != b.p[k - 1]);
            diagonal = row[k];
            unsigned shorter = row[k - 1] < row[k] ? row[k - 1] : row[k];
            row[k] = replaced < shorter + 1 ? replaced : shorter + 1;
        }
    }
    return row[b.n];
}

struct span config_suggest(struct span prefix, struct span key)
{
    struct span best = SPAN_NONE;
    unsigned best_distance = (key.n < 4 ? 1 : key.n < 9 ? 2 : 3) + 1; /* must be under this */
    for (size_t i = 0; i < config_n_rows; i++) {
        struct span path = span_str(config_rows[i].path);
        if (!span_starts(path, prefix))
            continue;
        struct span rest = span_of(path.p + prefix.n, path.n - prefix.n);
        size_t dot = span_find_char(rest, '.'), bracket = span_find_char(rest, '[');
        rest.n = dot < bracket ? dot : bracket;
        unsigned d = distance(key, rest);
        if (d < best_distance) {
            best_distance = d;
            best = rest;
        }
    }
    return best;
}
