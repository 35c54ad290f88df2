/* fuzz_tables: any bytes as a tables file are refused, or good enough to analyse with. An even
 * first byte: the rest is the file. Else it is a list of changes to the small lexicon's tables,
 * four bytes each (three of place, one to put there), and the checksum is made right again, so that
 * everything behind it is reached. */
#include <stdlib.h>

#include "base/err.h"
#include "nlp/tables.h"
#include "tests/fuzz/nlp_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct buf good;

static struct span change(const uint8_t *p, size_t n, struct buf *out)
{
    const size_t head = offsetof(struct lex_header, sections);
    buf_reset(out);
    buf_append(out, good.p, good.n);
    if (buf_error(out))
        abort();
    for (; n >= 4; p += 4, n -= 4) {
        size_t at = (size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2];
        out->p[at % out->n] = (char)p[3];
    }
    uint64_t sum = tables_checksum(out->p + head, out->n - head);
    memcpy(out->p + offsetof(struct lex_header, checksum), &sum, sizeof(sum));
    return buf_span(out);
}

static void read_some(const struct nlp_tables *t)
{
    static const char *const texts[] = {
        "배송이 너무 늦었는데 상담원은 친절하지 않네요. 왜 이렇게 안 오나요? 010-1234-5678",
        "예전엔 좋았는데 고장 나면 어디로 가나요, 급하니 빨리 답 주세요!! 꿀잼 감사합니다",
        "not good, want my money back. 배송 3일째 좋아요 좋아요"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        rig_read(t, texts[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct buf changed;
    struct nlp_tables *t;
    if (n < 2)
        return 0;
    if (!good.n) {
        buf_init(&good, 0);
        buf_init(&changed, 0);
        rig_lexicon(true, &good);
    }
    struct span file = span_of((const char *)data + 1, n - 1);
    if (data[0] & 1)
        file = change(data + 1, n - 1, &changed);
    int r = nlp_tables_open(rig_file(0, file), &t);
    if (r == 0) {
        read_some(t);
        nlp_tables_unref(t);
    } else if (r != -VOC_E_CORRUPT && r != -VOC_E_VERSION && r != -ENOMEM) {
        abort();
    }
    return 0;
}
