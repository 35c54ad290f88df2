/* config_impl: what the files of the configuration reader share. Not for others.
 *
 *   config.c         files, the snapshot, what needs a restart
 *   config_schema.c  the one table: path, type, default, bounds, place in struct config
 *   config_value.c   one scalar to its place in memory
 *   config_list.c    lists of text, secrets, `map:` entries
 *   config_read.c    the tree of a file against the table
 *   config_hook.c    what a connector says of a hook, under what the configuration says
 *   config_check.c   rules between several values */
#ifndef VOC_CORE_CONFIG_IMPL_H
#define VOC_CORE_CONFIG_IMPL_H

#include <stdatomic.h>

#include "daemon/core/config.h"
#include "daemon/core/yaml.h"

enum row_type {
    ROW_TEXT,     /* struct span, min..max bytes */
    ROW_FILE,     /* struct span; relative to the directory of the file that says it */
    ROW_PRESET,   /* struct span; a name, or a path when there is a / in it or a .yaml at its end */
    ROW_FLAG,     /* bool */
    ROW_U16,      /* uint16_t */
    ROW_U32,      /* uint32_t */
    ROW_COUNT,    /* size_t */
    ROW_BYTES,    /* size_t, "8MiB" */
    ROW_DURATION, /* int64_t ms, "10s" */
    ROW_WORD,     /* struct span, one of `names` */
    ROW_ENUM,     /* int, index into `names` */
    ROW_ZONE,     /* struct span */
    ROW_ADDRESS,  /* struct span, numeric IPv4 or IPv6 */
    ROW_URL,      /* struct span, http or https */
    ROW_PROXY,    /* struct span, http, https or socks5h */
    ROW_ID,       /* struct span, [a-z0-9][a-z0-9-]{0,62} */
    ROW_NAME,     /* struct span, [A-Za-z0-9][A-Za-z0-9._-]{0,62} */
    ROW_TEXTS,    /* list of struct span, at most max; of `names` when there are any */
    ROW_SECRETS,  /* NAME_file, NAME_env: list of struct span, at most max */
    ROW_SECRET,   /* the same for exactly one */
    ROW_MAP,      /* list of struct map_entry */
    ROW_PAIRS,    /* list of struct pair: a section of NAME: text, at most max */
    ROW_HIDDEN,   /* the same of NAME_file: FILE, NAME_env: VARIABLE */
    ROW_LIST,     /* list of sections, `size` bytes each */
};

enum row_flag {
    ROW_REQUIRED = 1,
    ROW_UNIQUE = 2,   /* among its siblings in the list */
    ROW_RESTART = 4,  /* a change takes effect after a restart */
    ROW_MAY_HIDE = 8, /* also NAME_file, NAME_env, for values that may be secret */
};

struct config_row {
    const char *path; /* "http.port", "workspaces[].hooks[].source" */
    enum row_type type;
    size_t offset, count; /* in the innermost list's struct; count: where n_… is */
    const char *preset;   /* as one would write it; NULL: absent */
    int64_t min, max;
    unsigned flags;
    const char *names; /* "a,b,c" */
    size_t size;
};
extern const struct config_row config_rows[];
extern const size_t config_n_rows;
enum { CONFIG_MAX_ROWS = 144, CONFIG_MAX_PATH = 128 };

/* A secret of its own, so that it can be wiped. */
struct config_secret {
    struct config_secret *next;
    size_t n;
    char text[];
};

struct config_snapshot {
    struct config c; /* first: what others see */
    atomic_uint refs;
    struct arena arena;
    struct config_secret *secrets;
};

struct config_place {
    const struct yaml_source *source; /* NULL: not given */
    struct yaml_pos at;
};

/* One struct being filled: struct config itself, or an element of a list. */
struct config_scope {
    void *base;
    struct config_place self;                   /* where it begins */
    struct config_place given[CONFIG_MAX_ROWS]; /* by row: its value; of this scope's rows only */
    bool filling; /* from a connector's file: what has been given stays */
};

/* An element of a list in a workspace. Such are finished after the last file: only then is it known
 * where the connectors are. */
