/* Mails as records: charsets, parts, quotes, threads, programs, and what is no mail. */
#include "tests/lib/test.h"

#include <stdio.h>

#include "base/err.h"
#include "daemon/collect/mail.h"
#include "daemon/format/charset.h"
#include "daemon/format/reply.h"

#define ARRIVED INT64_C(1795305600000) /* 2026-11-22T00:00:00Z */
#define HEAD                                                                                       \
    "From: =?utf-8?B?7Jik7J206re8?= <Lee@Example.com>\r\nMessage-ID: <1@example.com>\r\n"          \
    "Date: Sat, 21 Nov 2026 09:10:11 +0900\r\nSubject: s\r\nMIME-Version: 1.0\r\n"

struct fixture {
    struct arena arena;
    struct mail_rules rules;
    struct reject why;
    json_t *record;
    int rc;
};

static int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    arena_init(&f->arena, 64 << 20);
    f->rules = (struct mail_rules){.source = SPAN_LIT("box"), .max_text = 65536, .max_id = 512};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    json_decref(f->record);
    arena_done(&f->arena);
    test_free(f);
    return 0;
}

static void read_bytes(struct fixture *f, struct span bytes)
{
    json_decref(f->record);
    f->record = NULL;
    f->rc = mail_record(bytes, ARRIVED, &f->rules, &f->arena, &f->record, &f->why);
}

static void read_mail(struct fixture *f, const char *text)
{
    read_bytes(f, span_str(text));
}

static const char *field(const struct fixture *f, const char *key)
{
    const char *text = json_string_value(json_object_get(f->record, key));
    return text ? text : "(none)";
}

static void expect(struct fixture *f, const char *mail, const char *text)
{
    read_mail(f, mail);
    if (f->rc < 0)
        fail_msg("%s: %s", f->why.code, f->why.detail);
    assert_non_null(f->record);
    assert_string_equal(field(f, "text"), text);
}

static void refused(struct fixture *f, const char *mail, const char *code)
{
    read_mail(f, mail);
    assert_int_equal(f->rc, -EINVAL);
    assert_string_equal(f->why.code, code);
}

/* --- what a record holds --- */

static void a_plain_mail(void **state)
{
    struct fixture *f = *state;
    expect(f,
           HEAD "Content-Type: text/plain; charset=utf-8\r\n\r\n"
                "배송이 너무 늦어요.\r\n\r\n\r\n\r\n빨리 부탁드립니다\r\n",
           "배송이 너무 늦어요.\n\n빨리 부탁드립니다");
    assert_string_equal(field(f, "external_id"), "1@example.com");
    assert_string_equal(field(f, "conversation"), "1@example.com");
    assert_string_equal(field(f, "kind"), "ticket");
    assert_string_equal(field(f, "channel"), "email");
    assert_string_equal(field(f, "created_at"), "2026-11-21T00:10:11Z");
    json_t *customer = json_object_get(f->record, "customer");
    assert_string_equal(json_string_value(json_object_get(customer, "email")), "Lee@Example.com");
    assert_string_equal(json_string_value(json_object_get(customer, "name")), "오이근");
    assert_null(json_object_get(f->record, "tags"));
}

static void times(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *date, *at;
    } cases[] = {
        {"Date: Sat, 21 Nov 2026 09:10:11 +0900\n", "2026-11-21T00:10:11Z"},
        {"Date: Sat, 21 Nov 2029 09:10:11 +0900\n",
         "2026-11-22T00:00:00Z"}, /* later than it came */
        {"Date: yesterday\n", "2026-11-22T00:00:00Z"},
        {"Date: Thu, 01 Jan 1960 00:00:00 +0000\n", "2026-11-22T00:00:00Z"},
        {"", "2026-11-22T00:00:00Z"},
    };
    char mail[256];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        snprintf(mail, sizeof mail, "From: a@b.c\n%s\nhello\n", cases[i].date);
        expect(f, mail, "hello");
        assert_string_equal(field(f, "created_at"), cases[i].at);
    }
}

