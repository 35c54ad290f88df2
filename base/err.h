/* err: how failures travel. Functions return 0 or a negative errno; those below are the meanings
 * vocd adds, outside errno's range, all in one table. Messages for people are made where the facts
 * are known (config position, where column), never from a code alone. */
#ifndef VOC_BASE_ERR_H
#define VOC_BASE_ERR_H

#include <errno.h>

#define VOC_ERRORS(X)                                                                              \
    X(VOC_E_CORRUPT, 10001, "stored data is damaged")                                              \
    X(VOC_E_VERSION, 10002, "written by a newer or foreign version")                               \
    X(VOC_E_MAPFULL, 10003, "the map is full")                                                     \
    X(VOC_E_PANIC, 10004, "the environment can not go on; restart")                                \
    X(VOC_E_BUDGET, 10005, "time or row budget used up")                                           \
    X(VOC_E_GAP, 10006, "wrong order")                                                             \
    X(VOC_E_CONFLICT, 10007, "in conflict with what is stored")

#define X(name, number, text) name = number,
enum voc_error { VOC_ERRORS(X) VOC_E_END };
#undef X

/* `e` negative or positive; never NULL, static storage. */
const char *err_text(int e);

#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
