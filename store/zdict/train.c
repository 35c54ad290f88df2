/* train: makes the dictionary that bodies are compressed with, from sentences written for this
 * purpose and values drawn at random: no text of a real customer is in it. Run by hand, once per
 * dictionary; the result is committed and never changed afterwards, since stored bodies need it.
 *
 *   cc -std=c17 -D_GNU_SOURCE -I. -o /tmp/train store/zdict/train.c build/libstore.a \
 *      build/libbase.a -llmdb -lzstd -lxxhash -lm && /tmp/train store/zdict/body-1.zdict
 *
 * body-1.zdict was made with libzstd 1.5.4, seed 1. */
#include <stdio.h>
#include <stdlib.h>
#define ZDICT_STATIC_LINKING_ONLY
#include <zdict.h>

#include "base/err.h"
#include "store/body.h"

#define SAMPLES 12000u
#define DICTIONARY_SIZE 16384u
#define DICTIONARY_ID 1u

static uint64_t rng_state = 1;

static size_t below(size_t n)
{
    return (size_t)(rng_split(&rng_state) % n);
}

static const char *const openings[] = {
    "안녕하세요. ",
    "안녕하세요, 문의드립니다. ",
    "저기요 ",
    "수고하십니다. ",
    "",
    "",
    "",
    "",
    "급해서 글 남깁니다. ",
    "두 번째 문의입니다. ",
    "Hi, ",
    "Hello, ",
    "I ordered last week. ",
};
static const char *const bodies[] = {
    "주문한 상품이 아직도 배송되지 않았습니다. ",
    "배송 조회를 해도 사흘째 같은 상태로 멈춰 있어요. ",
    "택배 기사님이 문 앞에 두고 가셨다는데 물건이 없습니다. ",
    "배송이 생각보다 빨리 와서 좋았습니다. ",
    "결제가 두 번 된 것 같은데 확인 부탁드립니다. ",
    "카드 결제 오류가 계속 나서 주문을 할 수가 없어요. ",
    "환불 신청한 지 일주일이 지났는데 처리가 안 되고 있습니다. ",
    "주문 취소하고 싶은데 버튼이 안 보여요. 취소 방법 알려 주세요. ",
    "취소 수수료가 왜 이렇게 많이 나오나요? ",
    "사이즈가 작아서 한 치수 큰 것으로 교환하고 싶습니다. ",
    "반품 택배비는 누가 부담하나요? 반품 접수 부탁드립니다. ",
    "받자마자 열어 봤는데 제품에 흠집이 있고 마감이 엉망이네요. ",
    "사용한 지 이틀 만에 고장 났습니다. 품질이 너무 실망스럽습니다. ",
    "소음이 심해서 잠을 잘 수가 없을 정도예요. ",
    "품질도 좋고 가격도 적당해서 만족합니다. 잘 쓰고 있어요. ",
    "예약 시간을 변경할 수 있을까요? 내일 오후로 부탁드립니다. ",
    "예약했는데 현장에 가니 예약이 없다고 하네요. ",
    "수리 기사님 방문이 또 미뤄졌습니다. 설치는 언제 되나요? ",
    "AS 접수했는데 연락이 없습니다. 서비스 센터 전화번호 알려 주세요. ",
    "비밀번호를 잊어버렸는데 본인 인증이 안 됩니다. ",
    "회원 탈퇴하려고 합니다. 개인 정보도 모두 삭제해 주세요. ",
    "쿠폰이 적용되지 않아요. 포인트도 사라졌습니다. ",
    "이벤트 혜택이 안내와 다릅니다. 적립금은 언제 들어오나요? ",
    "상담원이 너무 불친절하고 말을 끊어서 기분이 나빴습니다. ",
    "상담사님이 끝까지 친절하게 설명해 주셔서 감사합니다. ",
    "고객센터에 전화를 열 번 했는데 연결이 안 돼요. 한 시간을 기다렸습니다. ",
    "앱이 자꾸 꺼지고 로그인이 안 됩니다. 업데이트 후에 오류가 생겼어요. ",
    "홈페이지가 너무 느리고 검색이 안 됩니다. ",
    "요금이 왜 이렇게 많이 나왔는지 설명해 주세요. ",
    "가격이 올랐는데 양은 줄었네요. ",
    "약관이 바뀌었다는데 무슨 내용인지 모르겠습니다. ",
    "이 상품 재입고 언제 되나요? 색상은 몇 가지인가요? ",
    "설명서가 없어서 사용 방법을 모르겠어요. ",
    "어제도 문의했는데 답변이 없어서 다시 문의합니다. ",
    "책임자 바꿔 주세요. 이런 식이면 소비자원에 신고하겠습니다. ",
    "다시는 여기서 구매하지 않을 겁니다. 다른 데로 옮기려고요. ",
    "The package has not arrived yet and tracking shows no update. ",
    "I would like a refund, the item was broken when it arrived. ",
    "The app crashes every time I try to pay. ",
    "Could you please change my reservation to tomorrow afternoon? ",
    "Great service, thank you very much for your help. ",
    "I was charged twice for the same order. ",
    "I have been waiting on hold for forty minutes. ",
    "정말 재미있게 봤습니다. 배우들 연기가 훌륭하네요. ",
    "기대했는데 지루하고 내용이 없어서 시간이 아까웠다. ",
    "최고예요! 강력 추천합니다. 또 사고 싶어요. ",
    "별로예요. 돈이 아깝네요. 추천하지 않습니다. ",
    "그냥 그래요. 나쁘지는 않은데 특별하지도 않습니다. ",
    "빠른 처리 부탁드립니다. ",
    "확인 부탁드려요. ",
    "감사합니다. ",
    "답변 기다리겠습니다. ",
    "너무 답답합니다. ",
    "어떻게 해야 하나요? ",
    "언제쯤 가능할까요? ",
    "ㅠㅠ ",
    "ㅋㅋㅋ ",
};
static const char *const products[] = {"세탁기", "냉장고", "에어컨", "노트북", "이어폰",
                                       "운동화", "호텔",   "기차표", "커피",   "보험",
                                       "요금제", "TV",     "washer"};