static void headers_in_any_charset(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *raw, *subject;
    } cases[] = {
        {"=?UTF-8?B?67Cw7IahIOusuOydmOuTnOumveuLiOuLpA==?=", "배송 문의드립니다"},
        {"=?utf-8?Q?=EB=B0=B0=EC=86=A1_=EB=AC=B8=EC=9D=98?=", "배송 문의"},
        {"=?ks_c_5601-1987?B?jGO55rCix88gyK+60g==?=", "똠방각하 환불"},
        {"=?EUC-KR?B?yKux5rW/?= Re", "홍길동 Re"},
        {"=?utf-8?B?67Cw7IY=?=\n =?utf-8?B?oSDrrLjsnZg=?=", "배송 문의"}, /* cut within a letter */
        {"\xb9\xe8\xbc\xdb \xb9\xae\xc0\xc7", "배송 문의"},               /* CP949, raw */
        {"배송 문의", "배송 문의"},
        {"=?x-none?Q?abc?= d", "abc d"},
        {"a\n\tb", "a b"},
    };
    char mail[512];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        snprintf(mail, sizeof mail, "From: a@b.c\nSubject: %s\n\nhello\n", cases[i].raw);
        expect(f, mail, "hello");
        assert_string_equal(field(f, "title"), cases[i].subject);
    }
}

static void names(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *raw, *name;
    } cases[] = {
        {"\"=?euc-kr?B?yKux5rW/?=\" <k@example.com>", "홍길동"},
        {"=?euc-kr?B?yKux5rW/?= <k@example.com>", "홍길동"},
        {"=?utf-8?Q?Kim=2C_Lee?= <k@example.com>", "Kim, Lee"},
        {"\"Kim, Lee\" <k@example.com>", "Kim, Lee"},
        {"\xb9\xe8\xbc\xdb <k@example.com>", "배송"},
        {"k@example.com (Kim)", "Kim"},
    };
    char mail[512];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        snprintf(mail, sizeof mail, "From: %s\nSubject: s\n\nhello\n", cases[i].raw);
        expect(f, mail, "hello");
        json_t *v = json_object_get(f->record, "customer");
        assert_string_equal(json_string_value(json_object_get(v, "name")), cases[i].name);
        assert_string_equal(json_string_value(json_object_get(v, "email")), "k@example.com");
    }
}

static void senders(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *from, *email;
    } cases[] = {
        {"From: kim@example.com", "kim@example.com"},
        {"From: \"Kim, Lee\" <kim@example.com>, b@c.d", "kim@example.com"},
        {"From: customers: kim@example.com, b@c.d;", "kim@example.com"},
        {"From: \"=?euc-kr?B?yKux5rW/?=\" <kim@example.com>", "kim@example.com"},
        {"From: \xb9\xe8\xbc\xdb <kim@example.com>", "kim@example.com"},
        {"Sender: kim@example.com", "kim@example.com"},
        {"From: nobody", NULL},
        {"From: <>", NULL},
        {"X: y", NULL},
    };
    char mail[256];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        snprintf(mail, sizeof mail, "%s\nSubject: s\n\nhello\n", cases[i].from);
        expect(f, mail, "hello");
        json_t *v = json_object_get(json_object_get(f->record, "customer"), "email");
        if (cases[i].email)
            assert_string_equal(json_string_value(v), cases[i].email);
        else
            assert_null(v);
    }
}

/* --- charsets --- */

