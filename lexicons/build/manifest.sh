#!/bin/sh
# Writes lexicons/MANIFEST to standard output: what each learned table was made from, how, and its hash.
# Run from the root after the tables are made. DATA names the data, for the hashes of the sources; DEV_ko
# and DEV_en the development batches, which have no space in their names.
set -eu
: "${DATA:=../shared/data}" "${DEV_ko:?}" "${DEV_en:?}"

source_line() { # file, licence, what of it is used
    printf '  %s\n    sha256 %s\n    licence %s\n    used %s\n' "$1" \
        "$(sha256sum "$DATA/$1" | cut -d' ' -f1)" "$2" "$3"
}

table_line() { # file, command
    printf '\n%s\n  sha256 %s\n  entries %s\n  command %s\n  sources\n' "$1" \
        "$(sha256sum "$1" | cut -d' ' -f1)" "$(sed -n 's/^# entries: //p' "$1")" "$2"
}

own_lines() { # what of them is used, files this project wrote
    used=$1
    shift
    for f in "$@"; do
        printf '  %s\n    sha256 %s\n    licence of this project\n    used %s\n' \
            "$f" "$(sha256sum "$f" | cut -d' ' -f1)" "$used"
    done
}

labels_line() { # language, batches
    lang=$1
    shift
    f=lexicons/$lang/labels.tsv
    printf '\n%s\n  sha256 %s\n  command labels lang=%s tables=BARE data=DATA out=%s BATCH... train-only=1 GOLDEN GOLDEN\n' \
        "$f" "$(sha256sum "$f" | cut -d' ' -f1)" "$lang" "$f"
    printf '  sources\n  tests/golden (GOLDEN: by lexicons/build/golden.py %s, twice)\n' "$lang"
    own_lines 'all rows with a label' "$@"
}

cat <<'END'
# Learned tables: statistics of labelled texts, no text itself. Made by `make lexicons` (lexicons/build/).
# Sets under share-alike licences (hate_speech, 3i4k, bitext, emoji) are not read by the trainer at all;
# nsmc_test is read by the measuring only.
END
table_line lexicons/ko/ngrams.tsv 'train lang=ko data=DATA out=lexicons/ko/ngrams.tsv'
source_line ko/nsmc_train.tsv.xz 'CC0 1.0' 'all rows'
source_line ko/naver_shopping_train15k.tsv.xz 'Public Domain (as bab2min/corpus states)' 'all rows'
source_line ko/kote_val.tsv.xz 'MIT' 'rows whose emotions are all of one side'
source_line ko/naver_shopping_unlabelled25k.txt.xz 'Public Domain (as bab2min/corpus states)' 'all rows, labelled by a first fit'
source_line ko/naver_movie_stars_train.tsv.xz 'CC0 1.0' '1 to 5 and 8 to 10 stars'
table_line lexicons/en/ngrams.tsv 'train lang=en data=DATA out=lexicons/en/ngrams.tsv'
source_line en/rt_polarity_train.tsv.xz 'Apache-2.0 (of the repository it is from)' 'all rows'
source_line en/uci_sentences_train.tsv 'CC BY 4.0 (UCI: Kotzias et al. 2015), Apache-2.0 (of the repository)' 'all rows'
own_lines 'all words, at the cost of 1.5 times their valence' lexicons/build/valence-en.tsv
# shellcheck disable=SC2086
labels_line ko $DEV_ko
source_line ko/nsmc_train.tsv.xz 'CC0 1.0' 'one row in 6, as texts of no service'
source_line ko/naver_shopping_train15k.tsv.xz 'Public Domain (as bab2min/corpus states)' 'one row in 3, likewise'
# shellcheck disable=SC2086
labels_line en $DEV_en
source_line en/rt_polarity_train.tsv.xz 'Apache-2.0 (of the repository it is from)' 'all rows, as texts of no service'
source_line en/uci_sentences_train.tsv 'CC BY 4.0 (UCI: Kotzias et al. 2015), Apache-2.0 (of the repository)' 'all rows, likewise'