static const char *const sources[] = {"zendesk", "webhook", "review", "survey", "kakao", "import"};
static const char *const channels[] = {"chat", "phone", "email", "web", "app", "kakao", "store"};
static const char *const statuses[] = {"open", "pending", "solved", "closed", "new", "hold"};
static const char *const teams[] = {"1팀", "2팀", "야간", "team-a", "team-b"};
static const char *const vendors[] = {"vendor-a", "vendor-b", "한빛컨택", "누리콜"};
static const char *const attribute_keys[] = {"age", "city", "grade", "plan", "region", "store"};
static const char *const attribute_values[] = {"vip", "gold", "basic", "서울",  "부산",
                                               "20",  "30",   "true",  "false", "신규"};
static const char *const categories[] = {
    "delivery",    "delivery/late", "payment", "refund",      "exchange", "quality",
    "reservation", "repair",        "account", "benefit",     "agent",    "waiting",
    "app",         "price",         "policy",  "product_info"};
static const char *const types[] = {"inquiry", "complaint",  "request",
                                    "praise",  "suggestion", "other"};
static const char *const signals[] = {"churn", "legal",          "escalation", "urgent",
                                      "abuse", "repeat_contact", "safety",     "pii"};
static const char *const keywords[] = {"배송", "환불", "결제", "상담원", "오류", "친절",   "품질",
                                       "교환", "예약", "쿠폰", "가격",   "앱",   "refund", "order"};
static const char *const tag_names[] = {"vip", "재문의", "sample", "event", "web_widget"};

#define PICK(list) span_str(list[below(ARRAY_LEN(list))])
#define SOMETIMES(n, value) (below(n) ? SPAN_NONE : (value))

static struct span number(struct arena *a, const char *prefix, size_t n)
{
    return arena_printf(a, "%s%zu", prefix, below(n));
}

static struct span sentences(struct arena *a)
{
    struct buf b;
    buf_init(&b, 0);
    buf_add(&b, PICK(openings));
    for (size_t n = 1 + below(3); n; n--) {
        if (below(5) == 0) {
            buf_add(&b, PICK(products));
            buf_char(&b, ' ');
        }
        buf_add(&b, PICK(bodies));
    }
    struct span s = arena_dup(a, span_trim(buf_span(&b)));
    buf_done(&b);
    return s;
}

static struct scaled score(size_t one_in, double min, double scale)
{
    if (below(one_in))
        return (struct scaled){0};
    return (struct scaled){min + (double)below((size_t)(scale - min) + 1), scale, true};
}

static void fill_texts(struct feedback *f, struct arena *a)
{
    if (below(8)) {
        f->text = sentences(a);
        f->title = SOMETIMES(3, PICK(bodies));
        return;
    }
    struct turn *turns = arena_array(a, 6, sizeof(*turns));
    f->n_turns = 2 + below(4);
    f->turns = turns;
    for (size_t i = 0; i < f->n_turns; i++)
        turns[i] = (struct turn){i % 2 ? BY_AGENT : BY_CUSTOMER, f->created_at + (int64_t)i * 30000,
                                 sentences(a)};
}

