# The learned tables: `make lexicons` fits them again, byte for byte, when the data is at DATA; `make
# accuracy` measures them. Nothing else in the build needs the trainer, its data or its figures.
DATA ?= ../shared/data

LEX      := lexicons/build
LEX_OBJ   = $(foreach m,$(1),$(BUILD)/obj/$(LEX)/$(m).o)
LEX_LIB  := $(call LEX_OBJ,text corpus grams fit table)

# A fused multiply-add would round differently on machines that have one.
$(LEX_LIB): ALL_CFLAGS += -ffp-contract=off

$(BUILD)/train: $(call LEX_OBJ,train) $(LEX_LIB)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ -lutf8proc -lm
$(BUILD)/labels: $(call LEX_OBJ,labels design) $(LEX_LIB) $(LIBNLP) $(LIBBASE)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS_nlp)
$(BUILD)/measure: $(call LEX_OBJ,measure) $(LEX_LIB)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ -lutf8proc -lm

# Development batches: read, listed and trained on. Those of corpus/tests.txt are tests (README.md).
TEST_BATCHES := $(shell cat $(LEX)/corpus/tests.txt)
DEV_ko := $(sort $(filter-out $(TEST_BATCHES:%=$(LEX)/corpus/%%),$(wildcard $(LEX)/corpus/ko-*.tsv)))
DEV_en := $(sort $(filter-out $(TEST_BATCHES:%=$(LEX)/corpus/%%),$(wildcard $(LEX)/corpus/en-*.tsv)))
LABELS  = $(BUILD)/labels lang=$(1) data=$(DATA) tables=$(BUILD)/bare.bin
# Labels are fitted on what the lexicons say without them.
BARE    = rm -rf $(BUILD)/bare && mkdir -p $(BUILD)/bare && cp -r lexicons/ko lexicons/en $(BUILD)/bare && \
          rm -f $(BUILD)/bare/*/labels.tsv && $(BUILD)/vocctl lexicon compile $(BUILD)/bare -o $(BUILD)/bare.bin

.PHONY: lexicons labels
lexicons: $(BUILD)/train
	$(BUILD)/train lang=ko data=$(DATA) out=lexicons/ko/ngrams.tsv
	$(BUILD)/train lang=en data=$(DATA) out=lexicons/en/ngrams.tsv
	$(MAKE) labels
labels: $(BUILD)/labels $(BUILD)/vocctl
	$(BARE)
	python3 $(LEX)/golden.py ko > $(BUILD)/golden-ko.tsv
	$(call LABELS,ko) out=lexicons/ko/labels.tsv $(DEV_ko) train-only=1 $(BUILD)/golden-ko.tsv $(BUILD)/golden-ko.tsv
	python3 $(LEX)/golden.py en > $(BUILD)/golden-en.tsv
	$(call LABELS,en) out=lexicons/en/labels.tsv $(DEV_en) train-only=1 $(BUILD)/golden-en.tsv $(BUILD)/golden-en.tsv
	DATA=$(DATA) DEV_ko="$(DEV_ko)" DEV_en="$(DEV_en)" sh $(LEX)/manifest.sh > lexicons/MANIFEST

# The recipe on texts it was not fitted on; the shipped tables alone and through the engine, which is
# not told what kind of text it reads; the labels by cross-validation; the test batches; negation and
# personal data; what each rule gains.
.PHONY: accuracy accuracy-recipe accuracy-tables accuracy-own accuracy-rules
accuracy: accuracy-recipe accuracy-tables accuracy-own accuracy-rules
accuracy-recipe: $(BUILD)/train
	$(BUILD)/train lang=ko data=$(DATA) folds=shopping/5
	$(BUILD)/train lang=ko data=$(DATA) without=kote
	$(BUILD)/train lang=en data=$(DATA) folds=rt/5
	$(BUILD)/train lang=en data=$(DATA) folds=uci/5
accuracy-tables: $(BUILD)/measure $(BUILD)/vocctl $(BUILD)/lexicons.bin
	$(BUILD)/measure set=nsmc_test data=$(DATA) ndjson=1 | sed 's/"kind":"review",//' > $(BUILD)/nsmc_test.ndjson
	$(BUILD)/vocctl analyze --tables $(BUILD)/lexicons.bin < $(BUILD)/nsmc_test.ndjson > $(BUILD)/nsmc_test.out
	$(BUILD)/measure set=nsmc_test data=$(DATA) table=lexicons/ko/ngrams.tsv \
	    analysis=$(BUILD)/nsmc_test.out
accuracy-own: $(BUILD)/labels $(BUILD)/vocctl $(BUILD)/lexicons.bin
	$(BARE)
	$(call LABELS,ko) $(DEV_ko)
	$(call LABELS,en) $(DEV_en)
	for set in $(TEST_BATCHES); do echo "== $$set"; \
	    python3 $(LEX)/score.py $(BUILD)/vocctl $(LEX)/corpus/$$set*.tsv; done
	BUILD=$(BUILD) python3 tests/integration/test_negation.py
	BUILD=$(BUILD) python3 tests/integration/test_pii_sets.py
accuracy-rules: $(BUILD)/labels $(BUILD)/vocctl
	python3 $(LEX)/ablate.py $(BUILD)/vocctl $(BUILD)/labels $(DATA)