static void charsets(void **state)
{
    (void)state;
    static const struct {
        const char *label, *bytes, *text;
    } cases[] = {
        {"utf-8", "배송이 늦어요", "배송이 늦어요"},
        {"euc-kr", "\xb9\xe8\xbc\xdb\xc0\xcc \xb4\xca\xbe\xee\xbf\xe4", "배송이 늦어요"},
        {"EUC-KR", "\x8c\x63\xb9\xe6\xb0\xa2\xc7\xcf", "똠방각하"}, /* only CP949 has it */
        {"ks_c_5601-1987", "\x8c\x63\xb9\xe6", "똠방"},
        {"iso-2022-kr", "\x1b$)C\x0eH/:RGX\x0f \x0e\x41V<<?d\x0f", "환불해 주세요"},
        {"iso-2022-jp", "\x1b$B$\"\x1b(B", "あ"},
        /* what the label says is not so */
        {"us-ascii", "배송이 늦어요", "배송이 늦어요"},
        {"euc-kr", "배송이 늦어요", "배송이 늦어요"},
        {"iso-8859-1", "\xb9\xe8\xbc\xdb\xc0\xcc \xb4\xca\xbe\xee\xbf\xe4", "배송이 늦어요"},
        {"utf-8", "\xb9\xe8\xbc\xdb\xc0\xcc \xb4\xca\xbe\xee\xbf\xe4", "배송이 늦어요"},
        {NULL, "\xb9\xe8\xbc\xdb\xc0\xcc", "배송이"},
        {"x-unknown", "\xb9\xe8\xbc\xdb\xc0\xcc", "배송이"},
        {"../../etc/passwd", "plain", "plain"},
        {"iso-2022-kr", "plain", "plain"},
        /* Latin */
        {"iso-8859-1", "na\xefve caf\xe9 \x93so\x94", "naïve café “so”"},
        {NULL, "M\xfcller", "Müller"},
        {"shift_jis", "\x82\xa0", "あ"},
        {"gb2312", "\xc4\xe3\xba\xc3", "你好"},
        /* broken */
        {"utf-8", "좋아요 \xff 네", "좋아요 \xef\xbf\xbd 네"},
        {"euc-kr", "\xb9\xe8\xbc\xdb\xff!", "배송\xef\xbf\xbd!"},
        {"utf-8", "", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out;
        buf_init(&out, 4096);
        assert_int_equal(charset_to_utf8(span_str(cases[i].bytes), span_str(cases[i].label), &out),
                         0);
        if (!span_is(buf_span(&out), cases[i].text))
            fail_msg("%zu: %s: %.*s, not %s", i, cases[i].label, SPAN_FMT(buf_span(&out)),
                     cases[i].text);
        buf_done(&out);
    }
}

static void encodings(void **state)
{
    struct fixture *f = *state;
    expect(f,
           HEAD "Content-Type: text/plain; charset=euc-kr\r\nContent-Transfer-Encoding: base64\r\n"
                "\r\nyKux5rW/\r\n",
           "홍길동");
    expect(f,
           HEAD "Content-Type: text/plain; charset=utf-8\r\n"
                "Content-Transfer-Encoding: quoted-printable\r\n\r\n=EB=B0=B0=\r\n=EC=86=A1\r\n",
           "배송");
    expect(f,
           HEAD "Content-Type: text/html; charset=utf-8\r\n\r\n"
                "<style>p{}</style><p>환불해 <b>주세요</b></p><p>네&nbsp;&amp;</p>",
           "환불해 주세요\n\n네 &");
    expect(f,
           HEAD "Content-Type: text/plain; charset=utf-8; format=flowed\r\n\r\n"
                "one \r\ntwo\r\n three\r\n-- \r\nKim\r\n",
           "one two\nthree");
}

/* --- parts --- */

#define PART(type, body) "--b\r\nContent-Type: " type "; charset=utf-8\r\n\r\n" body "\r\n"

static void parts(void **state)
{
    struct fixture *f = *state;
    expect(f,
           HEAD
           "Content-Type: multipart/alternative; boundary=b\r\n\r\n" PART("text/plain", "plain")
               PART("text/html", "<p>html</p>") "--b--\r\n",
           "plain");
    expect(f,
           HEAD "Content-Type: multipart/alternative; boundary=b\r\n\r\n" PART("text/plain", "  ")
               PART("text/html", "<p>html</p>") "--b--\r\n",
           "html");
    expect(
        f,
        HEAD "Content-Type: multipart/mixed; boundary=b\r\n\r\n" PART(
            "text/plain", "above") "--b\r\nContent-Type: image/png; name=x.png\r\n"
                                   "Content-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n" PART(
                                       "text/plain", "below") "--b--\r\n",
        "above\nbelow");
    expect(f,
           HEAD "Content-Type: multipart/mixed; boundary=b\r\n\r\n" PART(
               "text/plain",
               "body") "--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; "
                       "filename=log.txt\r\n\r\nlog\r\n"
                       "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: "
                       "inner\r\n\r\ninner\r\n--b--\r\n",
           "body");
    expect(f,
           HEAD
           "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n"
           "Content-Type: multipart/alternative; boundary=b\r\n\r\n" PART("text/plain", "inner")
               PART("text/html", "<p>x</p>") "--b--\r\n--o--\r\n",
           "inner");
    /* the end is missing */
    expect(f, HEAD "Content-Type: multipart/mixed; boundary=b\r\n\r\n" PART("text/plain", "half"),
           "half");
}

/* A mail of 1 MiB made of `piece`. */
static void read_many(struct fixture *f, const char *head, const char *piece)
{
    struct buf b;
    buf_init(&b, 2 << 20);
    buf_str(&b, head);
    while (b.n < 1 << 20)
        buf_str(&b, piece);
    read_bytes(f, buf_span(&b));
    buf_done(&b);
}

static void more_than_a_mail_has(void **state)
{
    struct fixture *f = *state;
    static const char *const cases[][2] = {
        {HEAD "Content-Type: multipart/mixed; boundary=b\n\n", "--b\n\n"},
        {HEAD, "a:\n"},
        {"From: ", "a@b,"},
        {HEAD "Content-Type: multipart/mixed; boundary=b\n\n--b\n", "X: y\n"},
        {HEAD "\n", "-- \nsigned again\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        read_many(f, cases[i][0], cases[i][1]);
        assert_int_equal(f->rc, -EINVAL);
        assert_string_equal(f->why.code, "too_large");
    }
    read_many(f, HEAD "\n", "words: of a body\n");
    assert_int_equal(f->rc, 0);
    assert_in_range(strlen(field(f, "text")), 65500, 65536);
}

/* As deep as a mail can be that is read at all. */
static void nested_too_deep(void **state)
{
    struct fixture *f = *state;
    for (unsigned k = 0; k < 3; k++) {
        struct buf b;
        buf_init(&b, 2 << 20);
        buf_str(&b, k == 0 ? HEAD "Content-Type: multipart/mixed; boundary=b0\r\n\r\n" : HEAD);
        for (int i = 0; i < 900; i++) {
            if (k == 0)
                buf_printf(&b, "--b%d\nContent-Type:multipart/x;boundary=b%d\n\n", i, i + 1);
            else if (k == 1)
                buf_str(&b, "Content-Type:message/rfc822\n\n");
            else
                buf_printf(&b,
                           "Content-Type:multipart/x;boundary=b%d\n\n--b%d\n"
                           "Content-Type:message/rfc822\n\n",
                           i, i);
        }
        read_bytes(f, buf_span(&b));
        assert_int_equal(f->rc, 0);
        assert_string_equal(field(f, "text"), "s"); /* the subject: no text where one looks */
        buf_done(&b);
    }
}

/* --- quotes and signatures --- */

static void replies(void **state)
{
    (void)state;
    static const struct {
        const char *text, *own;
    } cases[] = {
        {"답변 감사합니다\n\n2026년 11월 22일 (일) 오전 9:10, 상담 <cs@example.com>님이 작성:\n\n> "
         "안녕하세요\n> "
         "네\n",
         "답변 감사합니다"},
        {"답변 감사합니다\n\n2026년 11월 22일 (일) 오전 9:10, 행복한 상담 "
         "센터\n<cs@example.com>님이 "
         "작성:\n\n안녕하세요\n",
         "답변 감사합니다"},
        {"네\n\n2026. 11. 22. 오전 9:10, CS <cs@example.com> 작성:\n\n안녕하세요\n", "네"},
        {"Thanks\n\nOn Sun, Nov 22, 2026 at 9:10 AM CS <cs@example.com> wrote:\n\n> Hi\n>\n> Bye\n",
         "Thanks"},
        {"Thanks\n\nOn Sun, Nov 22, 2026 at 9:10 AM Customer "
         "Service\n<cs@example.com>\nwrote:\n\nHi\n",
         "Thanks"},
        /* an answer between and below the lines */
        {"On Sun, Nov 22, 2026, CS wrote:\n> When?\nYesterday.\n> Where?\nAt home.\n",
         "Yesterday.\nAt home."},
        {"안 돼요\n\n-----Original Message-----\nFrom: CS\nTo: me\n\n본문\n", "안 돼요"},
        {"안 돼요\n\n-----원본 메시지-----\n보낸 사람: CS\n\n본문\n", "안 돼요"},
        {"안 돼요\n\n--------- 원본 메일 ---------\n보낸사람: CS\n받는사람: 나\n", "안 돼요"},
        {"안 돼요\n\n________________________________\nFrom: CS <cs@example.com>\nSent: "
         "Sunday\nTo: me\n"
         "Subject: RE: x\n\nbody\n",
         "안 돼요"},
        {"안 돼요\n\n보낸 사람: CS\n보낸 날짜: 2026년\n받는 사람: 나\n제목: x\n\n본문\n",
         "안 돼요"},
        {"안 돼요\n\n*From:* CS\n*Sent:* Sunday\n*To:* me\n\nbody\n", "안 돼요"},
        {"환불요\n\n-- \n김 아무개\n010-0000-0000\n", "환불요"},
        {"환불요\n\n나의 iPhone에서 보냄\n", "환불요"},
        {"환불요\n\nSent from my iPhone\n\n", "환불요"},
        {"refund\n\nGet Outlook for iOS<https://aka.ms/x>\n\nOn Mon, A B wrote:\n> x\n", "refund"},
        {"내 Galaxy에서 보냄\n환불요", "내 Galaxy에서 보냄\n환불요"},
        /* what only looks like it */
        {"On Sunday I wrote:\nnothing came", ""}, /* is one, and all of it */
        {"On the whole it is fine.\nReally.", "On the whole it is fine.\nReally."},
        {"From: Seoul\nit came late", "From: Seoul\nit came late"},
        {"2026년에 산 제품인데\n고장났어요", "2026년에 산 제품인데\n고장났어요"},
        {"---------- Forwarded message ---------\nFrom: kim@example.com\n늦어요",
         "---------- Forwarded message ---------\nFrom: kim@example.com\n늦어요"},
        {"--- 중요 ---\n늦어요", "--- 중요 ---\n늦어요"},
        {"a\n\n\n\n\nb  \n", "a\n\nb"},
        {"> only\n> quotes\n", ""},
        {"", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out;
        buf_init(&out, 4096);
        assert_int_equal(reply_text(span_str(cases[i].text), &out), 0);
        if (!span_is(buf_span(&out), cases[i].own))
            fail_msg("%zu: \"%.*s\", not \"%s\"", i, SPAN_FMT(buf_span(&out)), cases[i].own);
        buf_done(&out);
    }
}

static void text_of_its_own(void **state)
{
    struct fixture *f = *state;
    refused(f, HEAD "In-Reply-To: <0@x>\r\n\r\n> only what was said\r\n", "nothing_to_read");
    expect(f, HEAD "\r\n-----Original Message-----\r\nFrom: x\r\n\r\nforwarded\r\n",
           "-----Original Message-----\nFrom: x\n\nforwarded");
    expect(f, HEAD "\r\n\r\n", "s");
    f->rules.max_text = 8;
    expect(f, HEAD "Content-Type: text/plain; charset=utf-8\r\n\r\n가나다라\r\n", "가나");
}

/* --- threads --- */

static struct span conversation_of(void *ctx, struct span id)
{
    (void)ctx;
    return span_is(id, "known@x") ? SPAN_LIT("begun@x") : SPAN_NONE;
}

static void threads(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *headers, *conversation;
    } cases[] = {
        {"Subject: Re: s\r\n", "1@example.com"},
        {"In-Reply-To: <0@x>\r\n", "0@x"},
        {"References: <a@x> <b@x>\r\n <c@x>\r\nIn-Reply-To: <c@x>\r\n", "a@x"},
        {"In-Reply-To: <known@x>\r\n", "begun@x"},
        {"References: <a@x> <known@x>\r\n", "begun@x"},
        {"References: garbage\r\n", "1@example.com"},
        {"In-Reply-To: Your mail of Sunday <0@x>\r\n", "0@x"},
    };
    char mail[1024];
    f->rules.conversation_of = conversation_of;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        snprintf(mail, sizeof mail, HEAD "%s\r\nhello\r\n", cases[i].headers);
        expect(f, mail, "hello");
        if (strcmp(field(f, "conversation"), cases[i].conversation) != 0)
            fail_msg("%zu: %s", i, field(f, "conversation"));
    }
}

static void identity_without_an_id(void **state)
{
    struct fixture *f = *state;
    char first[64], mail[2048];
    expect(f, "From: a@b.c\nDate: Sat, 21 Nov 2026 09:10:11 +0900\nSubject: s\n\nhello\n", "hello");
    snprintf(first, sizeof first, "%s", field(f, "external_id"));
    assert_int_equal(strlen(first), 37);
    expect(f,
           "Received: x\nFrom: a@b.c\nDate: Sat, 21 Nov 2026 09:10:11 +0900\nSubject: s\n\nhello\n",
           "hello");
    assert_string_equal(field(f, "external_id"), first);
    expect(f, "From: a@b.c\nDate: Sat, 21 Nov 2026 09:10:12 +0900\nSubject: s\n\nhello\n", "hello");
    assert_string_not_equal(field(f, "external_id"), first);
    snprintf(mail, sizeof mail, "From: a@b.c\nMessage-ID: <%0600d@x>\n\nhello\n", 7);
    expect(f, mail, "hello");
    assert_int_equal(strlen(field(f, "external_id")), 37);
}

/* --- programs --- */

static void automatic_ones_are_left_out(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *headers;
        const char *tag; /* NULL: from a person */
    } cases[] = {
        {"Auto-Submitted: auto-replied\r\n", "automatic"},
        {"Auto-Submitted: auto-generated (vacation)\r\n", "automatic"},
        {"Auto-Submitted: no\r\n", NULL},
        {"Precedence: bulk\r\n", "automatic"},
        {"Precedence: Auto_Reply\r\n", "automatic"},
        {"Precedence: list\r\n", NULL},
        {"X-Autoreply: yes\r\n", "automatic"},
        {"Return-Path: <>\r\n", "report"},
        {"Return-Path: <lee@example.com>\r\n", NULL},
        {"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n", "report"},
    };
    char mail[1024];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        snprintf(mail, sizeof mail, HEAD "%s\r\nhello\r\n", cases[i].headers);
        f->rules.keep_automatic = false;
        read_mail(f, mail);
        assert_int_equal(f->rc, 0);
        if (!f->record != !!cases[i].tag)
            fail_msg("%s", cases[i].headers);
        f->rules.keep_automatic = true;
        read_mail(f, mail);
        assert_int_equal(f->rc, 0);
        json_t *tags = json_object_get(f->record, "tags");
        if (cases[i].tag)
            assert_string_equal(json_string_value(json_array_get(tags, 0)), cases[i].tag);
        else
            assert_null(tags);
    }
    f->rules.keep_automatic = false;
    read_mail(f, "From: MAILER-DAEMON@example.com\nSubject: x\n\nhello\n");
    assert_true(f->rc == 0 && !f->record);
}