static struct feedback make_feedback(struct arena *a)
{
    struct feedback f = {.source = PICK(sources), .kind = (enum kind)below(KIND_COUNT)};
    f.external_id = number(a, SOMETIMES(2, SPAN_LIT("r-")).p ? "r-" : "", 10000000);
    f.created_at = INT64_C(1700000000000) + (int64_t)below(100000000) * 1000;
    f.updated_at = below(2) ? NO_TIME : f.created_at + (int64_t)below(3600) * 1000;
    f.conversation = SOMETIMES(2, f.external_id);
    f.channel = PICK(channels);
    f.status = SOMETIMES(2, PICK(statuses));
    f.customer.id = number(a, "c-", 100000);
    f.customer.email = SOMETIMES(6, number(a, "user", 9999));
    f.customer.phone = SOMETIMES(6, number(a, "+82101", 9999999));
    f.lang = SOMETIMES(3, SPAN_LIT("ko"));
    f.agent = SOMETIMES(2, number(a, "a-", 200));
    f.team = SOMETIMES(3, PICK(teams));
    f.vendor = SOMETIMES(4, PICK(vendors));
    f.product = SOMETIMES(2, PICK(products));
    f.order = SOMETIMES(4, number(a, "20261", 99999));
    f.url = SOMETIMES(6, SPAN_LIT("https://example.com/tickets/"));
    f.rating = score(3, 1, below(2) ? 5 : 10);
    f.csat = score(6, 1, 5);
    f.nps = score(8, 0, 10);
    f.surveyed = f.csat.has || f.nps.has;
    fill_texts(&f, a);
    struct span *tags = arena_array(a, 2, sizeof(*tags));
    tags[0] = PICK(tag_names);
    tags[1] = PICK(tag_names);
    f.tags = tags;
    f.n_tags = below(3);
    struct pair *pairs = arena_array(a, 3, sizeof(*pairs));
    for (size_t i = 0; i < 3; i++)
        pairs[i] = (struct pair){PICK(attribute_keys), PICK(attribute_values)};
    f.attributes = pairs;
    f.n_attributes = below(4);
    return f;
}

static struct analysis make_analysis(struct arena *a)
{
    struct analysis an = {.lexicon = 1 + (uint32_t)below(9), .lang = LANG_KO, .type = PICK(types)};
    struct topic *topics = arena_array(a, 2, sizeof(*topics));
    struct span *found = arena_array(a, 2, sizeof(*found)),
                *words = arena_array(a, 3, sizeof(*words));
    an.sentiment = (enum sentiment)(1 + below(3));
    an.polarity = (double)below(20001) / 1e4 - 1;
    an.confidence = (double)below(10001) / 1e4;
    an.start = an.worst = an.end = an.polarity;
    for (size_t i = 0; i < 2; i++) {
        topics[i] = (struct topic){PICK(categories), an.sentiment, an.polarity};
        found[i] = PICK(signals);
    }
    for (size_t i = 0; i < 3; i++)
        words[i] = PICK(keywords);
    an.categories = topics;
    an.n_categories = below(3);
    an.signals = found;
    an.n_signals = below(6) ? 0 : 1 + below(2);
    an.keywords = words;
    an.n_keywords = below(4);
    return an;
}

static int train(struct buf *samples, size_t *sizes, void *out, size_t *ret_n)
{
    struct arena a;
    arena_init(&a, 0);
    for (size_t i = 0; i < SAMPLES; i++) {
        size_t before = samples->n;
        arena_reset(&a);
        struct feedback f = make_feedback(&a);
        struct analysis an = make_analysis(&a);
        body_put_feedback(samples, &f);
        body_put_analysis(samples, &an);
        sizes[i] = samples->n - before;
    }
    arena_done(&a);
    if (buf_error(samples))
        return buf_error(samples);
    ZDICT_fastCover_params_t how = {.d = 8,
                                    .steps = 40,
                                    .nbThreads = 1,
                                    .zParams = {.compressionLevel = 1, .dictID = DICTIONARY_ID}};
    size_t n = ZDICT_optimizeTrainFromBuffer_fastCover(out, DICTIONARY_SIZE, samples->p, sizes,
                                                       SAMPLES, &how);
    if (ZDICT_isError(n))
        return -EIO;
    *ret_n = n;
    return 0;
}

int main(int argc, char **argv)
{
    static char out[DICTIONARY_SIZE];
    static size_t sizes[SAMPLES];
    struct buf samples;
    size_t n = 0;
    FILE *file = argc == 2 ? fopen(argv[1], "wb") : NULL;
    if (!file) {
        fprintf(stderr, "usage: train FILE\n");
        return 2;
    }
    buf_init(&samples, (size_t)1 << 30);
    int r = train(&samples, sizes, out, &n);
    if (r == 0 && fwrite(out, 1, n, file) != n)
        r = -EIO;
    if (fclose(file) != 0)
        r = -EIO;
    fprintf(stderr, "%zu bytes of samples, %zu of dictionary: %s\n", samples.n, n, err_text(r));
    buf_done(&samples);
    return r < 0;
}
