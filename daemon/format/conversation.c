#include "daemon/format/conversation.h"

#include <stdlib.h>
#include <xxhash.h>

#include "base/err.h"

struct turn_said {
    struct turn_said *next;
    struct span label, text;
    enum speaker by;
    int64_t at, after; /* a moment, or since the beginning; NO_TIME */
};

struct talk {
    struct talk *next; /* in order of appearance */
    struct span name;
    json_t *payload; /* what its rows say beside the turn */
    struct turn_said *first, **end;
    size_t n;
    uint64_t line;
    bool refused;
    const struct turn_said *speaker; /* each_speaker: whose record is next */
    bool whole;                      /* its one record was given */
};

struct conversation_set {
    const struct conversation_rules *rules;
    struct arena arena;
    struct talk *first, **end;
    struct talk *giving;
    size_t n;
    struct talk **slots; /* by name; a power of two, at most half full */
    size_t n_slots;
};

enum { FIRST_SLOTS = 1024 };

int conversation_new(const struct conversation_rules *rules, struct conversation_set **ret)
{
    struct conversation_set *s = calloc(1, sizeof *s);

    if (!s)
        return -ENOMEM;
    s->rules = rules;
    s->end = &s->first;
    s->n_slots = FIRST_SLOTS;
    s->slots = calloc(s->n_slots, sizeof *s->slots);
    arena_init(&s->arena, CONVERSATION_MAX_BYTES);
    if (!s->slots) {
        conversation_free(s);
        return -ENOMEM;
    }
    *ret = s;
    return 0;
}

static void forget(struct conversation_set *s)
{
    for (struct talk *t = s->first; t; t = t->next)
        json_decref(t->payload);
    s->first = s->giving = NULL;
    s->end = &s->first;
    s->n = 0;
    arena_reset(&s->arena);
    memset(s->slots, 0, s->n_slots * sizeof *s->slots);
}

void conversation_free(struct conversation_set *s)
{
    if (!s)
        return;
    if (s->slots)
        forget(s);
    arena_done(&s->arena);
    free(s->slots);
    free(s);
}

/* --- finding --- */

static struct talk **slot_of(struct talk **slots, size_t n, struct span name)
{
    size_t at = XXH3_64bits(name.p, name.n) & (n - 1);

    while (slots[at] && !span_eq(slots[at]->name, name))
        at = (at + 1) & (n - 1);
    return &slots[at];
}

static int grow(struct conversation_set *s)
{
    size_t n = s->n_slots * 2;
    struct talk **slots = calloc(n, sizeof *slots);

    if (!slots)
        return -ENOMEM;
    for (struct talk *t = s->first; t; t = t->next)
        *slot_of(slots, n, t->name) = t;
    free(s->slots);
    s->slots = slots;
    s->n_slots = n;
    return 0;
}

/* A full arena and short memory look alike; the first is what happens. */
static int full(const struct conversation_set *s)
{
    return s->arena.reserved > CONVERSATION_MAX_BYTES / 2 ? -ENOBUFS : -ENOMEM;
}

static int find_talk(struct conversation_set *s, struct span name, uint64_t line, struct talk **ret)
{
    struct talk **slot = slot_of(s->slots, s->n_slots, name);

    if (*slot) {
        *ret = *slot;
        return 0;
    }
    if (s->n == CONVERSATION_MAX)
        return -ENOBUFS;
    struct talk *t = arena_zalloc(&s->arena, sizeof *t);
    if (!t)
        return full(s);
    t->name = arena_dup(&s->arena, name);
    t->payload = json_object();
    if (!t->name.p || !t->payload) {
        json_decref(t->payload);
        return full(s);
    }
    t->line = line;
    t->end = &t->first;
    *slot = *s->end = *ret = t;
    s->end = &t->next;
    s->giving = s->first;
    return ++s->n * 2 > s->n_slots ? grow(s) : 0;
}

/* --- adding --- */

static int add_turn(struct conversation_set *s, struct talk *t, const struct turn_said *turn,
                    struct reject *why)
{
    struct turn_said *kept = arena_alloc(&s->arena, sizeof *kept);

    if (t->n == TRANSCRIPT_MAX_TURNS)
        return reject(why, REJECT_TOO_MANY_TURNS, "a conversation of over 20,000 turns");
    if (!kept)
        return full(s);
    *kept = *turn;
    kept->next = NULL;
    kept->label = arena_dup(&s->arena, turn->label);
    kept->text = arena_dup(&s->arena, turn->text);
    if (!kept->label.p || !kept->text.p)
        return full(s);
    *t->end = kept;
    t->end = &kept->next;
    t->n++;
    return 0;
}

static struct span member(const json_t *o, const char *name)
{
    const json_t *v = json_object_get(o, name);

    return json_is_string(v) ? span_of(json_string_value(v), json_string_length(v)) : SPAN_NONE;
}

