/* random_record: feedback and analyses drawn from small sets of values, so that filters hit and
 * dictionaries are shared. Everything follows from the test's seed. */
#ifndef VOC_TESTS_STORE_RANDOM_RECORD_H
#define VOC_TESTS_STORE_RANDOM_RECORD_H

#include "base/err.h"
#include "store/store.h"
#include "tests/lib/test.h"

#define FIXTURE_NOW INT64_C(1795305600000) /* 2026-11-22T00:00:00Z */
#define UNUSED __attribute__((unused))

static UNUSED struct span pick(const char *const *from, size_t n)
{
    return span_str(from[test_below(n)]);
}
#define PICK(list) pick(list, ARRAY_LEN(list))

/* A score on a scale, or none. */
static UNUSED struct scaled random_score(unsigned per_cent, double min, double scale)
{
    if (test_below(100) >= per_cent)
        return (struct scaled){0};
    double whole = (double)test_below((uint64_t)(scale - min) + 1) + min;
    return (struct scaled){whole, scale, true};
}

static UNUSED const struct span *random_spans(struct arena *a, const char *const *from, size_t n,
                                              size_t max, size_t *ret_n)
{
    size_t count = test_below(max + 1), got = 0;
    struct span *s = arena_array(a, count + 1, sizeof(*s));
    size_t at = test_below(n);
    for (; got < count && got < n; got++)
        s[got] = span_str(from[(at + got) % n]);
    *ret_n = got;
    return s;
}

/* Some or all of the keys, which must be sorted, each with a random value. */
static UNUSED const struct pair *random_pairs(struct arena *a, const char *const *keys,
                                              size_t n_keys, const char *const *values,
                                              size_t n_values, size_t *ret_n)
{
    struct pair *p = arena_array(a, n_keys, sizeof(*p));
    size_t n = 0;
    for (size_t i = 0; i < n_keys; i++)
        if (test_below(3) == 0)
            p[n++] = (struct pair){span_str(keys[i]), pick(values, n_values)};
    *ret_n = n;
    return p;
}

static const char *const sources[] = {"zendesk", "naver", "survey", "app"};
static const char *const channels[] = {"chat", "phone", "email", "web", "kakao"};
static const char *const statuses[] = {"open", "pending", "solved"};
static const char *const agents[] = {"a-1", "a-2", "a-12", "b-7", "홍길동"};
static const char *const teams[] = {"낮", "밤", "주말"};
static const char *const products[] = {"세탁기 12kg", "냉장고", "TV-55", "청소기"};
static const char *const tags[] = {"vip", "재방문", "event", "b2b"};
static const char *const key_names[] = {"age", "city", "plan", "since"};
static const char *const value_texts[] = {"7",    "07",         "35",   "서울",
                                          "gold", "2026-03-01", "부산", "-1.5"};
static const char *const arms[] = {"A", "B"};
static const char *const trials[] = {"apology-v2", "greeting"};
static const char *const paths[] = {"delivery",     "delivery/late", "delivery/late/remote",
                                    "delivery_fee", "refund",        "quality/noise"};
static const char *const signals[] = {"churn", "legal", "urgent"};
static const char *const types[] = {"inquiry", "complaint", "praise"};
static const char *const texts[] = {
    "배송이 너무 늦어요. 사흘째 아무 연락이 없습니다.", "환불 요청했는데 아직도 처리가 안 됐네요",
    "상담원이 친절하게 설명해 주셔서 감사합니다", "The washer started to leak after two weeks.",
    "앱에서 결제 오류가 납니다 확인 부탁드려요"};

static UNUSED void random_customer(struct arena *a, unsigned customers, struct customer_ref *ref)
{
    if (!customers || test_below(10) == 0)
        return;
    ref->id = arena_printf(a, "c-%llu", (unsigned long long)test_below(customers));
    if (test_below(8) == 0)
        ref->email = arena_printf(a, "%.*s@example.com", SPAN_FMT(ref->id));
}

/* A record with external id `n`, filled at random; spans in the arena or static. */
static UNUSED struct feedback random_feedback(struct arena *a, uint64_t n, unsigned customers)
{
    struct feedback f = {.source = PICK(sources),
                         .external_id = arena_printf(a, "%llu", (unsigned long long)n),
                         .kind = (enum kind)test_below(KIND_COUNT),
                         .stage = (enum stage)test_below(STAGE_COUNT),
                         .updated_at = NO_TIME,
                         .surveyed = test_below(4) == 0,
                         .backfill = test_below(10) == 0};
    f.created_at = FIXTURE_NOW - (int64_t)test_below(400 * (uint64_t)MS_DAY);
    if (test_below(2))
        f.created_at -= f.created_at % MS_SECOND;
    if (test_below(3))
        f.conversation = arena_printf(a, "talk-%llu", (unsigned long long)test_below(200));
    if (test_below(5))
        f.channel = PICK(channels);
    if (test_below(5))
        f.status = PICK(statuses);
    if (test_below(3))
        f.agent = PICK(agents);
    if (test_below(2))
        f.team = PICK(teams);
    if (test_below(2))
        f.product = PICK(products);
    random_customer(a, customers, &f.customer);
    f.text = PICK(texts);
    f.rating = random_score(40, 1, test_below(2) ? 5 : 10);
    f.csat = random_score(30, 1, 5);
    f.nps = random_score(30, 0, 10);
    f.ces = random_score(20, 1, 7);
    f.tags = random_spans(a, tags, ARRAY_LEN(tags), 2, &f.n_tags);
    f.attributes = random_pairs(a, key_names, ARRAY_LEN(key_names), value_texts,
                                ARRAY_LEN(value_texts), &f.n_attributes);
    f.experiments =
        random_pairs(a, trials, ARRAY_LEN(trials), arms, ARRAY_LEN(arms), &f.n_experiments);
    return f;
}

static UNUSED struct analysis random_analysis(struct arena *a)
{
    struct analysis an = {.lexicon = 3, .lang = (enum lang)test_below(LANG_COUNT)};
    an.sentiment = (enum sentiment)test_below(SENTIMENT_COUNT);
    if (an.sentiment != SENTIMENT_NONE) {
        an.polarity = (double)((int64_t)test_below(20001) - 10000) / 1e4;
        an.confidence = (double)test_below(10001) / 1e4;
    }
    size_t n = test_below(3);
    struct topic *topics = arena_array(a, n, sizeof(*topics));
    size_t at = test_below(ARRAY_LEN(paths));
    for (size_t i = 0; i < n; i++)
        topics[i] =
            (struct topic){span_str(paths[(at + i) % ARRAY_LEN(paths)]), SENTIMENT_NEGATIVE, -0.5};
    an.categories = topics;
    an.n_categories = n;
    an.signals = random_spans(a, signals, ARRAY_LEN(signals), 2, &an.n_signals);
    if (test_below(4))
        an.type = PICK(types);
    return an;
}

#endif
