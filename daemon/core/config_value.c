#include "daemon/core/config_impl.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "base/time.h"
#include "base/utf8.h"
#include "daemon/core/zone.h"

static int say(char why[CONFIG_WHY], const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int say(char why[CONFIG_WHY], const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, CONFIG_WHY, fmt, ap);
    va_end(ap);
    return -EINVAL;
}

static const struct {
    const char *suffix;
    int64_t factor;
} byte_units[] = {{"KiB", INT64_C(1) << 10},
                  {"MiB", INT64_C(1) << 20},
                  {"GiB", INT64_C(1) << 30},
                  {"TiB", INT64_C(1) << 40},
                  {"B", 1},
                  {"", 1}};

int config_bytes(struct span text, int64_t *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(byte_units); i++) {
        struct span unit = span_str(byte_units[i].suffix);
        int64_t n;
        if (text.n <= unit.n || !span_eq(span_of(text.p + text.n - unit.n, unit.n), unit))
            continue;
        struct span digits = span_trim(span_of(text.p, text.n - unit.n));
        if (span_to_i64(digits, &n) < 0 || n < 0 ||
            __builtin_mul_overflow(n, byte_units[i].factor, &n))
            return -EINVAL;
        *ret = n;
        return 0;
    }
    return -EINVAL;
}

/* Bounds as one would write them: the largest unit that divides. */
static const char *print_bytes(int64_t n, char out[32])
{
    int unit = 4;
    for (int i = 0; i < 4; i++)
        if (n >= byte_units[i].factor && n % byte_units[i].factor == 0)
            unit = i;
    snprintf(out, 32, "%" PRId64 "%s", n / byte_units[unit].factor, byte_units[unit].suffix);
    return out;
}

static int parse_duration(struct span text, int64_t *ret)
{
    int64_t n;
    if (text.n > 2 && span_eq(span_of(text.p + text.n - 2, 2), SPAN_LIT("ms"))) {
        if (span_to_i64(span_of(text.p, text.n - 2), &n) < 0 || n < 0)
            return -EINVAL;
        *ret = n;
        return 0;
    }
    if (span_is(text, "0")) {
        *ret = 0;
        return 0;
    }
    return time_parse_duration(text, ret);
}

static const char *print_duration(int64_t ms, char out[32])
{
    static const struct {
        int64_t ms;
        const char *unit;
    } units[] = {{MS_DAY, "d"}, {MS_HOUR, "h"}, {MS_MINUTE, "m"}, {MS_SECOND, "s"}, {1, "ms"}};
    size_t i = 0;
    while (ms % units[i].ms != 0)
        i++;
    snprintf(out, 32, "%" PRId64 "%s", ms / units[i].ms, ms ? units[i].unit : "");
    return out;
}

int config_word(const char *names, struct span word)
{
    struct span rest = span_str(names);
    for (int i = 0; rest.n > 0; i++) {
        struct span name = span_of(rest.p, span_find_char(rest, ','));
        if (span_eq(name, word))
            return i;
        size_t used = name.n < rest.n ? name.n + 1 : name.n;
        rest = span_of(rest.p + used, rest.n - used);
    }
    return -1;
}

static int parse_number(const struct config_row *row, struct span text, int64_t *ret)
{
    if (row->type == ROW_BYTES)
        return config_bytes(text, ret);
    if (row->type == ROW_DURATION)
        return parse_duration(text, ret);
    return span_to_i64(text, ret);
}

static int set_number(const struct config_row *row, struct span text, void *field,
                      char why[CONFIG_WHY])
{
    char low[32], high[32];
    int64_t n;
    if (parse_number(row, text, &n) < 0)
        return say(why, "\"%.*s\" is not %s", SPAN_FMT(utf8_cut(text, 60)), config_expected(row));
    if (n < row->min || n > row->max) {
        const char *(*print)(int64_t, char[32]) =
            row->type == ROW_DURATION ? print_duration : print_bytes;
        if (row->type == ROW_BYTES || row->type == ROW_DURATION)
            return say(why, "%.*s is not between %s and %s", SPAN_FMT(text), print(row->min, low),
                       print(row->max, high));
        return say(why, "%.*s is not between %" PRId64 " and %" PRId64, SPAN_FMT(text), row->min,
                   row->max);
    }
    if (row->type == ROW_U16)
        *(uint16_t *)field = (uint16_t)n;
    else if (row->type == ROW_U32)
        *(uint32_t *)field = (uint32_t)n;
    else if (row->type == ROW_DURATION)
        *(int64_t *)field = n;
    else
        *(size_t *)field = (size_t)n;
    return 0;
}

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_name(struct span s, bool is_id)
{
    if (s.n == 0 || s.n > 63 || !is_alnum(s.p[0]))
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool ok = is_id ? (is_alnum(c) && !(c >= 'A' && c <= 'Z')) || c == '-'
                        : is_alnum(c) || c == '-' || c == '_' || c == '.';
        if (!ok)
            return false;
    }
    return true;
}

static bool is_address(struct span s)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr any;
    if (s.n == 0 || s.n >= sizeof text || memchr(s.p, 0, s.n))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    return inet_pton(AF_INET, text, &any) == 1 || inet_pton(AF_INET6, text, &any) == 1;
}

