#include <stdlib.h>

#include "base/err.h"
#include "daemon/ctl/ctl.h"
#include "daemon/ctl/verbs_nlp.h"

static const char intro[] =
    "usage: vocctl NOUN VERB [ARGUMENTS] [-o table|json|csv] [--url URL] [--token TOKEN]\n"
    "              [--tokens FILE]\n\n"
    "  analyze [--explain] < in.ndjson     analyse texts, no daemon needed\n"
    "  lexicon compile|check|test|diff     work on lexicons, no daemon needed\n"
    "  import FILE… --map-file FILE        send tables, workbooks, transcripts\n"
    "  sample load|remove|stream           the sample workspace\n"
    "  alert listen [--port N]             show notices as a receiver gets them\n"
    "  experiment declare ID …             what an A/B test is meant to be\n"
    "  experiment summary ID               how its arms compare, and the verdict\n"
    "  source check FILE                   whether a connector file is sound\n"
    "  webhook verify --source S --file F  why a webhook is refused\n"
    "  access-log verify                   check the hash chain\n"
    "  backup create STATE DIR             copy a running daemon's data\n"
    "  backup restore DIR STATE            put a copy where nothing is\n"
    "  ready [--wait SECONDS]              whether the daemon can be used\n"
    "  hello                               address and calls to paste\n";

const char *ctl_option(struct ctl *c, const char *name)
{
    for (int i = 0; i + 1 < c->argc; i++) {
        if (strcmp(c->argv[i], name) != 0)
            continue;
        const char *value = c->argv[i + 1];
        memmove(&c->argv[i], &c->argv[i + 2], (size_t)(c->argc - i - 2) * sizeof *c->argv);
        c->argc -= 2;
        return value;
    }
    return NULL;
}

bool ctl_number(struct ctl *c, const char *name, int64_t min, int64_t max, int64_t *io)
{
    const char *text = ctl_option(c, name);
    int64_t v;
    if (!text)
        return true;
    if (span_to_i64(span_str(text), &v) < 0 || v < min || v > max) {
        fprintf(stderr, "vocctl: %s takes a whole number from %lld to %lld\n", name, (long long)min,
                (long long)max);
        return false;
    }
    *io = v;
    return true;
}

bool ctl_flag(struct ctl *c, const char *name)
{
    for (int i = 0; i < c->argc; i++) {
        if (strcmp(c->argv[i], name) != 0)
            continue;
        memmove(&c->argv[i], &c->argv[i + 1], (size_t)(c->argc - i - 1) * sizeof *c->argv);
        c->argc--;
        return true;
    }
    return false;
}

bool ctl_leftover(const struct ctl *c, int expected)
{
    if (c->argc <= expected)
        return false;
    fprintf(stderr, "vocctl: \"%s\" is not understood here\n", c->argv[expected]);
    return true;
}

static int usage(FILE *to, int code)
{
    fputs(intro, to);
    ctl_api_usage(to);
    return code;
}

/* Offline verbs read their own arguments. */
static int dispatch_offline(int argc, char **argv)
{
    if (strcmp(argv[1], "analyze") == 0)
        return ctl_analyze(argc - 1, argv + 1);
    if (strcmp(argv[1], "lexicon") == 0)
        return ctl_lexicon(argc - 1, argv + 1);
    if (strcmp(argv[1], "--version") == 0) {
        puts("vocctl " VOC_VERSION);
        return CTL_OK;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
        return usage(stdout, CTL_OK);
    return -1;
}

struct verb {
    const char *noun, *verb; /* verb NULL: none, or many that `run` tells apart */
    int (*run)(struct ctl *c);
};
static const struct verb verbs[] = {
    {"source", "check", ctl_source_check},
    {"webhook", "verify", ctl_webhook_verify},
    {"import", NULL, ctl_import},
    {"sample", NULL, ctl_sample},
    {"alert", "listen", ctl_listen},
    {"access-log", "verify", ctl_access_log},
    {"backup", NULL, ctl_backup},
    {"ready", NULL, ctl_ready},
    {"hello", NULL, ctl_hello},
    {"experiment", "declare", ctl_experiment},
    {"experiment", "summary", ctl_experiment},
};

static int dispatch(struct ctl *c)
{
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        const struct verb *v = &verbs[i];
        if (strcmp(c->argv[0], v->noun) != 0)
            continue;
        if (!v->verb || (c->argc > 1 && strcmp(c->argv[1], v->verb) == 0))
            return v->run(c);
    }
    int code = ctl_api(c);
    return code >= 0 ? code : usage(stderr, CTL_USAGE);
}

static int common_options(struct ctl *c)
{
    const char *format = ctl_option(c, "-o");
    c->client.url = ctl_option(c, "--url");
    c->client.token = ctl_option(c, "--token");
    c->client.tokens = ctl_option(c, "--tokens");
    int found = format ? print_format_find(format) : PRINT_TABLE;
    if (found < 0) {
        fputs("vocctl: -o takes table, json or csv\n", stderr);
        return -EINVAL;
    }
    c->format = (enum print_format)found;
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return usage(stderr, CTL_USAGE);
    int code = dispatch_offline(argc, argv);
    if (code >= 0)
        return code;
    struct ctl c = {.argc = argc - 1, .argv = argv + 1};
    if (common_options(&c) < 0)
        return CTL_USAGE;
    return c.argc > 0 ? dispatch(&c) : usage(stderr, CTL_USAGE);
}
