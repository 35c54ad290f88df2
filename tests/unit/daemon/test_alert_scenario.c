/* Plays the scripts (.txt) of tests/scenario: alert rules under a virtual clock over a real store.
 * One script is one test. A line is a command; `#` begins a comment.
 *
 *   groups N | lateness 30m | receiver NAME [no-resolved] [SEVERITY]     before anything else
 *   zone Europe/Berlin | day 2026-03-29     the same; else Seoul, Sunday 2026-11-22
 *   watch normal [history=14d] [off=DATE]   the same: sources are judged
 *   past SOURCE 20/h 09:00-18:00 [mon-fri] [weeks=8]    what it brought by the wall clock before
 *   at 10:00[:30] COMMAND      moves the clock there first, timers running
 *   rule JSON                  puts the rule (its name is in the JSON); drop NAME removes it
 *   record [K=V …]             id category signal tag sentiment product agent channel text name
 *                              email phone csat=4/5 nps=3 created=9:30 backfill=yes attributes.K
 *   records N [K=V …]          the same N times, each its own record
 *   begin | commit | abort     one transaction of what is between; without, each line is one
 *   advance 61m                time passes; clock -30m sets the wall clock, no timer runs
 *   restart                    store and engine are closed and opened again; away 3h: for a while
 *   flow SOURCE 20/h 11:30     time passes until then, records of it coming in evenly
 *   source NAME [paused] [error=auth] [SENSITIVITY] | source NAME gone      as it is configured now
 *   expect firing|resolved RULE [K=V …]   the next event: group values, n, value, at=10:05,
 * why=TEXT expect none                no event is left
 *
 * At the end no event may be left, and the outbox must hold, per alert and receiver, one firing
 * notice and at most one resolved notice. */
#include <dirent.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/time.h"
#include "daemon/alert/silence.h"
#include "daemon/core/zone.h"
#include "tests/lib/alert_rig.h"
#include "tests/lib/test.h"

enum { MAX_WORDS = 24, MAX_LINE = 2048, MAX_RECEIVERS = 8, MAX_SOURCES = 8 };

static const char *const dir = "tests/scenario";

struct play {
    struct alert_rig rig;
    bool open;
    const char *file;
    int line;
    int64_t day; /* the midnight of the clock times, ms */
    unsigned next_id;
    struct config_receiver receivers[MAX_RECEIVERS];
    struct span severities[MAX_RECEIVERS];
    size_t n_receivers;
    struct zone *zone;
    struct alert_watch watch;
    struct alert_source sources[MAX_SOURCES];
    struct span off[MAX_SOURCES];
    struct past {
        const char *source;
        int per_hour, from, to, weeks; /* minutes of the day */
        bool weekdays;
    } past[MAX_SOURCES];
    size_t n_past;
    struct arena arena;
    char *events; /* taken and not yet expected */
    char *at;
};

#define FAIL(p, ...)                                                                               \
    do {                                                                                           \
        fprintf(stderr, "%s:%d: ", (p)->file, (p)->line);                                          \
        fprintf(stderr, __VA_ARGS__);                                                              \
        fputc('\n', stderr);                                                                       \
        fail();                                                                                    \
    } while (0)

/* --- what came in before the script begins --- */

static void put_days(struct play *p, const struct arrivals *a, const char *name)
{
    int64_t today = arrival_day(arrival_quarter(p->rig.now));
    struct arrival_times t = {p->rig.now, p->rig.now};
    struct store_txn *txn = NULL;
    assert_int_equal(store_begin(p->rig.store, p->rig.now, &txn), 0);
    for (int64_t day = today - ARRIVAL_DAYS + 1; day <= today; day++) {
        char key[64], value[ARRIVAL_DAY_BYTES];
        snprintf(key, sizeof key, "%010lld/%s", (long long)day, name);
        arrivals_pack(a, day, &t, value);
        store_doc_put(txn, STORE_DOC_ARRIVAL, span_str(key), span_of(value, sizeof value));
    }
    assert_int_equal(store_commit(txn), 0);
}

static bool is_open(struct play *p, const struct past *past, int64_t quarter)
{
    struct civil c;
    int64_t local = quarter * ARRIVAL_MS;
    local += zone_offset(p->zone, local);
    civil_from_ms(local, &c);
    int64_t weekday = (local / MS_DAY + 3) % 7; /* 0: Monday; 1970-01-01 was a Thursday */
    int minute = c.hour * 60 + c.minute;
    return minute >= past->from && minute < past->to && (!past->weekdays || weekday < 5);
}

