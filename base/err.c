#include "base/err.h"

#include <string.h>

const char *err_text(int e)
{
    const char *text = NULL;

    switch (e < 0 ? -(unsigned)e : (unsigned)e) {
#define X(name, number, text)                                                                      \
    case number:                                                                                   \
        return text;
        VOC_ERRORS(X)
#undef X
    default:
        break;
    }
    if (e > -VOC_E_END && e < VOC_E_END)
        text = strerrordesc_np(e < 0 ? -e : e);
    return text ? text : "unknown error";
}
