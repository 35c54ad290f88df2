/* fuzz_transcript: any bytes as a transcript are refused with a reason, or give turns and records.
 * Of the first byte two bits choose the form, one who others are, one whether each speaker has a
 * record. */
#include <stdlib.h>

#include "base/err.h"
#include "base/utf8.h"
#include "daemon/format/conversation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(struct span text)
{
    if (utf8_valid(text) != text.n)
        abort();
}

static void give(const struct conversation_rules *rules, const struct transcript *t)
{
    struct conversation_set *s;
    struct reject why;
    json_t *record;
    uint64_t line;
    int rc;

    if (conversation_new(rules, &s) < 0)
        return;
    if (conversation_transcript(s, SPAN_LIT("file"), t, &why) == 0)
        while ((rc = conversation_next(s, &record, &line, &why)) != 0) {
            if (rc == 1)
                json_decref(record);
            else if (rc != -EINVAL)
                break;
        }
    conversation_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const struct pair names[] = {{SPAN_LIT("진행자"), SPAN_LIT("agent")},
                                        {SPAN_LIT("P1"), SPAN_LIT("customer")},
                                        {SPAN_LIT("메모"), SPAN_LIT("text")}};
    static const struct map_entry map[] = {
        {.target = SPAN_LIT("text"), .path = SPAN_LIT("$.text")},
        {.target = SPAN_LIT("created_at"), .path = SPAN_LIT("$.일시")},
        {.target = SPAN_LIT("attributes.who"), .path = SPAN_LIT("$.speaker")}};
    struct transcript t;
    struct reject why;
    struct arena a;

    if (n < 1)
        return 0;
    struct speakers speakers = {names, ARRAY_LEN(names),
                                data[0] & 4 ? BY_CUSTOMER : SPEAKER_UNKNOWN};
    struct conversation_rules rules = {
        .map = map, .n_map = ARRAY_LEN(map), .speakers = &speakers, .each_speaker = data[0] & 8};
    arena_init(&a, 0);
    int rc = transcript_read((enum transcript_form)((data[0] & 3) % 3),
                             span_of((const char *)data + 1, n - 1), &speakers, &a, &t, &why);
    if (rc == -EINVAL)
        check(span_str(why.detail));
    for (size_t i = 0; rc == 0 && i < t.n_said; i++) {
        check(t.said[i].label);
        check(t.said[i].text);
    }
    if (rc == 0)
        give(&rules, &t);
    arena_done(&a);
    return 0;
}
