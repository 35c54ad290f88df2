/* transcript.h, speaker.h, conversation.h: who said what. */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "daemon/format/conversation.h"
#include "tests/lib/test.h"

static const struct speakers nobody_else = {NULL, 0, SPEAKER_UNKNOWN};

/* --- speakers --- */

static void test_speakers(void **state)
{
    static const struct pair names[] = {{SPAN_LIT("김대리"), SPAN_LIT("agent")},
                                        {SPAN_LIT("고객센터"), SPAN_LIT("agent")},
                                        {SPAN_LIT("주문번호"), SPAN_LIT("text")},
                                        {SPAN_LIT("agent"), SPAN_LIT("customer")}};
    static const struct {
        const char *label;
        int usual, told;
    } table[] = {
        {"고객", BY_CUSTOMER, BY_CUSTOMER},
        {" 고객님 ", BY_CUSTOMER, BY_CUSTOMER},
        {"고객 1", BY_CUSTOMER, BY_CUSTOMER},
        {"상담원2", BY_AGENT, BY_AGENT},
        {"상담사A", BY_AGENT, BY_AGENT},
        {"CUSTOMER", BY_CUSTOMER, BY_CUSTOMER},
        {"Agent B", BY_AGENT, BY_AGENT},
        {"ars", BY_SYSTEM, BY_SYSTEM},
        {"agent", BY_AGENT, BY_CUSTOMER},
        {"김대리", SPEAKER_UNKNOWN, BY_AGENT},
        {"고객센터", SPEAKER_UNKNOWN, BY_AGENT},
        {"주문번호", SPEAKER_UNKNOWN, SPEAKER_TEXT},
        {"화자1", SPEAKER_UNKNOWN, SPEAKER_UNKNOWN},
        {"AgentB", SPEAKER_UNKNOWN, SPEAKER_UNKNOWN},
        {"3", SPEAKER_UNKNOWN, SPEAKER_UNKNOWN},
        {"", SPEAKER_UNKNOWN, SPEAKER_UNKNOWN},
    };
    const struct speakers told = {names, ARRAY_LEN(names), SPEAKER_UNKNOWN};
    const struct speakers open = {names, ARRAY_LEN(names), BY_CUSTOMER};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct span label = span_str(table[i].label);
        if (speaker_find(&nobody_else, label) != table[i].usual ||
            speaker_find(&told, label) != table[i].told)
            fail_msg("%s: got %d, told %d", table[i].label, speaker_find(&nobody_else, label),
                     speaker_find(&told, label));
    }
    assert_int_equal(speaker_find(&open, SPAN_LIT("화자1")), BY_CUSTOMER);
    assert_int_equal(speaker_find(&open, SPAN_LIT("상담원")), BY_AGENT);
}

static void test_times(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } table[] = {
        {"0:05", 5000},
        {"00:01:23", 83000},
        {"1:02:03.5", 3723500},
        {"00:00:01,040", 1040},
        {"100:00", 6000000},
        {"99:59:59.999", 359999999},
        {"5", -1},
        {"1:2", -1},
        {"00:61", -1},
        {"00:00:60", -1},
        {"1:00:00:00", -1},
        {"00:01.", -1},
        {"00:01.1234", -1},
        {"", -1},
        {"00:01x", -1},
        {":01", -1},
        {"2026-11-22 09:10", -1},
        {"00:", -1},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        int64_t ms = -1;
        transcript_time(span_str(table[i].text), &ms);
        if (ms != table[i].ms)
            fail_msg("%s: expected %lld, got %lld", table[i].text, (long long)table[i].ms,
                     (long long)ms);
    }
}

/* --- transcripts --- */

static void write(const struct transcript *t, struct buf *out)
{
    for (size_t i = 0; i < t->n_head; i++)
        buf_printf(out, "{%.*s=%.*s}", SPAN_FMT(t->head[i].key), SPAN_FMT(t->head[i].value));
    for (size_t i = 0; i < t->n_said; i++) {
        const struct utterance *u = &t->said[i];
        buf_printf(out, "[%c %.*s", "cas"[u->by], SPAN_FMT(u->label));
        if (u->after != NO_TIME)
            buf_printf(out, " %lld", (long long)u->after);
        buf_printf(out, ":%.*s]", SPAN_FMT(u->text));
    }
    if (t->note.n)
        buf_printf(out, "\"%.*s\"", SPAN_FMT(t->note));
}