static void put_past(struct play *p)
{
    struct arrivals *a = calloc(1, sizeof *a), *watched = calloc(1, sizeof *watched);
    int64_t end = arrival_quarter(p->rig.now), most = 0;
    arrivals_clear(watched);
    for (size_t i = 0; i < p->n_past; i++) {
        const struct past *past = &p->past[i];
        int64_t quarters = (int64_t)past->weeks * ARRIVAL_PER_WEEK;
        arrivals_clear(a);
        most = quarters > most ? quarters : most;
        for (int64_t q = end - quarters; q < end; q++)
            if (is_open(p, past, q))
                arrivals_add(a, q, (uint32_t)(past->per_hour / 4 + (q % 4 < past->per_hour % 4)));
        put_days(p, a, past->source);
    }
    for (int64_t q = end - most; q < end; q++)
        arrivals_add(watched, q, 1);
    put_days(p, watched, "");
    free(a);
    free(watched);
}

static void ensure_open(struct play *p)
{
    if (p->open)
        return;
    p->rig.receivers = p->receivers;
    p->rig.n_receivers = p->n_receivers;
    rig_open(&p->rig);
    p->open = true;
    if (p->n_past > 0) {
        put_past(p);
        rig_restart(&p->rig);
    }
}

/* --- values --- */

static int64_t clock_of(struct play *p, const char *s)
{
    int h = 0, m = 0, sec = 0;
    if (sscanf(s, "%d:%d:%d", &h, &m, &sec) < 2)
        FAIL(p, "not a time: %s", s);
    return p->day + h * MS_HOUR + m * MS_MINUTE + sec * MS_SECOND;
}

static int64_t duration_of(struct play *p, const char *s)
{
    int64_t ms = 0;
    if (time_parse_duration(span_str(s), &ms) < 0)
        FAIL(p, "not a duration: %s", s);
    return ms;
}

static struct scaled scaled_of(const char *s)
{
    struct scaled v = {.scale = 10, .has = true};
    sscanf(s, "%lf/%lf", &v.value, &v.scale);
    return v;
}

static bool set_text(struct rig_record *rec, const char *key, const char *value)
{
    const struct {
        const char *key;
        const char **to;
    } texts[] = {
        {"source", &rec->source},  {"id", &rec->id},           {"category", &rec->categories},
        {"signal", &rec->signals}, {"tag", &rec->tags},        {"product", &rec->product},
        {"agent", &rec->agent},    {"channel", &rec->channel}, {"text", &rec->text},
        {"name", &rec->name},      {"email", &rec->email},     {"phone", &rec->phone}};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (strcmp(texts[i].key, key) == 0) {
            *texts[i].to = value;
            return true;
        }
    }
    return false;
}

static void set_field(struct play *p, struct rig_record *rec, const char *key, const char *value)
{
    if (set_text(rec, key, value))
        return;
    if (strcmp(key, "sentiment") == 0) {
        int id = vocab_find(VOCAB_SENTIMENT, span_str(value));
        if (id < 0)
            FAIL(p, "no sentiment: %s", value);
        rec->sentiment = (enum sentiment)id;
    } else if (strcmp(key, "created") == 0) {
        rec->created_at = clock_of(p, value);
    } else if (strcmp(key, "csat") == 0) {
        rec->csat = scaled_of(value);
    } else if (strcmp(key, "nps") == 0) {
        rec->nps = scaled_of(value);
    } else if (strcmp(key, "backfill") == 0) {
        rec->backfill = strcmp(value, "yes") == 0;
    } else if (strncmp(key, "attributes.", 11) == 0 && rec->n_attributes < RIG_MAX_PAIRS) {
        rec->attributes[rec->n_attributes++] = (struct pair){span_str(key + 11), span_str(value)};
    } else {
        FAIL(p, "no such field: %s", key);
    }
}

/* --- commands --- */

