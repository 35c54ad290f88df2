/* where_impl: what parsing, printing and matching of filters share. Private to base/where_*.c. */
#ifndef VOC_BASE_WHERE_IMPL_H
#define VOC_BASE_WHERE_IMPL_H

#include "base/where.h"

#define WHERE_TEXT_MAX 4096
#define WHERE_TESTS_MAX 64
#define WHERE_DEPTH_MAX 32
#define WHERE_VALUES_MAX 256

/* The key a WHERE_CUSTOMER tree has beside WF_CUSTOMER. */
#define WHERE_ID SPAN_LIT("id")

/* Bytes of the bare word at the start of s, 0 when there is none. s is valid UTF-8. */
size_t where_word_length(struct span s);
/* and or not in has matches, in any case: never a bare field or value. */
bool where_is_keyword(struct span s);
/* What a value's text means; numbers, now and true/false only when it was not quoted. */
struct where_value where_value_of(struct span text, bool quoted);
/* A date (its UTC midnight) or an RFC 3339 time. */
int where_parse_time(struct span s, int64_t *ret_ms);

#endif
