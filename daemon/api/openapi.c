#include "daemon/api/api.h"

/* daemon/api/openapi.json, put into the binary as it lies in the tree. */
__asm__(".section .rodata\n"
        ".global voc_openapi_json\n"
        ".global voc_openapi_json_end\n"
        "voc_openapi_json:\n"
        ".incbin \"daemon/api/openapi.json\"\n"
        "voc_openapi_json_end:\n"
        ".previous\n");

extern const char voc_openapi_json[], voc_openapi_json_end[];

struct span api_openapi(void)
{
    return span_of(voc_openapi_json, (size_t)(voc_openapi_json_end - voc_openapi_json));
}