static void put_records(struct play *p, size_t times, char **words, size_t n)
{
    for (size_t i = 0; i < times; i++) {
        char id[32];
        struct rig_record rec = {.created_at = p->rig.now};
        for (size_t w = 0; w < n; w++) {
            char key[64], *eq = strchr(words[w], '=');
            if (!eq || eq - words[w] >= (ptrdiff_t)sizeof key)
                FAIL(p, "KEY=VALUE expected: %s", words[w]);
            snprintf(key, sizeof key, "%.*s", (int)(eq - words[w]), words[w]);
            set_field(p, &rec, key, eq + 1);
        }
        snprintf(id, sizeof id, "auto-%u", p->next_id++);
        rec.id = rec.id ? rec.id : id;
        rig_put(&p->rig, &rec, NULL);
    }
}

static void put_rule(struct play *p, const char *json)
{
    struct span message = SPAN_NONE;
    json_t *o = json_loads(json, 0, NULL);
    const char *name = json_string_value(json_object_get(o, "name"));
    if (!name)
        FAIL(p, "a rule is JSON with a name: %s", json);
    if (rig_rule(&p->rig, name, json, &message) < 0)
        FAIL(p, "rule refused: %.*s", SPAN_FMT(message));
    json_decref(o);
}

static void add_receiver(struct play *p, char **words, size_t n)
{
    struct config_receiver *r = &p->receivers[p->n_receivers];
    struct span *severity = &p->severities[p->n_receivers++];
    *r = (struct config_receiver){.name = arena_dup(&p->arena, span_str(words[0])),
                                  .type = RECEIVER_WEBHOOK,
                                  .send_resolved = true};
    for (size_t i = 1; i < n; i++) {
        if (strcmp(words[i], "no-resolved") == 0) {
            r->send_resolved = false;
            continue;
        }
        *severity = arena_dup(&p->arena, span_str(words[i]));
        r->severities = severity;
        r->n_severities = 1;
    }
}

/* --- sources --- */

static int sensitivity_of(const char *word)
{
    return silence_sensitivity(span_str(word));
}

static void set_watch(struct play *p, char **words, size_t n)
{
    p->watch = (struct alert_watch){.sensitivity = sensitivity_of(words[0]),
                                    .min_history_ms = 14 * MS_DAY,
                                    .severity = "warning",
                                    .off = p->off,
                                    .sources = p->sources};
    for (size_t i = 1; i < n; i++) {
        if (strncmp(words[i], "history=", 8) == 0)
            p->watch.min_history_ms = duration_of(p, words[i] + 8);
        else if (strncmp(words[i], "off=", 4) == 0)
            p->off[p->watch.n_off++] = arena_dup(&p->arena, span_str(words[i] + 4));
    }
    p->rig.watch = &p->watch;
}

static int minutes_of(const char *s)
{
    int h = 0, m = 0;
    sscanf(s, "%d:%d", &h, &m);
    return h * 60 + m;
}

static void add_past(struct play *p, char **words, size_t n)
{
    struct past *past = &p->past[p->n_past++];
    char *dash = strchr(words[2], '-');
    *past = (struct past){.source = arena_dup(&p->arena, span_str(words[0])).p,
                          .per_hour = atoi(words[1]),
                          .from = minutes_of(words[2]),
                          .to = minutes_of(dash + 1),
                          .weeks = ARRIVAL_WEEKS};
    for (size_t i = 3; i < n; i++) {
        if (strcmp(words[i], "mon-fri") == 0)
            past->weekdays = true;
        else if (strncmp(words[i], "weeks=", 6) == 0)
            past->weeks = atoi(words[i] + 6);
    }
}

static void configure(struct play *p, char **words, size_t n)
{
    size_t i = 0;
    while (i < p->watch.n_sources && !span_is(p->sources[i].name, words[0]))
        i++;
    if (i == p->watch.n_sources)
        p->watch.n_sources++;
    p->sources[i] = (struct alert_source){.name = arena_dup(&p->arena, span_str(words[0])),
                                          .sensitivity = p->watch.sensitivity};
    for (size_t w = 1; w < n; w++) {
        if (strcmp(words[w], "paused") == 0)
            p->sources[i].paused = true;
        else if (strncmp(words[w], "error=", 6) == 0)
            p->sources[i].error = arena_dup(&p->arena, span_str(words[w] + 6));
        else if (strcmp(words[w], "gone") == 0)
            p->sources[i] = p->sources[--p->watch.n_sources];
        else
            p->sources[i].sensitivity = sensitivity_of(words[w]);
    }
    rig_watch(&p->rig);
}

