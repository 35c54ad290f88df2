#include "daemon/alert/arrival.h"

#include <endian.h>

void arrivals_clear(struct arrivals *a)
{
    memset(a, 0, sizeof *a);
    for (size_t i = 0; i < ARRIVAL_DAYS; i++)
        a->day[i] = NO_TIME;
}

static size_t row_of(int64_t day)
{
    int64_t row = day % ARRIVAL_DAYS;
    return (size_t)(row < 0 ? row + ARRIVAL_DAYS : row);
}

static size_t column_of(int64_t quarter)
{
    return (size_t)(quarter - arrival_day(quarter) * ARRIVAL_PER_DAY);
}

uint32_t *arrivals_at(struct arrivals *a, int64_t quarter)
{
    int64_t day = arrival_day(quarter);
    size_t row = row_of(day);
    if (a->day[row] > day)
        return NULL;
    if (a->day[row] != day) {
        memset(a->n[row], 0, sizeof a->n[row]);
        a->day[row] = day;
    }
    return &a->n[row][column_of(quarter)];
}

void arrivals_add(struct arrivals *a, int64_t quarter, uint32_t n)
{
    uint32_t *at = arrivals_at(a, quarter);
    if (!at || n == 0)
        return;
    if (*at == ARRIVAL_UNKNOWN)
        *at = 0;
    *at = *at < ARRIVAL_UNKNOWN - 1 - n ? *at + n : ARRIVAL_UNKNOWN - 1;
}

uint32_t arrivals_get(const struct arrivals *a, int64_t quarter)
{
    int64_t day = arrival_day(quarter);
    size_t row = row_of(day);
    return a->day[row] == day ? a->n[row][column_of(quarter)] : 0;
}

int64_t arrivals_first(const struct arrivals *a)
{
    int64_t first = INT64_MAX;
    for (size_t row = 0; row < ARRIVAL_DAYS; row++) {
        for (int64_t i = 0; i < ARRIVAL_PER_DAY && a->day[row] != NO_TIME; i++) {
            int64_t quarter = a->day[row] * ARRIVAL_PER_DAY + i;
            if (a->n[row][i] > 0 && a->n[row][i] != ARRIVAL_UNKNOWN && quarter < first)
                first = quarter;
        }
    }
    return first;
}

static void put_time(char *out, int64_t ms)
{
    uint64_t le = htole64((uint64_t)ms);
    memcpy(out, &le, sizeof le);
}

static int64_t later(int64_t a, const char *packed)
{
    uint64_t le;
    memcpy(&le, packed, sizeof le);
    int64_t b = (int64_t)le64toh(le);
    return a > b ? a : b; /* NO_TIME is before all */
}

void arrivals_pack(const struct arrivals *a, int64_t day, const struct arrival_times *t,
                   char out[ARRIVAL_DAY_BYTES])
{
    for (int64_t i = 0; i < ARRIVAL_PER_DAY; i++) {
        uint32_t le = htole32(arrivals_get(a, day * ARRIVAL_PER_DAY + i));
        memcpy(out + 4 * i, &le, sizeof le);
    }
    put_time(out + 4 * ARRIVAL_PER_DAY, t->last);
    put_time(out + 4 * ARRIVAL_PER_DAY + 8, t->newest);
}

bool arrivals_unpack(struct arrivals *a, int64_t day, struct span text, struct arrival_times *io)
{
    if (text.n != ARRIVAL_DAY_BYTES)
        return false;
    for (int64_t i = 0; i < ARRIVAL_PER_DAY; i++) {
        uint32_t *at = arrivals_at(a, day * ARRIVAL_PER_DAY + i), le;
        if (!at)
            return false;
        memcpy(&le, text.p + 4 * i, sizeof le);
        *at = le32toh(le);
    }
    io->last = later(io->last, text.p + 4 * ARRIVAL_PER_DAY);
    io->newest = later(io->newest, text.p + 4 * ARRIVAL_PER_DAY + 8);
    return true;
}
