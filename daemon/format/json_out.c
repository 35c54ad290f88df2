#include "daemon/format/json_out.h"

#include <inttypes.h>

#include "base/time.h"

static void lead(struct json_out *j, const char *key)
{
    if (j->comma)
        buf_char(j->b, ',');
    j->comma = true;
    if (key) {
        buf_json_str(j->b, span_str(key));
        buf_char(j->b, ':');
    }
}

void json_open(struct json_out *j, const char *key, char bracket)
{
    lead(j, key);
    buf_char(j->b, bracket);
    j->comma = false;
}

void json_close(struct json_out *j, char bracket)
{
    buf_char(j->b, bracket);
    j->comma = true;
}

void json_text(struct json_out *j, const char *key, struct span s)
{
    lead(j, key);
    if (s.p)
        buf_json_str(j->b, s);
    else
        buf_str(j->b, "null");
}

void json_text_if(struct json_out *j, const char *key, struct span s)
{
    if (s.n > 0)
        json_text(j, key, s);
}

void json_cstr(struct json_out *j, const char *key, const char *s)
{
    json_text(j, key, span_str(s));
}

void json_int(struct json_out *j, const char *key, int64_t v)
{
    lead(j, key);
    buf_printf(j->b, "%" PRId64, v);
}

void json_num(struct json_out *j, const char *key, double v)
{
    lead(j, key);
    buf_json_f64(j->b, v);
}

void json_flag(struct json_out *j, const char *key, bool v)
{
    lead(j, key);
    buf_str(j->b, v ? "true" : "false");
}

void json_nil(struct json_out *j, const char *key)
{
    lead(j, key);
    buf_str(j->b, "null");
}

void json_time(struct json_out *j, const char *key, int64_t ms, int offset_min)
{
    char text[TIME_RFC3339_MAX];
    if (ms == NO_TIME || ms == INT64_MAX) {
        json_nil(j, key);
        return;
    }
    json_text(j, key, span_of(text, time_format_rfc3339(ms, offset_min, text)));
}

void json_raw(struct json_out *j, const char *key, struct span json)
{
    lead(j, key);
    buf_add(j->b, json);
}

void json_key(struct json_out *j, struct span key)
{
    lead(j, NULL);
    buf_json_str(j->b, key);
    buf_char(j->b, ':');
    j->comma = false;
}