/* Evenly, a batch a quarter of an hour, five minutes into it. */
static void flow(struct play *p, char **words)
{
    char *of[] = {NULL};
    char source[80];
    int per_hour = atoi(words[1]);
    int64_t until = clock_of(p, words[2]);
    snprintf(source, sizeof source, "source=%s", words[0]);
    of[0] = source;
    for (int64_t q = arrival_quarter(p->rig.now); q * ARRIVAL_MS < until; q++) {
        int64_t at = q * ARRIVAL_MS + 5 * MS_MINUTE;
        if (at < p->rig.now)
            continue;
        rig_advance(&p->rig, at - p->rig.now);
        int n = per_hour / 4 + (q % 4 < per_hour % 4);
        put_records(p, (size_t)n, of, 1);
    }
    rig_advance(&p->rig, until - p->rig.now);
}

/* --- expectations --- */

static json_t *next_event(struct play *p)
{
    if (!p->at || !*p->at) {
        free(p->events);
        p->at = p->events = rig_take_events(&p->rig);
    }
    if (!*p->at)
        return NULL;
    char *end = strchr(p->at, '\n');
    *end = '\0';
    json_t *o = json_loads(p->at, JSON_REJECT_DUPLICATES, NULL);
    if (!o)
        FAIL(p, "the event is not JSON: %s", p->at);
    p->at = end + 1;
    return o;
}

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static bool event_has(struct play *p, const json_t *o, const char *key, const char *value)
{
    const bool over = strcmp(text(o, "status"), "resolved") == 0;
    const json_t *group = json_object_get(json_object_get(o, "group"), key);
    if (group)
        return strcmp(json_string_value(group), value) == 0;
    if (strcmp(key, "n") == 0)
        return json_integer_value(json_object_get(o, "n")) == atoll(value);
    if (strcmp(key, "value") == 0)
        return json_number_value(json_object_get(o, "value")) == strtod(value, NULL);
    if (strcmp(key, "at") == 0)
        return strncmp(text(o, over ? "ends_at" : "starts_at") + 11, value, strlen(value)) == 0;
    if (strcmp(key, "why") == 0)
        return strstr(
                   text(json_object_get(over ? json_object_get(o, "resolved") : o, "reason"), "en"),
                   value) != NULL;
    if (strcmp(key, "quote") == 0)
        return strstr(json_string_value(json_array_get(json_object_get(o, "quotes"), 0)), value);
    FAIL(p, "no such thing of an event: %s", key);
    return false;
}

static void expect(struct play *p, char **words, size_t n)
{
    json_t *o = next_event(p);
    char *shown = o ? json_dumps(o, JSON_COMPACT) : NULL;
    if (strcmp(words[0], "none") == 0) {
        if (o)
            FAIL(p, "expected no event, there is %s", shown);
        return;
    }
    if (!o)
        FAIL(p, "expected %s %s, there is no event", words[0], n > 1 ? words[1] : "");
    if (strcmp(text(o, "status"), words[0]) != 0 ||
        (n > 1 && strcmp(text(o, "rule"), words[1]) != 0))
        FAIL(p, "expected %s %s, not %s", words[0], n > 1 ? words[1] : "", shown);
    for (size_t i = 2; i < n; i++) {
        char key[64], *eq = strchr(words[i], '=');
        if (!eq)
            FAIL(p, "KEY=VALUE expected: %s", words[i]);
        snprintf(key, sizeof key, "%.*s", (int)(eq - words[i]), words[i]);
        if (!event_has(p, o, key, eq + 1))
            FAIL(p, "expected %s, in %s", words[i], shown);
    }
    free(shown);
    json_decref(o);
}

/* --- the outbox at the end --- */

struct tally {
    struct play *play;
    json_t *seen; /* "alert receiver phase" -> notice id */
};

static int count_row(void *ctx, const struct store_outbox_row *row)
{
    struct tally *t = ctx;
    char key[512], id[UUID_TEXT];
    json_t *o = json_loadb(row->payload.p, row->payload.n, 0, NULL);
    assert_non_null(o);
    snprintf(key, sizeof key, "%s %.*s %s", text(o, "alert_id"), SPAN_FMT(row->receiver),
             text(o, "phase"));
    uuid_format(&row->id, id);
    if (json_object_get(t->seen, key))
        FAIL(t->play, "two notices: %s", key);
    json_object_set_new(t->seen, key, json_string(id));
    json_decref(o);
    return 0;
}

