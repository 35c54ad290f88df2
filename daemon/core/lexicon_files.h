/* lexicon_files: the rule files people edit, read and handed to nlp_build.
 *
 * A lexicon folder has ko/ and en/, each with TSV and YAML files (docs: lexicons/README.md).
 * Folders are layers: in a later one the same word of the same kind, the same number of model.tsv,
 * an ngrams.tsv, or a rule with `replace: true` takes the place of what earlier ones said; all else
 * is added. Called by `vocctl lexicon` and by the daemon for a workspace's additions.
 *
 * Thread: any; reads files, so not the loop thread. Messages name file, line and column and show
 * the source line, as config errors do. */
#ifndef VOC_CORE_LEXICON_FILES_H
#define VOC_CORE_LEXICON_FILES_H

#include "base/buf.h"

enum { LEXICON_MAX_LAYERS = 8, LEXICON_MAX_FILE = 32 << 20 };

/* Compiles the layers, the first one lowest, into `out`. 0; -EINVAL with `messages` filled (one or
 * more problems in the files); -errno with a message when a file can not be read. */
int lexicon_compile(const char *const *dirs, size_t n, struct buf *out, struct buf *messages);
/* The same into a file, replaced whole or not at all. */
int lexicon_compile_dirs(const char *const *dirs, size_t n, const char *out_path,
                         struct buf *messages);

#endif
