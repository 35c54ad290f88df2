/* ctl: vocctl. main.c finds the verb; api.c serves those that are one call, from a table; the rest
 * have files of their own. Exit codes: 0 done, 1 it did not work, 2 wrong arguments. */
#ifndef VOC_CTL_H
#define VOC_CTL_H

#include "daemon/ctl/client.h"
#include "daemon/ctl/print.h"

enum { CTL_OK = 0, CTL_FAILED = 1, CTL_USAGE = 2 };

/* Options common to all verbs, taken out of the arguments wherever they stand. */
struct ctl {
    struct client_options client;
    enum print_format format;
    int argc; /* what is left; argv[0] is the noun */
    char **argv;
};

/* The value of `--name VALUE`, removed from the arguments; NULL when it is not there. */
const char *ctl_option(struct ctl *c, const char *name);
/* A whole number given as `--name N`, left alone when it is not there; false after complaining. */
bool ctl_number(struct ctl *c, const char *name, int64_t min, int64_t max, int64_t *io);
/* Whether `--name` was there; removed. */
bool ctl_flag(struct ctl *c, const char *name);
/* Complains about what nobody took; true when there was something. */
bool ctl_leftover(const struct ctl *c, int expected);

/* One-call verbs; -1 when the noun and verb are none of them. */
int ctl_api(struct ctl *c);
void ctl_api_usage(FILE *to);

int ctl_import(struct ctl *c);         /* import FILE… --map … */
int ctl_sample(struct ctl *c);         /* sample load | remove | stream */
int ctl_listen(struct ctl *c);         /* alert listen */
int ctl_backup(struct ctl *c);         /* backup create | restore */
int ctl_experiment(struct ctl *c);     /* experiment declare | summary */
int ctl_access_log(struct ctl *c);     /* access-log verify */
int ctl_ready(struct ctl *c);          /* ready */
int ctl_hello(struct ctl *c);          /* hello: calls to paste */
int ctl_source_check(struct ctl *c);   /* source check FILE */
int ctl_webhook_verify(struct ctl *c); /* webhook verify */

#endif