static int read_at(const struct conversation_rules *rules, struct span at, struct turn_said *turn,
                   struct reject *why)
{
    if (span_trim(at).n == 0 || transcript_time(span_trim(at), &turn->after) == 0 ||
        date_parse(at, rules->zone, rules->order, &turn->at) == 0)
        return 0;
    return reject(why, REJECT_BAD_TIME, "at of the turn is no time that can be read");
}

/* 1: nothing was said. */
static int read_turn(const struct conversation_rules *rules, const json_t *said,
                     struct turn_said *turn, struct reject *why)
{
    *turn = (struct turn_said){
        .label = member(said, "by"), .text = member(said, "text"), .at = NO_TIME, .after = NO_TIME};
    if (span_trim(turn->text).n == 0)
        return 1;
    if (!turn->label.n)
        return reject(why, REJECT_MISSING_SPEAKER, "it is not said who speaks");
    int who = speaker_find(rules->speakers, turn->label);
    if (who < 0)
        return reject(why, REJECT_BAD_SPEAKER, "nobody told who speaks there");
    turn->by = (enum speaker)who;
    return read_at(rules, member(said, "at"), turn, why);
}

static int add_row(struct conversation_set *s, json_t *said, json_t *payload, uint64_t line,
                   struct reject *why)
{
    struct span name = span_trim(member(said, "conversation"));
    struct turn_said turn;
    struct talk *t;

    if (!name.n)
        return reject(why, REJECT_MISSING_EXTERNAL_ID, "the conversation is not named");
    int rc = find_talk(s, name, line, &t);
    if (rc < 0)
        return rc;
    if (json_object_update_missing(t->payload, payload) < 0)
        return -ENOMEM;
    rc = read_turn(s->rules, said, &turn, why);
    if (rc == 0)
        rc = add_turn(s, t, &turn, why);
    t->refused = t->refused || rc == -EINVAL;
    return rc < 0 ? rc : 0;
}

/* Names may be numbers. */
static int name_as_text(json_t *said, const char *name)
{
    json_t *v = json_object_get(said, name);

    if (!json_is_integer(v))
        return 0;
    v = json_sprintf("%" JSON_INTEGER_FORMAT, json_integer_value(v));
    return json_object_set_new(said, name, v) < 0 ? -ENOMEM : 0;
}

int conversation_row(struct conversation_set *s, json_t *payload, uint64_t line, struct reject *why)
{
    json_t *said;
    int rc = mapping_apply(payload, SHAPE_TURN, s->rules->turns, s->rules->n_turns, &said, why);

    if (rc < 0)
        return rc;
    rc = name_as_text(said, "conversation");
    if (rc == 0)
        rc = name_as_text(said, "by");
    if (rc == 0)
        rc = add_row(s, said, payload, line, why);
    json_decref(said);
    return rc;
}

int conversation_transcript(struct conversation_set *s, struct span name,
                            const struct transcript *t, struct reject *why)
{
    struct talk *talk;
    int rc = find_talk(s, name, 1, &talk);

    if (rc == 0 && json_object_set_new(talk->payload, "file", json_stringn(name.p, name.n)) < 0)
        rc = -ENOMEM;
    if (rc == 0 && t->note.n)
        rc = json_object_set_new(talk->payload, "text", json_stringn(t->note.p, t->note.n));
    for (size_t i = 0; i < t->n_head && rc == 0; i++)
        rc = json_object_setn_new(talk->payload, t->head[i].key.p, t->head[i].key.n,
                                  json_stringn(t->head[i].value.p, t->head[i].value.n));
    for (size_t i = 0; i < t->n_said && rc == 0; i++) {
        const struct utterance *u = &t->said[i];
        struct turn_said turn = {NULL, u->label, u->text, u->by, NO_TIME, u->after};
        if (u->text.n)
            rc = add_turn(s, talk, &turn, why);
    }
    return rc == -1 ? -ENOMEM : rc;
}

/* --- giving --- */

/* Those of the talk by time, when all have one; of the same time as they came, or the other way
 * round where the newest comes first. */
struct ordered {
    const struct turn_said *turn;
    size_t place;
};

static int by_time(const void *a, const void *b)
{
    const struct ordered *x = a, *y = b;
    int time = (x->turn->at > y->turn->at) - (x->turn->at < y->turn->at);

    return time ? time : (x->place > y->place) - (x->place < y->place);
}

static struct ordered *order_turns(const struct talk *t)
{
    struct ordered *list = calloc(t->n + 1, sizeof *list);
    bool timed = true, falling = true;
    size_t n = 0;

    for (const struct turn_said *u = t->first; list && u; u = u->next) {
        timed = timed && u->at != NO_TIME;
        falling = falling && (!u->next || u->at >= u->next->at);
        list[n] = (struct ordered){u, n};
        n++;
    }
    if (!list || !timed || n == 0)
        return list;
    if (falling && t->first->at > list[n - 1].turn->at)
        for (size_t i = 0; i < n; i++)
            list[i].place = n - i;
    qsort(list, n, sizeof *list, by_time);
    return list;
}

