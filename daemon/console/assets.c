#include "daemon/console/assets.h"

/* console_assets.inc is the bundler's list: ASSET(symbol, name, type, etag, file), once as bytes
 * and once as a table. */
#define ASSET(id, name, type, tag, file)                                                           \
    __asm__(".section .rodata\n"                                                                   \
            "voc_console_" #id ":\n.incbin \"" file "\"\nvoc_console_" #id "_end:\n"               \
            "voc_console_" #id "_gz:\n.incbin \"" file ".gz\"\nvoc_console_" #id "_gz_end:\n"      \
            ".previous\n");                                                                        \
    extern const char voc_console_##id[], voc_console_##id##_end[], voc_console_##id##_gz[],       \
        voc_console_##id##_gz_end[];
#include "console_assets.inc"
#undef ASSET

static const struct {
    const char *name, *type, *etag, *etag_gz, *begin, *end, *gz, *gz_end;
} assets[] = {
#define ASSET(id, name, type, tag, file)                                                           \
    {name,                                                                                         \
     type,                                                                                         \
     "\"" tag "\"",                                                                                \
     "\"" tag "-gz\"",                                                                             \
     voc_console_##id,                                                                             \
     voc_console_##id##_end,                                                                       \
     voc_console_##id##_gz,                                                                        \
     voc_console_##id##_gz_end},
#include "console_assets.inc"
#undef ASSET
};

bool console_asset_find(struct span name, struct console_asset *ret)
{
    for (size_t i = 0; i < sizeof assets / sizeof assets[0]; i++) {
        if (!span_is(name, assets[i].name))
            continue;
        *ret = (struct console_asset){
            .type = assets[i].type,
            .etag = assets[i].etag,
            .etag_gz = assets[i].etag_gz,
            .plain = span_of(assets[i].begin, (size_t)(assets[i].end - assets[i].begin)),
            .gzip = span_of(assets[i].gz, (size_t)(assets[i].gz_end - assets[i].gz)),
        };
        return true;
    }
    return false;
}
