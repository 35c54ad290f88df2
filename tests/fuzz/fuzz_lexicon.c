/* fuzz_lexicon: any text as a lexicon file compiles, or is refused with a message that names a
 * place. The first byte picks the file it is; its highest bit lays it over the small lexicon. What
 * compiles must open and analyse. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "daemon/core/lexicon_files.h"
#include "tests/fuzz/nlp_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *const names[] = {"polarity.tsv", "negation.tsv", "intensity.tsv", "model.tsv",
                                    "ngrams.tsv",   "labels.tsv",   "rules.yaml"};
static char dir[64];

static void clean(void)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char path[96];
        snprintf(path, sizeof(path), "%s/ko/%s", dir, names[i]);
        unlink(path);
    }
    char ko[80];
    snprintf(ko, sizeof(ko), "%s/ko", dir);
    rmdir(ko);
    rmdir(dir);
}

static void make_dir(void)
{
    char ko[80];
    snprintf(dir, sizeof(dir), "/tmp/vocd-fuzz-XXXXXX");
    if (!mkdtemp(dir))
        abort();
    snprintf(ko, sizeof(ko), "%s/ko", dir);
    if (mkdir(ko, 0700) < 0)
        abort();
    atexit(clean);
}

static void put_file(const char *path, const uint8_t *p, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, p, n) != (ssize_t)n)
        abort();
    close(fd);
}

static void open_and_read(const struct buf *file)
{
    struct nlp_tables *t;
    if (nlp_tables_open(rig_file(0, buf_span(file)), &t) < 0)
        abort();
    rig_read(t, "배송이 너무 늦었는데 상담원은 친절하지 않네요. 왜 안 오나요? 010-1234-5678");
    rig_read(t, "good but not great, 좋아요!! 3일째");
    nlp_tables_unref(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char *const base = "tests/fuzz/lexicon/base";
    char path[96];
    if (n < 1)
        return 0;
    if (!dir[0])
        make_dir();
    snprintf(path, sizeof(path), "%s/ko/%s", dir, names[(data[0] & 0x7F) % ARRAY_LEN(names)]);
    put_file(path, data + 1, n - 1);
    const char *const layers[] = {data[0] & 0x80 ? base : dir, dir};
    struct buf out, messages;
    buf_init(&out, 0);
    buf_init(&messages, 0);
    int r = lexicon_compile(layers, data[0] & 0x80 ? 2 : 1, &out, &messages);
    if (r == 0)
        open_and_read(&out);
    else if (r != -EINVAL || messages.n == 0)
        abort();
    buf_done(&out);
    buf_done(&messages);
    unlink(path);
    return 0;
}
