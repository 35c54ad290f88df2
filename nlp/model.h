/* model: what the clauses of a text say of themselves, for learned labels to look at (marks), and
 * the numbers of the sentiment model. Both are part of the tables file (format.h): append only. */
#ifndef VOC_NLP_MODEL_H
#define VOC_NLP_MODEL_H

#define LEX_MARKS(X)                                                                               \
    X(QUESTION, "question") /* anywhere in the text, as clause.c reads it */                       \
    X(REQUEST, "request")                                                                          \
    X(WISH, "wish")                                                                                \
    X(FAILURE, "failure")                                                                          \
    X(CURATED, "curated")                                                                          \
    X(END_QUESTION, "end question") /* in its last clause */                                       \
    X(END_REQUEST, "end request")                                                                  \
    X(END_WISH, "end wish")                                                                        \
    X(END_FAILURE, "end failure")                                                                  \
    X(END_CONTRAST, "end contrast") /* the one before ends in a contrast */                        \
    X(END_PAST, "end past")                                                                        \
    X(END_GOOD, "end good") /* by the curated words in it */                                       \
    X(END_BAD, "end bad")                                                                          \
    X(TABLE_ABOVE0, "table>0.2") /* log-odds of the polarity table */                              \
    X(TABLE_ABOVE1, "table>0.6")                                                                   \
    X(TABLE_ABOVE2, "table>1.2")                                                                   \
    X(TABLE_ABOVE3, "table>2")                                                                     \
    X(TABLE_ABOVE4, "table>3")                                                                     \
    X(TABLE_ABOVE5, "table>4")                                                                     \
    X(TABLE_BELOW0, "table<-0.2")                                                                  \
    X(TABLE_BELOW1, "table<-0.6")                                                                  \
    X(TABLE_BELOW2, "table<-1.2")                                                                  \
    X(TABLE_BELOW3, "table<-2")                                                                    \
    X(TABLE_BELOW4, "table<-3")                                                                    \
    X(TABLE_BELOW5, "table<-4")                                                                    \
    X(WORDS_ABOVE0, "words>0.2") /* sum of the curated words */                                    \
    X(WORDS_ABOVE1, "words>0.6")                                                                   \
    X(WORDS_ABOVE2, "words>1.2")                                                                   \
    X(WORDS_ABOVE3, "words>2")                                                                     \
    X(WORDS_ABOVE4, "words>3")                                                                     \
    X(WORDS_ABOVE5, "words>4")                                                                     \
    X(WORDS_BELOW0, "words<-0.2")                                                                  \
    X(WORDS_BELOW1, "words<-0.6")                                                                  \
    X(WORDS_BELOW2, "words<-1.2")                                                                  \
    X(WORDS_BELOW3, "words<-2")                                                                    \
    X(WORDS_BELOW4, "words<-3")                                                                    \
    X(WORDS_BELOW5, "words<-4")

enum lex_mark {
#define X(id, name) MARK_##id,
    LEX_MARKS(X)
#undef X
        MARK_COUNT
};

#define LEX_MARK_STEPS 6 /* of table> and the like */

/* The numbers of the sentiment model, per language; lexicons/??/model.tsv sets them. */
#define LEX_PARAMS(X)                                                                              \
    X(NGRAM_SLOPE, "ngram_slope", 0.0) /* these four: lexicons/build/README.md */                  \
    X(NGRAM_BIAS, "ngram_bias", 0.0)                                                               \
    X(NGRAM_DAMP, "ngram_damp", 0.0)                                                               \
    X(NGRAM_WORDS, "ngram_words", 0.0)                                                             \
    X(CURATED_SCALE, "curated_scale", 1.0)   /* curated sum to log-odds */                         \
    X(POLARITY_SCALE, "polarity_scale", 0.5) /* polarity = tanh(scale * log-odds) */               \
    X(NEGATE_POSITIVE, "negate_positive", -0.9)                                                    \
    X(NEGATE_NEGATIVE, "negate_negative", -0.6)                                                    \
    X(NEG_WINDOW, "neg_window", 1) /* words between a neg_pre and what it negates */               \
    X(CONTRAST_BEFORE, "contrast_before", 0.5)                                                     \
    X(PAST_FACTOR, "past_factor", 0.2)                                                             \
    X(GATE_NGRAM, "gate_ngram", 0.25) /* what a question keeps of its learned sum */               \
    X(GATE_CURATED, "gate_curated", 0.3)                                                           \
    X(GATE_POSITIVE, "gate_positive", 2.0) /* log-odds beside a question that keep the label */    \
    X(GATE_NEGATIVE, "gate_negative", 0.8) /* the same, negative */                                \
    X(OVERRULE, "overrule", 1.0)           /* 0: n-grams inside negations and idioms count too */  \
    X(LABEL_SIDE, "label_side", 0.5)       /* polarity = tanh(side * (positive - negative)) */     \
    X(LABEL_ODDS, "label_odds", 2.5)       /* a label's score to log-odds */                       \
    X(LABEL_LEAST, "label_least", 0.4)     /* a label with less of a share than this is none */    \
    X(DOMAIN_ODDS, "domain_odds", 6.0)     /* how sharply service is told from all else */         \
    X(DOMAIN_SHIFT, "domain_shift", 0.4)   /* added to the score of domain:service */              \
    X(NEUTRAL_BAND, "neutral_band", 0.2)   /* |polarity| below is neutral */                       \
    X(BARE_BAND, "bare_band", 0.4)         /* the same with no curated word in the text */         \
    X(FAILURE_FLOOR, "failure_floor", 0.5) /* curated sum a reported failure is at least worth */  \
    X(FAILURE_REACH, "failure_reach", 1.0) /* log-odds from which words outvote a report */        \
    X(PLATT_SLOPE, "platt_slope", 0.8)     /* confidence = 1/(1+exp(-slope*|log-odds|)) */         \
    X(GATE_CONFIDENCE, "gate_confidence", 0.85) /* of neutral by the gate */                       \
    X(BAND_CONFIDENCE, "band_confidence", 0.6)  /* of neutral for want of evidence */

enum lex_param {
#define X(id, name, value) PARAM_##id,
    LEX_PARAMS(X)
#undef X
        PARAM_COUNT
};

#endif