/* Every notice a stored alert names is in the outbox, and no other. */
static int check_alert(void *ctx, struct span key, struct span value)
{
    struct tally *t = ctx;
    json_t *o = json_loadb(value.p, value.n, 0, NULL), *n;
    size_t i, resolved = 0, firing = 0;
    (void)key;
    assert_non_null(o);
    json_array_foreach(json_object_get(o, "notices"), i, n)
    {
        char row[512];
        snprintf(row, sizeof row, "%s %s %s", text(o, "id"), text(n, "receiver"), text(n, "phase"));
        const char *id = json_string_value(json_object_get(t->seen, row));
        if (!id || strcmp(id, text(n, "id")) != 0)
            FAIL(t->play, "the outbox lacks %s", row);
        json_object_del(t->seen, row);
        resolved += strcmp(text(n, "phase"), "resolved") == 0;
        firing += strcmp(text(n, "phase"), "firing") == 0;
    }
    if (resolved > firing || (resolved && strcmp(text(o, "status"), "firing") == 0))
        FAIL(t->play, "a resolved notice too many");
    json_decref(o);
    return 0;
}

static void check_outbox(struct play *p)
{
    struct store_view *view = NULL;
    struct tally t = {p, json_object()};
    assert_int_equal(store_view_begin(p->rig.store, &view), 0);
    assert_int_equal(store_outbox_each(view, INT64_MAX, count_row, &t), 0);
    assert_int_equal(store_doc_each(view, STORE_DOC_ALERT, SPAN_NONE, false, check_alert, &t), 0);
    store_view_end(view);
    if (json_object_size(t.seen))
        FAIL(p, "the outbox holds notices no alert names");
    json_decref(t.seen);
}

/* --- lines --- */

/* It is nine in the morning of that day, in that zone. */
static void set_day(struct play *p, char **w)
{
    if (strcmp(w[0], "zone") == 0) {
        zone_close(p->zone);
        p->rig.timezone = arena_dup(&p->arena, span_str(w[1])).p;
        assert_int_equal(zone_open(span_str(w[1]), &p->zone), 0);
    } else {
        assert_int_equal(zone_parse(p->zone, span_str(w[1]), &p->day), 0);
    }
    p->rig.now = p->day + 9 * MS_HOUR;
}

static void set_header(struct play *p, char **w)
{
    if (p->open)
        FAIL(p, "%s comes first", w[0]);
    if (strcmp(w[0], "groups") == 0)
        p->rig.max_groups = (size_t)atoi(w[1]);
    else if (strcmp(w[0], "lateness") == 0)
        p->rig.lateness = duration_of(p, w[1]);
    else
        set_day(p, w);
}

static bool is_header(const char *word)
{
    static const char *const words[] = {"groups", "lateness", "zone", "day"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(word, words[i]) == 0)
            return true;
    return false;
}

static bool run_batch(struct play *p, const char *word)
{
    if (strcmp(word, "begin") == 0)
        rig_begin(&p->rig);
    else if (strcmp(word, "commit") == 0)
        rig_commit(&p->rig);
    else if (strcmp(word, "abort") == 0)
        rig_abort(&p->rig);
    else if (strcmp(word, "restart") == 0)
        rig_restart(&p->rig);
    else
        return false;
    return true;
}

