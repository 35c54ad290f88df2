#include "daemon/collect/letter.h"

#include <openssl/evp.h>
#include <xxhash.h>

#include "base/err.h"
#include "base/utf8.h"
#include "base/uuid7.h"
#include "daemon/format/json_out.h"

enum { LETTER_MAX = 128 << 20 };

static void add_base64(struct json_out *j, struct arena *a, struct span payload)
{
    char *text = arena_alloc(a, payload.n / 3 * 4 + 5);
    int n = text ? EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)payload.p,
                                   (int)payload.n)
                 : 0;
    json_text(j, "payload_base64", text ? span_of(text, (size_t)n) : SPAN_NONE);
}

/* A source that is read again and again shows the same record again and again. */
static struct span mark_of(struct arena *a, const struct letter *l)
{
    if (!l->once)
        return SPAN_NONE;
    XXH128_hash_t h = XXH3_128bits(l->payload.p, l->payload.n);
    return arena_printf(a, "letter/%.*s/%016llx%016llx", SPAN_FMT(l->source),
                        (unsigned long long)h.high64, (unsigned long long)h.low64);
}

int letter_add(struct intake *in, const struct letter *l, int64_t now, struct rng rng)
{
    struct uuid id = uuid7_make(now, &rng);
    char text[UUID_TEXT];
    struct buf b;
    int rc = intake_refuse(in, l->why);

    if (rc < 0)
        return rc;
    uuid_format(&id, text);
    buf_init(&b, LETTER_MAX);
    struct json_out j = json_out_to(&b);
    json_open(&j, NULL, '{');
    json_cstr(&j, "id", text);
    json_time(&j, "received_at", now, 0);
    json_text(&j, "source", l->source);
    json_cstr(&j, "code", l->why->code);
    json_cstr(&j, "detail", l->why->detail);
    if (utf8_valid(l->payload) == l->payload.n)
        json_text(&j, "payload", l->payload);
    else
        add_base64(&j, &in->arena, l->payload);
    json_close(&j, '}');
    struct intake_letter kept = {
        .key = arena_dup(&in->arena, span_str(text)),
        .value = buf_error(&b) ? SPAN_NONE : arena_dup(&in->arena, buf_span(&b)),
        .mark = mark_of(&in->arena, l),
    };
    buf_done(&b);
    if (!kept.key.p || !kept.value.p || (l->once && !kept.mark.p))
        return -ENOMEM;
    return intake_letter(in, &kept);
}