/* --- no mail --- */

static void no_mail(void **state)
{
    struct fixture *f = *state;
    refused(f, "", "malformed_mail");
    refused(f, "just some words\n", "malformed_mail");
    refused(f, "\r\n\r\n", "malformed_mail");
    refused(f, "X-Header: only\r\n\r\ntext\r\n", "malformed_mail");
    refused(f, HEAD "In-Reply-To: <0@x>\r\nContent-Type: image/png\r\n\r\nx", "nothing_to_read");
    read_bytes(f, SPAN_LIT(HEAD "\r\na\0b\x01"
                                "c\r\n"));
    assert_int_equal(f->rc, 0);
    assert_string_equal(field(f, "text"), "abc");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_plain_mail, set_up, tear_down),
        cmocka_unit_test_setup_teardown(times, set_up, tear_down),
        cmocka_unit_test_setup_teardown(headers_in_any_charset, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(senders, set_up, tear_down),
        cmocka_unit_test(charsets),
        cmocka_unit_test_setup_teardown(encodings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(parts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_than_a_mail_has, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nested_too_deep, set_up, tear_down),
        cmocka_unit_test(replies),
        cmocka_unit_test_setup_teardown(text_of_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(threads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(identity_without_an_id, set_up, tear_down),
        cmocka_unit_test_setup_teardown(automatic_ones_are_left_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_mail, set_up, tear_down),
    };
    test_seed();
    return cmocka_run_group_tests_name("collect/mail", tests, NULL, NULL);
}
