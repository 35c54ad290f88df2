/* notice: what people read of an alert: one sentence each in Korean and English when it fires and
 * when it resolves, and the message a receiver shows, Korean first.
 *
 * Pure. Nothing here sees a record's text: quotes come masked in the document. */
#ifndef VOC_ALERT_NOTICE_H
#define VOC_ALERT_NOTICE_H

#include "base/buf.h"
#include "daemon/alert/document.h"
#include "daemon/alert/transition.h"

/* Why it fires: "최근 1시간 12건 가운데 9건이 부정으로, 부정 비율이 75%입니다 (기준 60% 이상)." Of
 * a rule with `each`, `labels` names what the record was found to be; it may be empty. */
int notice_firing(const struct alert_rule *r, const struct window_value *v, struct span labels,
                  enum lang lang, struct buf *out);
/* The same of a silent source: "지난 4시간 동안 desk에서 들어온 글이 없습니다 …". */
int notice_silent(const struct silence_case *c, enum lang lang, struct buf *out);
/* Why it is over. A silent source that is heard again says what it brings. */
int notice_heard(const struct silence_case *c, enum lang lang, struct buf *out);
/* Why it is over. r is NULL when the rule is gone. */
int notice_resolved(const struct alert_rule *r, enum resolve_reason why,
                    const struct window_value *v, enum lang lang, struct buf *out);

struct notice_message {
    struct span title;  /* "[긴급] 상품별 배송 불만 급증 · product=A" */
    struct span ko, en; /* the sentence */
    struct span since;  /* "2026-11-22 09:10 (+09:00)" */
    struct span until;  /* absent while firing */
    struct span link;   /* absent without external_url */
    struct span group;  /* "product=A, team=B"; "" without */
    const struct alert_document *document;
};
/* 0 or -ENOMEM. Spans in `a`. */
int notice_message(const struct alert_document *d, struct span external_url, struct arena *a,
                   struct notice_message *ret);

#endif
