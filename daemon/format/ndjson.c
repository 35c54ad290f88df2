#include "daemon/format/ndjson.h"

#include "base/err.h"

void ndjson_init(struct ndjson *s, size_t max_line)
{
    *s = (struct ndjson){.max_line = max_line};
    buf_init(&s->line, max_line + 4); /* a byte order mark or \r may come on top */
    buf_init(&s->kept, NDJSON_KEEP_MAX);
}

void ndjson_done(struct ndjson *s)
{
    buf_done(&s->line);
    buf_done(&s->kept);
}

static int keep_error(const struct ndjson *s)
{
    return s->kept.error == -EMSGSIZE ? -ENOBUFS : s->kept.error;
}

int ndjson_keep(struct ndjson *s)
{
    if (s->in.n == 0 || s->in_kept)
        return 0;
    buf_reset(&s->kept);
    if (buf_add(&s->kept, s->in) < 0)
        return keep_error(s);
    s->in = buf_span(&s->kept);
    s->in_kept = true;
    return 0;
}

int ndjson_feed(struct ndjson *s, struct span chunk)
{
    int rc;

    if (s->in.n == 0) {
        buf_reset(&s->kept);
        s->in = chunk;
        s->in_kept = false;
        return 0;
    }
    rc = ndjson_keep(s);
    if (rc < 0)
        return rc;
    buf_consume(&s->kept, s->kept.n - s->in.n);
    if (buf_add(&s->kept, chunk) < 0)
        return keep_error(s);
    s->in = buf_span(&s->kept);
    return 0;
}

void ndjson_end(struct ndjson *s)
{
    s->ended = true;
}

static struct span strip(const struct ndjson *s, struct span line)
{
    if (s->number == 1 && span_starts(line, SPAN_LIT("\xEF\xBB\xBF")))
        line = span_of(line.p + 3, line.n - 3);
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

static void advance(struct ndjson *s, size_t n)
{
    s->in = span_of(s->in.p + n, s->in.n - n);
}

/* The chunk ends inside a line. */
static int take_part(struct ndjson *s)
{
    struct span part = s->in;

    s->in.n = 0;
    if (s->skipping)
        return 0;
    if (buf_add(&s->line, part) == -EMSGSIZE) {
        buf_reset(&s->line);
        s->skipping = true;
    }
    return s->line.error;
}

static int finish_line(struct ndjson *s, struct span line, struct span *ret)
{
    bool skipped = s->skipping;

    s->number++;
    s->skipping = false;
    line = strip(s, line);
    if (skipped || line.n > s->max_line)
        return -EMSGSIZE;
    if (span_trim(line).n == 0)
        return 0;
    *ret = line;
    return 1;
}

/* The line ends in this chunk. */
static int take_line(struct ndjson *s, size_t end, struct span *ret)
{
    struct span line = span_of(s->in.p, end);

    advance(s, end + 1);
    if (s->line.n && !s->skipping) {
        s->line_given = true;
        s->skipping = buf_add(&s->line, line) == -EMSGSIZE;
        if (s->line.error && !s->skipping)
            return s->line.error;
        line = buf_span(&s->line);
    }
    return finish_line(s, line, ret);
}

int ndjson_next(struct ndjson *s, struct span *ret_line)
{
    int rc = 0;

    while (rc == 0) {
        if (s->line_given) {
            buf_reset(&s->line);
            s->line_given = false;
        }
        size_t end = span_find_char(s->in, '\n');
        if (end < s->in.n) {
            rc = take_line(s, end, ret_line);
            continue;
        }
        rc = take_part(s);
        if (rc < 0 || !s->ended || (!s->line.n && !s->skipping))
            return rc;
        s->line_given = true;
        return finish_line(s, buf_span(&s->line), ret_line);
    }
    return rc;
}
