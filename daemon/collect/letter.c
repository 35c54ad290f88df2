#include "daemon/collect/letter.h"

#include <xxhash.h>

#include "base/err.h"
#include "daemon/pipeline/dead_letter.h"

/* A source that is read again and again shows the same record again and again. */
static struct span mark_of(struct arena *a, const struct letter *l)
{
    if (!l->once)
        return SPAN_NONE;
    XXH128_hash_t h = XXH3_128bits(l->payload.p, l->payload.n);
    return arena_printf(a, DEAD_LETTER_MARK "%.*s/%016llx%016llx", SPAN_FMT(l->source),
                        (unsigned long long)h.high64, (unsigned long long)h.low64);
}

int letter_add(struct intake *in, const struct letter *l, int64_t now, struct rng rng)
{
    struct uuid id = uuid7_make(now, &rng);
    char text[UUID_TEXT];
    int rc = intake_refuse(in, l->why);
    if (rc < 0)
        return rc;
    uuid_format(&id, text);
    struct dead_letter dead = {
        .source = l->source,
        .stream = l->stream,
        .whole = l->whole,
        .code = span_str(l->why->code),
        .detail = span_str(l->why->detail),
        .received_at = now,
        .tried_at = NO_TIME,
        .payload = l->payload,
    };
    struct intake_letter kept = {
        .key = arena_dup(&in->arena, span_str(text)),
        .mark = mark_of(&in->arena, l),
        .retry = l->retry,
    };
    rc = dead_letter_write(&dead, &in->arena, &kept.value);
    if (rc < 0 || !kept.key.p || (l->once && !kept.mark.p))
        return -ENOMEM;
    return intake_letter(in, &kept);
}