static void run_words(struct play *p, char **w, size_t n)
{
    if (is_header(w[0])) {
        set_header(p, w);
        return;
    }
    if (strcmp(w[0], "watch") == 0) {
        set_watch(p, w + 1, n - 1);
        return;
    }
    if (strcmp(w[0], "past") == 0) {
        add_past(p, w + 1, n - 1);
        return;
    }
    if (strcmp(w[0], "receiver") == 0) {
        add_receiver(p, w + 1, n - 1);
        return;
    }
    ensure_open(p);
    if (strcmp(w[0], "record") == 0)
        put_records(p, 1, w + 1, n - 1);
    else if (strcmp(w[0], "records") == 0)
        put_records(p, (size_t)atoi(w[1]), w + 2, n - 2);
    else if (strcmp(w[0], "advance") == 0)
        rig_advance(&p->rig, duration_of(p, w[1]));
    else if (strcmp(w[0], "clock") == 0)
        p->rig.now += (*w[1] == '-' ? -1 : 1) * duration_of(p, w[1] + 1);
    else if (strcmp(w[0], "flow") == 0)
        flow(p, w + 1);
    else if (strcmp(w[0], "away") == 0)
        rig_away(&p->rig, duration_of(p, w[1]));
    else if (strcmp(w[0], "source") == 0)
        configure(p, w + 1, n - 1);
    else if (strcmp(w[0], "expect") == 0)
        expect(p, w + 1, n - 1);
    else if (strcmp(w[0], "drop") == 0)
        assert_int_equal(rig_delete_rule(&p->rig, w[1]), 0);
    else if (!run_batch(p, w[0]))
        FAIL(p, "no such command: %s", w[0]);
}

/* Words are apart by blanks; '_' in a value stands for a blank. */
static void run_line(struct play *p, char *line)
{
    char *w[MAX_WORDS], *rest = NULL;
    size_t n = 0;
    line[strcspn(line, "#\n")] = '\0';
    line += strspn(line, " ");
    if (strncmp(line, "at ", 3) == 0) {
        ensure_open(p);
        char *time = strtok_r(line + 3, " ", &rest);
        int64_t to = clock_of(p, time);
        if (to < p->rig.now)
            FAIL(p, "%s is in the past", time);
        rig_advance(&p->rig, to - p->rig.now);
        line = rest;
    }
    if (strncmp(line, "rule ", 5) == 0) {
        ensure_open(p);
        put_rule(p, line + 5);
        return;
    }
    for (char *s = strtok_r(line, " ", &rest); s && n < MAX_WORDS; s = strtok_r(NULL, " ", &rest)) {
        for (char *c = strchr(s, '='); c && *c; c++)
            *c = *c == '_' ? ' ' : *c;
        w[n++] = s;
    }
    if (n)
        run_words(p, w, n);
}

static void play_file(void **state)
{
    struct play *p = calloc(1, sizeof *p);
    char line[MAX_LINE];
    p->file = *state;
    FILE *f = fopen(p->file, "r");
    assert_non_null(f);
    arena_init(&p->arena, 0);
    /* midnight of 2026-11-22 in Seoul */
    p->day = civil_to_days(2026, 11, 22) * MS_DAY - 9 * MS_HOUR;
    p->rig.now = p->day + 9 * MS_HOUR;
    assert_int_equal(zone_open(SPAN_LIT("Asia/Seoul"), &p->zone), 0);
    while (fgets(line, sizeof line, f)) {
        p->line++;
        run_line(p, line);
    }
    fclose(f);
    char *none[] = {(char *)"none"};
    expect(p, none, 1);
    check_outbox(p);
    free(p->events);
    rig_close(&p->rig);
    zone_close(p->zone);
    arena_done(&p->arena);
    free(p);
}

enum { MAX_SCRIPTS = 64 };

static int is_script(const struct dirent *e)
{
    const char *dot = strrchr(e->d_name, '.');
    return dot && strcmp(dot, ".txt") == 0;
}

static struct dirent **list_scripts(size_t *ret_n)
{
    struct dirent **found = NULL;
    int n = scandir(dir, &found, is_script, alphasort);
    *ret_n = n < 0 ? 0 : (size_t)n;
    return found;
}

int main(void)
{
    static char paths[MAX_SCRIPTS][sizeof "tests/scenario/" + NAME_MAX];
    struct CMUnitTest tests[MAX_SCRIPTS] = {{0}};
    size_t n = 0, count = 0;
    struct dirent **found = list_scripts(&count);
    for (; n < count && n < MAX_SCRIPTS; n++) {
        snprintf(paths[n], sizeof paths[n], "%s/%s", dir, found[n]->d_name);
        tests[n] = (struct CMUnitTest){
            .name = paths[n], .test_func = play_file, .initial_state = paths[n]};
    }
    for (size_t i = 0; i < count; i++)
        free(found[i]);
    free(found);
    if (n == 0 || n < count) {
        fprintf(stderr, "%zu scripts in %s (run from the root)\n", count, dir);
        return 1;
    }
    return _cmocka_run_group_tests("alert_scenario", tests, n, NULL, NULL);
}