static int set_time(json_t *o, const char *name, int64_t ms)
{
    char text[TIME_RFC3339_MAX];
    size_t n = time_format_rfc3339(ms, 0, text);

    return json_object_set_new(o, name, json_stringn(text, n));
}

static int set_text(json_t *o, const char *name, struct span text)
{
    return json_object_set_new(o, name, json_stringn(text.p, text.n));
}

static json_t *turn_json(const struct turn_said *u, int64_t begin)
{
    static const char *const roles[] = {"customer", "agent", "system"};
    json_t *o = json_object();
    int64_t at = u->after != NO_TIME && begin != NO_TIME ? begin + u->after : u->at;

    if (!o || json_object_set_new(o, "by", json_string(roles[u->by])) < 0 ||
        (at != NO_TIME && set_time(o, "at", at) < 0) || set_text(o, "text", u->text) < 0) {
        json_decref(o);
        return NULL;
    }
    return o;
}

/* `label` absent: everybody's. */
static int set_turns(const struct talk *t, struct span label, json_t *record)
{
    struct ordered *list = order_turns(t);
    json_t *turns = json_array();
    int64_t begin;
    int rc = list && turns ? 0 : -ENOMEM;

    if (rc == 0 && t->n > 0 && !json_object_get(record, "created_at") &&
        list[0].turn->at != NO_TIME)
        rc = set_time(record, "created_at", list[0].turn->at);
    if (time_parse_rfc3339(member(record, "created_at"), &begin) < 0)
        begin = NO_TIME;
    for (size_t i = 0; i < t->n && rc == 0; i++) {
        const struct turn_said *u = list[i].turn;
        if (!label.p || u->by != BY_CUSTOMER || span_eq(u->label, label))
            rc = json_array_append_new(turns, turn_json(u, begin));
    }
    if (rc == 0 && t->n > 0)
        rc = json_object_set(record, "turns", turns);
    json_decref(turns);
    free(list);
    return rc < 0 ? -ENOMEM : 0;
}

static int set_names(const struct talk *t, struct span label, json_t *record)
{
    json_t *name = label.p ? json_sprintf("%.*s#%.*s", SPAN_FMT(t->name), SPAN_FMT(label))
                           : json_stringn(t->name.p, t->name.n);
    int rc = name ? 0 : -ENOMEM;

    if (rc == 0 && !json_object_get(record, "external_id"))
        rc = json_object_set(record, "external_id", name);
    if (rc == 0 && !json_object_get(record, "conversation"))
        rc = set_text(record, "conversation", t->name);
    json_decref(name);
    return rc < 0 ? -ENOMEM : 0;
}

static int make_record(const struct conversation_set *s, const struct talk *t, struct span label,
                       json_t **ret, struct reject *why)
{
    json_t *record = NULL;
    int rc = 0;

    if (label.p && set_text(t->payload, "speaker", label) < 0)
        return -ENOMEM;
    rc = mapping_apply(t->payload, SHAPE_FEEDBACK, s->rules->map, s->rules->n_map, &record, why);
    if (rc == 0)
        rc = set_names(t, label, record);
    if (rc == 0)
        rc = set_turns(t, label, record);
    if (rc == 0 && t->n == 0 && !json_object_get(record, "text"))
        rc = reject(why, REJECT_MISSING_SPEAKER, "no line says who speaks");
    if (rc < 0)
        json_decref(record);
    else
        *ret = record;
    return rc;
}

/* The first turn of the next customer behind `u`; NULL when all had theirs. */
static const struct turn_said *next_speaker(const struct talk *t, const struct turn_said *u)
{
    for (u = u ? u->next : t->first; u; u = u->next) {
        const struct turn_said *before = t->first;
        while (before != u && (before->by != BY_CUSTOMER || !span_eq(before->label, u->label)))
            before = before->next;
        if (u->by == BY_CUSTOMER && before == u)
            return u;
    }
    return NULL;
}

/* Whose record is next; false when the talk has given all. */
static bool advance(const struct conversation_set *s, struct talk *t, struct span *ret_label)
{
    *ret_label = SPAN_NONE;
    if (!s->rules->each_speaker || t->n == 0) {
        bool first = !t->whole;
        t->whole = true;
        return first;
    }
    t->speaker = t->whole ? NULL : next_speaker(t, t->speaker);
    t->whole = t->speaker == NULL;
    if (t->speaker)
        *ret_label = t->speaker->label;
    return t->speaker != NULL;
}

int conversation_next(struct conversation_set *s, json_t **ret, uint64_t *ret_line,
                      struct reject *why)
{
    struct span label;

    for (; s->giving; s->giving = s->giving->next) {
        struct talk *t = s->giving;
        *ret_line = t->line;
        if (t->refused) {
            s->giving = t->next;
            return reject(why, REJECT_NO_RECORD, "the conversation has a turn that was refused");
        }
        if (!advance(s, t, &label))
            continue;
        int rc = make_record(s, t, label, ret, why);
        return rc < 0 ? rc : 1;
    }
    forget(s);
    return 0;
}
