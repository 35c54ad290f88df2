/* config: vocd.yaml and the .yaml files of conf.d/, read by libfyaml against one schema table into
 * an immutable, reference-counted snapshot. Built and checked whole first, then swapped (SIGHUP).
 *
 * Threads: building on the loop thread (or in main before it); a snapshot may be read from any
 * thread that holds a reference; the count is atomic. Every span and pointer lives in the snapshot.
 *
 * Files merge in this order: the main file, then those of conf.d/ beside it by name. A mapping key
 * given twice (in one file or across files) is an error, but `workspaces` lists are joined; so are
 * their `hooks`, `receivers` and `sources` when a workspace id appears in several files. */
#ifndef VOC_CORE_CONFIG_H
#define VOC_CORE_CONFIG_H

#include "base/buf.h"
#include "base/record.h"
#include "daemon/format/expr.h"
#include "daemon/format/mapping.h"
#include "daemon/format/signature.h"

struct yaml_node;
struct yaml_problems;
struct yaml_source;

/* --- incoming webhooks: POST /v1/hooks/{workspace}/{source} --- */
/* none, token (Bearer, X-Vocd-Token or ?token=), header (a secret as it is, in signature.header),
 * custom (signature.*), and from HOOK_NAMED on those of format/signature.h by name. */
enum hook_scheme { HOOK_NONE, HOOK_TOKEN, HOOK_HEADER, HOOK_CUSTOM, HOOK_NAMED };
struct config_hook {
    struct span source;
    struct span connector; /* whose `hook:` says what the configuration does not; absent: none */
    enum hook_scheme scheme;
    const struct span *secrets; /* several during rotation; never logged */
    size_t n_secrets;
    int64_t tolerance_ms;
    struct span records; /* path of the record or records in the payload; "$" */
    const struct map_entry *map;
    size_t n_map;
    struct { /* of HOOK_CUSTOM and HOOK_HEADER */
        struct span header, prefix, split, key_prefix, key, text, time_header, time_field;
        int digest, encoding, time;
    } own;
    const struct signature_scheme *signature; /* NULL for none, token and header */
    struct span dedupe; /* a header's name, or a path: of a delivery that may come again */
    struct span handshake_when, handshake_reply; /* a condition of the body; a path or {h:NAME} */
    const struct expr *handshake;
    struct span filter_when, deleted_when; /* conditions of a record: */
    const struct expr *filter;             /* it is one; NULL: all are */
    const struct expr *deleted;            /* it is gone */
    bool allow_get;                        /* GET and HEAD are answered 200 */
    struct span silence;                   /* off, low, normal, high; absent: as alert.silence */
};

/* --- where alerts go --- */
enum receiver_type { RECEIVER_WEBHOOK, RECEIVER_SLACK, RECEIVER_JANDI };
struct config_receiver {
    struct span name;
    enum receiver_type type;
    struct span url;    /* secret for slack and jandi: never logged whole */
    struct span secret; /* whsec_… for webhook; absent: unsigned */
    int64_t timeout_ms;
    bool send_resolved;
    bool allow_private;      /* link-local and metadata addresses are refused unless set */
    struct span *severities; /* only these; none: all */
    size_t n_severities;
};

/* --- upstreams that are asked: collect/sources.h --- */
struct config_source {
    struct span source;
    struct span connector;            /* a preset's name, or a file */
    const struct pair *cfg, *secrets; /* {{cfg.NAME}} and {{secret.NAME}} of the connector */
    size_t n_cfg, n_secrets;
    int64_t every_ms; /* between two polls */
    int64_t retry_ms; /* first wait after a failure; it doubles */
    int64_t start_ms; /* how far back the first poll goes */
    bool allow_private;
    struct span silence; /* as of a hook */
    struct span place;   /* FILE:LINE:COLUMN of it */
};

struct config_workspace {
    struct span id, name;
    struct span timezone;
    const struct span *days_off; /* dates: no silence of a source on them is told */
    size_t n_days_off;
    const struct config_hook *hooks;
    size_t n_hooks;
    const struct config_receiver *receivers;
    size_t n_receivers;
    const struct config_source *sources;
    size_t n_sources;
};

struct config {
    struct span file;
    struct span state;        /* directory */
    struct span lexicons;     /* compiled tables */
    struct span connectors;   /* directory of presets */
    struct span timezone;     /* default of workspaces */
    struct span proxy;        /* outbound; absent: none */
    struct span ca_file;      /* whom outgoing TLS trusts; absent: whom the system does */
    struct span external_url; /* how people reach us, for links in notices */
    struct {
        struct span level;  /* debug info warning error */
        struct span format; /* text json */
    } log;
    struct {
        struct span address; /* 127.0.0.1 */
        uint16_t port;
        struct span tls_certificate, tls_key; /* files; both or none */
        const struct span *hosts;             /* Host values accepted besides the address */
        size_t n_hosts;
        size_t max_connections, max_header, max_body, max_stream;
        int64_t header_timeout_ms, body_timeout_ms, idle_timeout_ms, write_timeout_ms,
            stream_timeout_ms;
        size_t min_rate; /* bytes a second a streamed body must keep up, on average */
    } http;
    struct {
        size_t queue_bytes; /* accepted but not committed */
        size_t batch_bytes; /* cap of one write transaction */
        size_t max_text, max_id, max_attributes, max_attribute_bytes;
        int64_t max_future_ms;
    } intake;
    struct {
        int64_t failure_window_ms; /* wrong tokens per address … */
        uint32_t max_failures;
        int64_t session_ms;    /* of the console, from sign-in */
        struct span bootstrap; /* file of first tokens, made when there are none; absent: none */
    } auth;
    struct {
        size_t map_size, ballast;
    } store;
    struct {
        int64_t max_lateness_ms, retry_max_age_ms;
        size_t max_groups;
        int64_t silence_history_ms; /* of the dead-man switch, and: */
        struct span silence, silence_severity;
    } alert;
    struct {
        int64_t keep_ms;
        size_t max_bytes; /* of the disk, a workspace */
    } dead_letters;
    const struct config_workspace *workspaces;
    size_t n_workspaces;
};

/* Reads `path` and what lies in conf.d/ beside it. 0; -EINVAL with `messages` filled, one problem
 * each: "FILE:LINE:COLUMN: what", the source line, a caret line (at most 50); -ENOMEM. Secrets
 * named by
 * *_file or *_env are read here; a file that everybody may read is warned of in the log. Relative
 * paths are relative to the file that says them. Strings are NUL-terminated. */
int config_load(const char *path, struct buf *messages, struct config **ret_config);
/* The same, with `path` NULL for the defaults alone, and settings ("http.port=9000", "state=/x")
 * that win over the files; single values of the top sections only. */
int config_load_with(const char *path, const char *const *settings, size_t n, struct buf *messages,
                     struct config **ret_config);
struct config *config_ref(struct config *c);
void config_unref(struct config *c); /* NULL is fine; secrets are wiped */
/* Where the file of a connector is: a bare name is a preset, in c->connectors. 0 or
 * -ENAMETOOLONG. */
int config_connector_path(const struct config *c, struct span name, char *path, size_t size);
/* The `hook:` section of a connector, by itself. Problems are told; 0 also then. -ENOMEM. */
int config_check_hook(const struct yaml_source *source, const struct yaml_node *hook,
                      struct yaml_problems *problems);
const struct config_workspace *config_workspace(const struct config *c, struct span id);
/* What would need a restart to take effect (listen address, state…): a message per difference. */
size_t config_restart_needed(const struct config *old, const struct config *new,
                             struct buf *messages);

#endif