/* Scheme, then a host; nothing that could end a header line. What the address may be is judged
 * where it is resolved, fetch.c. */
static bool is_url(struct span s, const char *const *schemes)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= 0x20 || s.p[i] == 0x7f || s.p[i] == '\\')
            return false;
    for (; *schemes; schemes++) {
        struct span scheme = span_str(*schemes);
        if (span_starts(s, scheme))
            return s.n > scheme.n && s.n <= 2048 && !strchr("/?#@:", s.p[scheme.n]);
    }
    return false;
}

static bool text_fits(const struct config_row *row, struct span s, char why[CONFIG_WHY])
{
    static const char *const web[] = {"http://", "https://", NULL};
    static const char *const proxies[] = {"http://", "https://", "socks5h://", NULL};
    switch (row->type) {
    case ROW_TEXT:
    case ROW_FILE:
    case ROW_PRESET:
        if ((int64_t)s.n >= row->min && (int64_t)s.n <= row->max)
            return true;
        say(why, "has %zu bytes, not between %" PRId64 " and %" PRId64, s.n, row->min, row->max);
        return false;
    case ROW_WORD:
        if (config_word(row->names, s) >= 0)
            return true;
        break;
    case ROW_ZONE:
        if (zone_valid(s))
            return true;
        break;
    case ROW_ADDRESS:
        if (is_address(s))
            return true;
        break;
    case ROW_URL:
        if (is_url(s, web))
            return true;
        break;
    case ROW_PROXY:
        if (is_url(s, proxies))
            return true;
        break;
    default:
        if (is_name(s, row->type == ROW_ID))
            return true;
        break;
    }
    /* A URL may be a secret as a whole. */
    if (row->type == ROW_URL)
        say(why, "is not %s", config_expected(row));
    else
        say(why, "\"%.*s\" is not %s", SPAN_FMT(utf8_cut(s, 60)), config_expected(row));
    return false;
}

static int set_text(struct config_reader *r, const struct config_row *row, struct span text,
                    void *field, char why[CONFIG_WHY])
{
    if (!text_fits(row, text, why))
        return -EINVAL;
    struct span yaml = SPAN_LIT(".yaml");
    bool is_file = row->type == ROW_FILE;
    if (row->type == ROW_PRESET)
        is_file = span_find_char(text, '/') < text.n ||
                  (text.n > yaml.n && span_eq(span_of(text.p + text.n - yaml.n, yaml.n), yaml));
    struct span kept = is_file ? config_resolve(r, text) : arena_dup(&r->snapshot->arena, text);
    if (!kept.p)
        return -ENOMEM;
    *(struct span *)field = kept;
    return 0;
}

int config_value(struct config_reader *r, const struct config_row *row, struct span text,
                 void *field, char why[CONFIG_WHY])
{
    int word;
    switch (row->type) {
    case ROW_FLAG:
        if (!span_is(text, "true") && !span_is(text, "false"))
            return say(why, "\"%.*s\" is neither true nor false", SPAN_FMT(utf8_cut(text, 60)));
        *(bool *)field = span_is(text, "true");
        return 0;
    case ROW_U16:
    case ROW_U32:
    case ROW_COUNT:
    case ROW_BYTES:
    case ROW_DURATION:
        return set_number(row, text, field, why);
    case ROW_ENUM:
        word = config_word(row->names, text);
        if (word < 0)
            return say(why, "\"%.*s\" is not one of %s", SPAN_FMT(utf8_cut(text, 60)), row->names);
        *(int *)field = word;
        return 0;
    default:
        return set_text(r, row, text, field, why);
    }
}

const char *config_expected(const struct config_row *row)
{
    static const char *const expected[] = {
        [ROW_TEXT] = "text",
        [ROW_FILE] = "a path",
        [ROW_PRESET] = "the name of a connector, or its file",
        [ROW_FLAG] = "true or false",
        [ROW_U16] = "a whole number",
        [ROW_U32] = "a whole number",
        [ROW_COUNT] = "a whole number",
        [ROW_BYTES] = "a size like 512 or 8MiB (KiB, MiB, GiB, TiB)",
        [ROW_DURATION] = "a duration like 500ms, 10s, 5m, 1h or 30d",
        [ROW_ENUM] = "a word",
        [ROW_ZONE] = "a time zone like Asia/Seoul",
        [ROW_ADDRESS] = "a numeric IPv4 or IPv6 address",
        [ROW_URL] = "an http:// or https:// address with a host",
        [ROW_PROXY] = "an http://, https:// or socks5h:// address with a host",
        [ROW_ID] = "an id of a-z, 0-9 and -, beginning with a letter or digit, at most 63",
        [ROW_NAME] = "a name of letters, digits, . _ and -, at most 63",
        [ROW_TEXTS] = "a list",
        [ROW_SECRETS] = "the name of a file or variable",
        [ROW_SECRET] = "the name of a file or variable",
        [ROW_MAP] = "a section",
        [ROW_PAIRS] = "a section",
        [ROW_HIDDEN] = "a section",
        [ROW_LIST] = "a list",
    };
    static _Thread_local char words[CONFIG_WHY];
    if (row->type != ROW_WORD && row->type != ROW_ENUM)
        return expected[row->type];
    snprintf(words, sizeof words, "one of %s", row->names);
    return words;
}