struct config_element {
    struct config_element *next;
    struct config_scope *parent, *scope;
    const struct config_row *list;
    size_t index;
};

/* A connector's file that hooks name; many may name one. */
struct config_connector {
    struct config_connector *next;
    struct yaml_source source;
    struct yaml_node *root; /* NULL: what is wrong was told */
};

struct config_reader {
    struct config_snapshot *snapshot;
    struct arena *temp; /* dies with the load */
    struct yaml_problems *problems;
    const struct yaml_source *source; /* the file being read */
    struct config_scope *root;
    struct config_scope **workspaces; /* as many as c.workspaces, same order */
    size_t n_workspaces;
    struct config_element *elements, *last_element;
    struct config_connector *connectors;
};

static inline void *config_field(const struct config_scope *s, size_t offset)
{
    return (char *)s->base + offset;
}

/* The row of exactly this path, or NULL. */
const struct config_row *config_row_find(struct span path);
/* Whether some row lies below "PATH." */
bool config_section_exists(struct span path);
/* The key among those under `prefix` ("", "http.", "workspaces[].") that looks most like `key`;
 * absent when none is near. The span is static. */
struct span config_suggest(struct span prefix, struct span key);

/* Puts the scalar into its place. 0; -EINVAL with the rest of a sentence in `why`
 * ("is not between 1 and 5"); -ENOMEM. */
enum { CONFIG_WHY = 256 };
int config_value(struct config_reader *r, const struct config_row *row, struct span text,
                 void *field, char why[CONFIG_WHY]);
/* Index of the word in "a,b,c", or -1. */
int config_word(const char *names, struct span word);
/* What the type expects: "a duration like 10s". */
const char *config_expected(const struct config_row *row);
/* "8MiB", "512"; 0 or -EINVAL. */
int config_bytes(struct span text, int64_t *ret);

/* Problems are told; 0 also then. -ENOMEM. */
int config_read_texts(struct config_reader *r, struct config_scope *s, const struct config_row *row,
                      const struct yaml_node *n);
int config_read_map(struct config_reader *r, struct config_scope *s, const struct config_row *row,
                    const struct yaml_node *n);
int config_read_pairs(struct config_reader *r, struct config_scope *s, const struct config_row *row,
                      const struct yaml_node *n);
int config_read_hidden(struct config_reader *r, struct config_scope *s,
                       const struct config_row *row, const struct yaml_node *n);
/* NAME_file (`file` true) or NAME_env. */
int config_read_secret(struct config_reader *r, struct config_scope *s,
                       const struct config_row *row, const struct yaml_node *n, bool file);
int config_read_tree(struct config_reader *r, const struct yaml_node *root);
/* A section into a scope; `prefix` is "workspaces[].hooks[]." */
int config_read_section(struct config_reader *r, struct config_scope *s, struct span prefix,
                        const struct yaml_node *n);
/* The text of a file in the reader's temporary arena. 0, -errno, -EFBIG. */
int config_read_file(struct config_reader *r, const char *path, struct span *ret);
/* What was not given gets its default, or is reported missing. Problems are told; -ENOMEM. */
int config_finish_scope(struct config_reader *r, struct config_scope *s, struct span prefix);
/* A hook's connector speaks for what was not given. Problems are told; -ENOMEM. */
int config_fill_element(struct config_reader *r, const struct config_row *list,
                        struct config_scope *s);
/* "http.port=9000", which wins over files. */
int config_read_setting(struct config_reader *r, const struct yaml_source *source);
/* Defaults and what is missing; call once after all files. */
int config_finish(struct config_reader *r);
void config_check(struct config_reader *r);
/* One finished hook or receiver, an element of `list`. */
void config_check_element(struct config_reader *r, const struct config_row *list,
                          const struct config_scope *s);
/* What a hook means, but for its secrets. */
void config_check_hook_shape(struct config_reader *r, const struct config_scope *s);

/* A path as the file `r->source` means it, in the snapshot's arena. */
struct span config_resolve(struct config_reader *r, struct span path);
void config_problem(struct config_reader *r, const struct config_place *place, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
