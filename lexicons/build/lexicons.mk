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
$(BUILD)/labels: $(call LEX_OBJ,labels) $(LEX_LIB)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ -lutf8proc -lm
$(BUILD)/measure: $(call LEX_OBJ,measure) $(LEX_LIB)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ -lutf8proc -lm

.PHONY: lexicons
lexicons: $(BUILD)/train $(BUILD)/labels
	$(BUILD)/train lang=ko data=$(DATA) out=lexicons/ko/ngrams.tsv
	$(BUILD)/train lang=en data=$(DATA) out=lexicons/en/ngrams.tsv
	python3 $(LEX)/golden.py ko > $(BUILD)/golden-ko.tsv
	$(BUILD)/labels lang=ko out=lexicons/ko/labels.tsv $(BUILD)/golden-ko.tsv $(BUILD)/golden-ko.tsv \
	    $(sort $(wildcard $(LEX)/corpus/ko-a-*.tsv))
	python3 $(LEX)/golden.py en > $(BUILD)/golden-en.tsv
	$(BUILD)/labels lang=en out=lexicons/en/labels.tsv $(BUILD)/golden-en.tsv $(BUILD)/golden-en.tsv \
	    $(sort $(wildcard $(LEX)/corpus/en-a-*.tsv))
	DATA=$(DATA) sh $(LEX)/manifest.sh > lexicons/MANIFEST

# The recipe on texts it was not fitted on, then the shipped table alone and through the engine.
.PHONY: accuracy accuracy-recipe accuracy-tables
accuracy: accuracy-recipe accuracy-tables
accuracy-recipe: $(BUILD)/train
	$(BUILD)/train lang=ko data=$(DATA) folds=shopping/5
	$(BUILD)/train lang=ko data=$(DATA) without=kote
	$(BUILD)/train lang=en data=$(DATA) folds=rt/5
	$(BUILD)/train lang=en data=$(DATA) folds=uci/5
accuracy-tables: $(BUILD)/measure $(BUILD)/vocctl $(BUILD)/lexicons.bin
	$(BUILD)/measure set=nsmc_test data=$(DATA) ndjson=1 > $(BUILD)/nsmc_test.ndjson
	$(BUILD)/vocctl analyze < $(BUILD)/nsmc_test.ndjson > $(BUILD)/nsmc_test.out
	$(BUILD)/measure set=nsmc_test data=$(DATA) table=lexicons/ko/ngrams.tsv \
	    analysis=$(BUILD)/nsmc_test.out
