/* request: what a stream's description and the walk's position make of one HTTP request. Pure: it
 * fills a struct fetch_request whose text lives in the arena; whoever sends it wipes nothing more
 * than the arena.
 *
 * Everything that carries credentials goes to the origin of `base` and nowhere else: a next page's
 * URL has been checked by walk.h, a child's path is a path. */
#ifndef VOC_COLLECT_REQUEST_H
#define VOC_COLLECT_REQUEST_H

#include "daemon/collect/sources.h"
#include "daemon/collect/walk.h"
#include "daemon/core/fetch.h"

struct request_env {
    const struct source *source;
    const struct stream *stream; /* NULL while only cfg and secret are known */
    const struct walk *walk;
    struct span partition;
    json_t *record;    /* of a child; else NULL */
    struct span token; /* oauth2's or jwt's access token */
    int64_t now;       /* wall clock, for what is signed */
    bool masked;       /* *** for secrets: what may be shown */
};

/* 0; -EINVAL with a sentence; -ENOMEM. */
int request_page(const struct request_env *env, struct arena *a, struct fetch_request *ret,
                 char *why, size_t size);
/* -ENOENT when the record has not what the child's address needs. */
int request_child(const struct request_env *env, const struct hydrate *h, struct arena *a,
                  struct fetch_request *ret, char *why, size_t size);
/* The token request of oauth2 or jwt; `refresh`: the refresh token in force, absent for client
 * credentials and statements. */
int request_token(const struct request_env *env, struct span refresh, struct arena *a,
                  struct fetch_request *ret, char *why, size_t size);
/* What every command to a mailbox has: server, credentials, bounds; and what is said of it. The URL
 * has no path yet. */
struct request_mailbox {
    struct fetch_request request;
    struct span name; /* of the mailbox */
    bool keep_automatic;
};
int request_mailbox(const struct request_env *env, struct arena *a, struct request_mailbox *ret,
                    char *why, size_t size);
/* jwt without a token server: the signed statement, which is the token. The same. */
int request_assertion(const struct request_env *env, struct arena *a, struct span *ret, char *why,
                      size_t size);
/* Values of the list behind `partition:`, split at commas. 0 or -ENOMEM. */
int request_partitions(const struct request_env *env, struct arena *a, struct span **ret,
                       size_t *ret_n);

#endif
