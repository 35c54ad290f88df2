#include "daemon/format/speaker.h"

#include "base/err.h"

static const char *const usual[][16] = {
    [BY_CUSTOMER] = {"customer", "고객", "고객님", "손님", "회원", "회원님", "caller", "client",
                     "guest", "user", "visitor", "구매자"},
    [BY_AGENT] = {"agent", "상담원", "상담사", "상담직원", "상담자", "매니저", "직원", "판매자",
                  "advisor", "operator", "rep", "representative", "support", "staff"},
    [BY_SYSTEM] = {"system", "시스템", "ARS", "IVR", "bot", "chatbot", "챗봇", "자동응답"},
};

int speaker_role(struct span word)
{
    static const char *const roles[] = {"customer", "agent", "system"};

    for (size_t i = 0; i < ARRAY_LEN(roles); i++)
        if (span_is(word, roles[i]))
            return (int)i;
    return span_is(word, "text") ? SPEAKER_TEXT : SPEAKER_UNKNOWN;
}

static int find_usual(struct span label)
{
    for (size_t role = 0; role < ARRAY_LEN(usual); role++)
        for (size_t i = 0; i < ARRAY_LEN(usual[role]) && usual[role][i]; i++)
            if (span_eq_nocase(label, span_str(usual[role][i])))
                return (int)role;
    return SPEAKER_UNKNOWN;
}

/* "상담원 2", "고객A", "Agent 1", "Agent B": without what counts them. */
static struct span without_count(struct span label)
{
    size_t n = label.n;

    while (n > 0 && label.p[n - 1] >= '0' && label.p[n - 1] <= '9')
        n--;
    if (n == label.n && n > 1 && label.p[n - 1] >= 'A' && label.p[n - 1] <= 'Z') {
        unsigned char before = (unsigned char)label.p[n - 2];
        n -= before >= 0x80 || before == ' ';
    }
    return span_trim(span_of(label.p, n));
}

int speaker_find(const struct speakers *s, struct span label)
{
    label = span_trim(label);
    for (size_t i = 0; i < s->n; i++)
        if (span_eq(s->names[i].key, label))
            return speaker_role(s->names[i].value);
    int role = find_usual(label);
    if (role == SPEAKER_UNKNOWN)
        role = find_usual(without_count(label));
    return role == SPEAKER_UNKNOWN ? s->others : role;
}
