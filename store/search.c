#include "store/search.h"

#include "base/err.h"

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

int search_init(struct search *s, struct span q)
{
    s->n = 0;
    buf_init(&s->folded, 0);
    if (q.n > sizeof(s->text))
        return -EINVAL;
    for (size_t i = 0; i < q.n; i++)
        s->text[i] = fold(q.p[i]);
    for (size_t i = 0; i < q.n;) {
        size_t from = i;
        while (i < q.n && !is_space(s->text[i]))
            i++;
        if (i > from) {
            if (s->n == SEARCH_WORDS_MAX)
                return -EINVAL;
            s->words[s->n++] = span_of(s->text + from, i - from);
        }
        i += i < q.n;
    }
    return 0;
}

void search_done(struct search *s)
{
    buf_done(&s->folded);
}

/* The words found in one part, as bits. */
static int search_part(struct search *s, struct span part, uint32_t *found)
{
    buf_reset(&s->folded);
    char *to = part.n ? buf_reserve(&s->folded, part.n) : NULL;
    if (!to)
        return buf_error(&s->folded);
    for (size_t i = 0; i < part.n; i++)
        to[i] = fold(part.p[i]);
    for (size_t i = 0; i < s->n; i++)
        if (!(*found >> i & 1) && memmem(to, part.n, s->words[i].p, s->words[i].n))
            *found |= UINT32_C(1) << i;
    return 0;
}

int search_record(struct search *s, const struct feedback *f)
{
    uint32_t found = 0, all = s->n == 32 ? UINT32_MAX : (UINT32_C(1) << s->n) - 1;
    int r = search_part(s, f->title, &found);
    if (r == 0)
        r = search_part(s, f->text, &found);
    for (size_t i = 0; i < f->n_turns && r == 0 && found != all; i++)
        r = search_part(s, f->turns[i].text, &found);
    return r < 0 ? r : found == all;
}