static void expect(enum transcript_form form, const struct speakers *speakers, const char *text,
                   const char *expected)
{
    struct arena a;
    struct transcript t;
    struct reject why;
    struct buf out;
    size_t n = strlen(text);
    char *copy = malloc(n + 1);

    arena_init(&a, 0);
    buf_init(&out, 0);
    memcpy(copy, text, n);
    int rc = transcript_read(form, span_of(copy, n), speakers, &a, &t, &why);
    free(copy);
    if (rc == 0)
        write(&t, &out);
    else
        buf_printf(&out, "!%s %s", why.code, why.detail);
    if (strcmp(out.n ? out.p : "", expected) != 0)
        fail_msg("%s\nexpected %s\ngot      %s", text, expected, out.n ? out.p : "");
    buf_done(&out);
    arena_done(&a);
}

static void test_plain(void **state)
{
    static const char *const table[][2] = {
        {"상담원: 안녕하세요\n고객: 배송이 안 와요\n어제 온다더니\n\n  아직도요\n상담원: 네",
         "[a 상담원:안녕하세요][c 고객:배송이 안 와요\n어제 온다더니\n아직도요][a 상담원:네]"},
        {"\xEF\xBB\xBF통화 기록\r\n\r\n통화일시: 2026-11-22 09:10\r\n고객번호: "
         "c-1\r\n\r\n고객：네\r\n",
         "{통화일시=2026-11-22 09:10}{고객번호=c-1}[c 고객:네]"},
        {"[00:01:23] Customer: hi\n(0:05) Agent: hello: there\n00:07 Customer 2: yes",
         "[c Customer 83000:hi][a Agent 5000:hello: there][c Customer 2 7000:yes]"},
        {"고객 (00:03): 네\n상담원 [1:00] 예\n고객 00:07\n늦었어요\n고객 00:09: 네",
         "[c 고객 3000:네][a 상담원 60000:예][c 고객 7000:늦었어요][c 고객 9000:네]"},
        {"[고객] 네\n[상담원]: 예\n[메모] 고객이 웃음",
         "[c 고객:네][a 상담원:예\n[메모] 고객이 웃음]"},
        {"고객: 10:30에 온다고\n10:30 되니 안 와요\nhttp://a.b/c\n결국, 이렇게: 됐어요",
         "[c 고객:10:30에 온다고\n되니 안 와요\nhttp://a.b/c\n결국, 이렇게: 됐어요]"},
        {"고객:\n상담원:\n", "[c 고객:][a 상담원:]"},
        {"첫인상이 좋았다고 함\n장점: 배송", "{장점=배송}\"첫인상이 좋았다고 함\n장점: 배송\""},
        {"일시: 11월\n\n장점: 배송\n가격은 비쌈", "{일시=11월}\"장점: 배송\n가격은 비쌈\""},
        {"", ""},
        {"\n \n", ""},
        {"고객: 네\n화자1: 예", "!bad_speaker line 2: nobody told who speaks there"},
        {"[00:01] 화자1: 예\n고객: 네", "!bad_speaker line 1: nobody told who speaks there"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        expect(TRANSCRIPT_PLAIN, &nobody_else, table[i][0], table[i][1]);
}

static void test_told_speakers(void **state)
{
    static const struct pair names[] = {{SPAN_LIT("진행자"), SPAN_LIT("agent")},
                                        {SPAN_LIT("주문번호"), SPAN_LIT("text")}};
    const struct speakers told = {names, ARRAY_LEN(names), BY_CUSTOMER};

    (void)state;
    expect(TRANSCRIPT_PLAIN, &told, "진행자: 어땠나요?\n참여자 A: 좋았어요\n주문번호: 12\nP2: 별로",
           "[a 진행자:어땠나요?][c 참여자 A:좋았어요\n주문번호: 12][c P2:별로]");
    expect(TRANSCRIPT_PLAIN, &told, "일시: 11월\n장소: 서울\n\n진행자: 네\nP1: 예",
           "{일시=11월}{장소=서울}[a 진행자:네][c P1:예]");
    expect(TRANSCRIPT_PLAIN, &told, "P1: 예\n\n진행자: 네\n\nP1: 또",
           "[c P1:예][a 진행자:네][c P1:또]");
    expect(TRANSCRIPT_PLAIN, &told, "P1: 예\n진행자: 네\n\nP2: 또",
           "[c P1:예][a 진행자:네][c P2:또]");
    expect(TRANSCRIPT_PLAIN, &told, "P1: 예\nP2: 또", "[c P1:예][c P2:또]");
}

static void test_cues(void **state)
{
    (void)state;
    expect(TRANSCRIPT_VTT, &nobody_else,
           "WEBVTT - call\n\nNOTE\nnothing --\n\nSTYLE\n::cue {}\n\n1\n"
           "00:00:01.000 --> 00:00:03.000 align:start\n<v.loud Agent Kim>Hello</v> <i>all</i>\n\n"
           "00:04.500 --> 00:06.000\n<v Customer>It&apos;s &lt;late&gt; &amp; broken</v>\n"
           "<v Customer>still\n\n00:07.000 --> 00:08.000\n<v Agent>Sorry<v Customer>OK",
           "!bad_speaker line 11: nobody told who speaks there");
    expect(TRANSCRIPT_VTT, &nobody_else,
           "WEBVTT\n\n00:01.000 --> 00:03.000\n<v.loud Agent>Hello</v> <i>all</i>\n\n"
           "00:04.500 --> 00:06.000\n<v Customer>&lt;late&gt; &amp; broken</v>\n"
           "<v Customer>still\n\n00:07.000 --> 00:08.000\n<v Agent>Sorry<v Customer>OK\n",
           "[a Agent 1000:Hello all][c Customer 4500:<late> & broken still]"
           "[a Agent 7000:Sorry][c Customer 7000:OK]");
    expect(TRANSCRIPT_SRT, &nobody_else,
           "1\n00:00:01,000 --> 00:00:02,000\n상담원: 네\n\n2\n00:00:03,000 --> 00:00:04,000\n"
           "고객: <b>배송</b>이\n안 와요\n\n3\n00:00:05,000 --> 00:00:06,000\n고객: 언제요\n",
           "[a 상담원 1000:네][c 고객 3000:배송이 안 와요 언제요]");
    expect(TRANSCRIPT_SRT, &nobody_else, "1\n00:00:01,000 --> 00:00:02,000\n네\n",
           "!missing_speaker line 3: it is not said who speaks");
    expect(TRANSCRIPT_SRT, &nobody_else, "1\nsoon --> later\n네\n",
           "!bad_time line 2: no time before the arrow");
    expect(TRANSCRIPT_VTT, &nobody_else, "WEBVTT\n\n00:01.000 --> 00:02.000\n<v >a<v",
           "!bad_speaker line 4: nobody told who speaks there");
}

static void test_bounds(void **state)
{
    struct arena a;
    struct transcript t;
    struct reject why;
    struct buf text;

    (void)state;
    arena_init(&a, 0);
    buf_init(&text, 0);
    for (int i = 0; i < TRANSCRIPT_MAX_TURNS + 1; i++)
        buf_str(&text, "고객:x\n");
    assert_int_equal(transcript_read(TRANSCRIPT_PLAIN, buf_span(&text), &nobody_else, &a, &t, &why),
                     -EINVAL);
    assert_string_equal(why.code, "too_many_turns");
    assert_int_equal(
        transcript_read(TRANSCRIPT_PLAIN, SPAN_LIT("고객: \xFF"), &nobody_else, &a, &t, &why),
        -EINVAL);
    assert_string_equal(why.code, "invalid_utf8");
    while (text.n <= TRANSCRIPT_MAX_BYTES)
        buf_str(&text, "words and words and words and words and words and words and words\n");
    assert_int_equal(transcript_read(TRANSCRIPT_PLAIN, buf_span(&text), &nobody_else, &a, &t, &why),
                     -EINVAL);
    assert_string_equal(why.code, "too_large");
    buf_done(&text);
    arena_done(&a);
}

/* --- conversations --- */

static const struct map_entry turn_map[] = {
    {.target = SPAN_LIT("conversation"), .path = SPAN_LIT("$.통화")},
    {.target = SPAN_LIT("by"), .path = SPAN_LIT("$.화자")},
    {.target = SPAN_LIT("at"), .path = SPAN_LIT("$.시각")},
    {.target = SPAN_LIT("text"), .path = SPAN_LIT("$.발화")}};

static void give(struct conversation_set *s, struct buf *out)
{
    json_t *record;
    uint64_t line;
    struct reject why;
    int rc;

    while ((rc = conversation_next(s, &record, &line, &why)) != 0) {
        if (rc == -EINVAL) {
            buf_printf(out, "%llu!%s\n", (unsigned long long)line, why.code);
            continue;
        }
        assert_int_equal(rc, 1);
        char *text = json_dumps(record, JSON_COMPACT | JSON_SORT_KEYS);
        buf_printf(out, "%llu%s\n", (unsigned long long)line, text);
        free(text);
        json_decref(record);
    }
}

static void add(struct conversation_set *s, uint64_t line, const char *talk, const char *by,
                const char *at, const char *text, struct buf *out)
{
    struct reject why;
    json_t *row = json_pack("{s:s,s:s,s:s,s:s,s:s}", "통화", talk, "화자", by, "시각", at, "발화",
                            text, "고객번호", "c-1");
    if (!*at)
        json_object_del(row, "시각");
    int rc = conversation_row(s, row, line, &why);
    if (rc == -EINVAL)
        buf_printf(out, "%llu!%s\n", (unsigned long long)line, why.code);
    else
        assert_int_equal(rc, 0);
    json_decref(row);
}

static void test_rows(void **state)
{
    static const struct map_entry map[] = {
        {.target = SPAN_LIT("kind"), .value = SPAN_LIT("call")},
        {.target = SPAN_LIT("customer.id"), .path = SPAN_LIT("$.고객번호")}};
    struct conversation_rules rules = {.map = map,
                                       .n_map = ARRAY_LEN(map),
                                       .turns = turn_map,
                                       .n_turns = ARRAY_LEN(turn_map),
                                       .speakers = &nobody_else};
    struct conversation_set *s;
    struct buf out;

    (void)state;
    buf_init(&out, 0);
    assert_int_equal(conversation_new(&rules, &s), 0);
    /* Two at once; the newest first, two of them in the same second. */
    add(s, 2, "B", "상담원", "2026-11-22 09:01:00", "네", &out);
    add(s, 3, "A", "고객", "2026-11-22 09:00", "왜요", &out);
    add(s, 4, "B", "고객", "2026-11-22 09:00:30", "둘째", &out);
    add(s, 5, "B", "고객", "2026-11-22 09:00:30", "첫째", &out);
    add(s, 6, "C", "화자9", "", "?", &out);
    add(s, 7, "D", "고객", "soon", "?", &out);
    add(s, 8, "", "고객", "", "?", &out);
    add(s, 9, "A", "상담원", "00:01:10", " ", &out);
    give(s, &out);
    give(s, &out); /* nothing more */
    assert_string_equal(
        out.p,
        "6!bad_speaker\n7!bad_time\n8!missing_external_id\n"
        "2{\"conversation\":\"B\",\"created_at\":\"2026-11-22T09:00:30Z\",\"customer\":{\"id\":"
        "\"c-1\"},\"external_id\":\"B\",\"kind\":\"call\",\"turns\":["
        "{\"at\":\"2026-11-22T09:00:30Z\",\"by\":\"customer\",\"text\":\"첫째\"},"
        "{\"at\":\"2026-11-22T09:00:30Z\",\"by\":\"customer\",\"text\":\"둘째\"},"
        "{\"at\":\"2026-11-22T09:01:00Z\",\"by\":\"agent\",\"text\":\"네\"}]}\n"
        "3{\"conversation\":\"A\",\"created_at\":\"2026-11-22T09:00:00Z\",\"customer\":{\"id\":"
        "\"c-1\"},\"external_id\":\"A\",\"kind\":\"call\",\"turns\":["
        "{\"at\":\"2026-11-22T09:00:00Z\",\"by\":\"customer\",\"text\":\"왜요\"}]}\n"
        "6!no_record\n7!no_record\n");
    conversation_free(s);
    buf_done(&out);
}

static void test_each_speaker(void **state)
{
    static const struct map_entry map[] = {
        {.target = SPAN_LIT("created_at"), .path = SPAN_LIT("$.일시")},
        {.target = SPAN_LIT("attributes.participant"), .path = SPAN_LIT("$.speaker")}};
    const struct speakers open = {NULL, 0, BY_CUSTOMER};
    struct conversation_rules rules = {
        .map = map, .n_map = ARRAY_LEN(map), .speakers = &open, .each_speaker = true};
    const struct pair head[] = {{SPAN_LIT("일시"), SPAN_LIT("2026-11-22T00:00:00Z")}};
    const struct utterance said[] = {{SPAN_LIT("진행"), BY_AGENT, 1000, SPAN_LIT("어땠나요")},
                                     {SPAN_LIT("P1"), BY_CUSTOMER, NO_TIME, SPAN_LIT("좋아요")},
                                     {SPAN_LIT("P2"), BY_CUSTOMER, NO_TIME, SPAN_LIT("별로")},
                                     {SPAN_LIT("P1"), BY_CUSTOMER, NO_TIME, SPAN_LIT("또요")}};
    struct transcript t = {head, 1, said, ARRAY_LEN(said), SPAN_NONE};
    struct conversation_set *s;
    struct reject why;
    struct buf out;

    (void)state;
    buf_init(&out, 0);
    assert_int_equal(conversation_new(&rules, &s), 0);
    assert_int_equal(conversation_transcript(s, SPAN_LIT("fg"), &t, &why), 0);
    give(s, &out);
    t = (struct transcript){head, 1, said, 1, SPAN_NONE}; /* only the moderator speaks */
    assert_int_equal(conversation_transcript(s, SPAN_LIT("nobody"), &t, &why), 0);
    t = (struct transcript){head, 1, NULL, 0, SPAN_LIT("a note")}; /* and no field for it */
    assert_int_equal(conversation_transcript(s, SPAN_LIT("note"), &t, &why), 0);
    give(s, &out);
    assert_string_equal(
        out.p,
        "1{\"attributes\":{\"participant\":\"P1\"},\"conversation\":\"fg\",\"created_at\":"
        "\"2026-11-22T00:00:00Z\",\"external_id\":\"fg#P1\",\"turns\":["
        "{\"at\":\"2026-11-22T00:00:01Z\",\"by\":\"agent\",\"text\":\"어땠나요\"},"
        "{\"by\":\"customer\",\"text\":\"좋아요\"},{\"by\":\"customer\",\"text\":\"또요\"}]}\n"
        "1{\"attributes\":{\"participant\":\"P2\"},\"conversation\":\"fg\",\"created_at\":"
        "\"2026-11-22T00:00:00Z\",\"external_id\":\"fg#P2\",\"turns\":["
        "{\"at\":\"2026-11-22T00:00:01Z\",\"by\":\"agent\",\"text\":\"어땠나요\"},"
        "{\"by\":\"customer\",\"text\":\"별로\"}]}\n"
        "1!missing_speaker\n");
    conversation_free(s);
    buf_done(&out);
}

/* Against a plain count: every turn of many interleaved conversations, in its own. */
static void test_many(void **state)
{
    enum { TALKS = 5000, ROWS = 20000 };
    static unsigned turns[TALKS];
    struct conversation_rules rules = {
        .turns = turn_map, .n_turns = ARRAY_LEN(turn_map), .speakers = &nobody_else};
    struct conversation_set *s;
    struct reject why;
    struct buf out;
    json_t *record;
    uint64_t line;
    size_t seen = 0, sum = 0;

    (void)state;
    buf_init(&out, 0);
    assert_int_equal(conversation_new(&rules, &s), 0);
    for (unsigned i = 0; i < ROWS; i++) {
        char name[16], text[16];
        unsigned talk = (unsigned)test_below(TALKS);
        snprintf(name, sizeof name, "t%u", talk);
        snprintf(text, sizeof text, "%u", turns[talk]++);
        add(s, i, name, "고객", "", text, &out);
    }
    while (conversation_next(s, &record, &line, &why) == 1) {
        unsigned talk = (unsigned)strtoul(
            json_string_value(json_object_get(record, "external_id")) + 1, NULL, 10);
        json_t *list = json_object_get(record, "turns");
        assert_int_equal(json_array_size(list), turns[talk]);
        for (size_t k = 0; k < json_array_size(list); k++)
            assert_int_equal(
                strtoul(json_string_value(json_object_get(json_array_get(list, k), "text")), NULL,
                        10),
                k);
        sum += json_array_size(list);
        seen++;
        json_decref(record);
    }
    assert_int_equal(sum, ROWS);
    for (unsigned i = 0; i < TALKS; i++)
        seen -= turns[i] > 0;
    assert_int_equal(seen, 0);
    assert_int_equal(out.n, 0);
    conversation_free(s);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_speakers), cmocka_unit_test(test_times),
        cmocka_unit_test(test_plain),    cmocka_unit_test(test_told_speakers),
        cmocka_unit_test(test_cues),     cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_rows),     cmocka_unit_test(test_each_speaker),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
