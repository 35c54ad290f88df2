/* fuzz_mime: any bytes as a mail become a record, are left out, or are refused with a reason; what
 * becomes a record is valid UTF-8 within its bounds, and the same when it is read again. */
#include <stdlib.h>

#include "base/err.h"
#include "base/utf8.h"
#include "daemon/collect/mail.h"

enum { MAX_TEXT = 65536, MAX_ID = 512 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool fine)
{
    if (!fine)
        abort();
}

static struct span text_of(json_t *record, const char *key)
{
    json_t *v = json_object_get(record, key);
    return span_of(json_string_value(v), json_string_length(v));
}

static int read_mail(struct span bytes, struct arena *a, json_t **ret)
{
    struct mail_rules rules = {
        .source = SPAN_LIT("s"), .max_text = MAX_TEXT, .max_id = MAX_ID, .keep_automatic = true};
    struct reject why = {0};
    *ret = NULL;
    int rc = mail_record(bytes, 1795305600000, &rules, a, ret, &why);
    must(rc == 0 || rc == -EINVAL || rc == -ENOMEM);
    must(rc != -EINVAL || (why.code && *why.detail));
    must((rc == 0) == (*ret != NULL));
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena a;
    json_t *record, *again;
    arena_init(&a, 64 << 20);
    struct span bytes = span_of(n ? (const char *)data : "", n);
    if (read_mail(bytes, &a, &record) == 0) {
        struct span text = text_of(record, "text"), id = text_of(record, "external_id");
        must(text.n > 0 && text.n <= MAX_TEXT && utf8_valid(text) == text.n);
        must(id.n > 0 && id.n <= MAX_ID);
        must(read_mail(bytes, &a, &again) == 0 && json_equal(record, again));
        json_decref(again);
        json_decref(record);
    }
    arena_done(&a);
    return 0;
}
