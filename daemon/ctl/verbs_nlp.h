/* verbs_nlp: the two offline nouns of vocctl. Neither needs a daemon nor a network.
 *
 *   vocctl analyze [--explain] [--tables FILE] < in.ndjson > out.ndjson
 *   vocctl lexicon compile DIR [LAYER…] -o FILE | check DIR [LAYER…]
 *                | test FILE [--tables FILE] | diff OLD NEW < texts
 *
 * argv[0] is the noun. Exit codes: 0; 1 something in the input was wrong; 2 wrong use or no tables.
 * Thread: main only. Input lines are at most CTL_MAX_LINE bytes. */
#ifndef VOC_CTL_VERBS_NLP_H
#define VOC_CTL_VERBS_NLP_H

enum { CTL_MAX_LINE = 4 << 20 };

int ctl_analyze(int argc, char **argv);
int ctl_lexicon(int argc, char **argv);

#endif
