/* json_out: writes JSON into a buf, minding commas. Keys are C literals in snake_case.
 *
 * Thread: one owner. The buf's sticky error says at the end whether all of it fitted. Inside an
 * object every value takes a key; inside an array the key is NULL. */
#ifndef VOC_FORMAT_JSON_OUT_H
#define VOC_FORMAT_JSON_OUT_H

#include "base/buf.h"
#include "base/clock.h"

struct json_out {
    struct buf *b;
    bool comma; /* the next value needs one before it */
};

static inline struct json_out json_out_to(struct buf *b)
{
    return (struct json_out){b, false};
}
void json_open(struct json_out *j, const char *key, char bracket);  /* '{' or '[' */
void json_close(struct json_out *j, char bracket);                  /* '}' or ']' */
void json_text(struct json_out *j, const char *key, struct span s); /* absent: null */
void json_text_if(struct json_out *j, const char *key,
                  struct span s); /* absent or empty: nothing */
void json_cstr(struct json_out *j, const char *key, const char *s);
void json_int(struct json_out *j, const char *key, int64_t v);
void json_num(struct json_out *j, const char *key, double v); /* NaN: null */
void json_flag(struct json_out *j, const char *key, bool v);
void json_nil(struct json_out *j, const char *key);
/* RFC 3339 at a fixed offset in minutes; NO_TIME: null. */
void json_time(struct json_out *j, const char *key, int64_t ms, int offset_min);
/* JSON made elsewhere. */
void json_raw(struct json_out *j, const char *key, struct span json);
/* A key made at run time (attributes); the value follows with key NULL. */
void json_key(struct json_out *j, struct span key);

#endif
