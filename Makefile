# vocd: `make run` and `make test` are all a newcomer needs; both install what is missing.
#
#   make               vocd, vocctl and the lexicon tables, into build/
#   make run           start vocd with a sample workspace (SAMPLE=0 empty; STATE=DIR PORT=N elsewhere)
#   make test          unit, scenario and integration tests; ends in "N passed, M failed"
#   make test-real     real upstreams, and the Debian package on a machine that boots (as root)
#   make soak          long seeds and kill loops
#   make lint          compilers, includes, sizes, formatting
#   make asan | tsan   the tests under sanitizers
#   make fuzz          libFuzzer on all that comes from outside; fuzz-merge keeps the finds
#   make bench         the table of docs/performance.md; bench-nlp: that of reading texts
#   make deb           a Debian package, into build/
#   make install DESTDIR= PREFIX=   (and uninstall: all but configuration and state)

VERSION := 0.1.0
BUILD   ?= build
CC      ?= gcc
PREFIX  ?= /usr
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system
PKGS    := libuv libcurl libpcre2-8 lmdb libfyaml jansson libutf8proc libzstd libxxhash gsl \
           libsystemd expat libzip icu-i18n icu-uc openssl gmime-3.0
STATE   ?= $(BUILD)/run
PORT    ?= 8642
SAMPLE  ?= 1

SAN      ?=
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer)
OPT      ?= -O2 -g -D_FORTIFY_SOURCE=2 -ffile-prefix-map=$(CURDIR)=.
WARN     := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
            -Wvla -Wwrite-strings -Wformat=2 -Wundef
CFLAGS   ?=
# The one library whose headers are in folders of their own; the compiler says so while it is missing.
GMIME    := $(shell pkg-config --cflags-only-I gmime-3.0 2>/dev/null)
ALL_CFLAGS := -std=c17 -D_GNU_SOURCE -DVOC_VERSION='"$(VERSION)"' $(OPT) $(WARN) $(SANFLAGS) -I. \
            -I$(BUILD)/gen $(GMIME) -fPIE -fstack-protector-strong $(CFLAGS)
LDFLAGS_ALL := -pie -Wl,--as-needed,-z,relro,-z,now $(SANFLAGS) $(LDFLAGS)

# What each floor may link: the walls of the house, enforced by the linker.
LIBS_base  := -lm
LIBS_nlp   := -lpcre2-8 -lutf8proc -lm
LIBS_store := -llmdb -lzstd -lxxhash -lm
LIBS_all   := $(LIBS_nlp) $(LIBS_store) -luv -lcurl -lfyaml -ljansson -lhttp_parser -lgsl \
              -lgslcblas -lsystemd -lexpat -lzip -licui18n -licuuc -lssl -lcrypto -lcrypt -lgmime-3.0 \
              -lgobject-2.0 -lglib-2.0 -lpthread -lm

src = $(wildcard $(1)/*.c)
obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

BASE_SRC   := $(call src,base)
NLP_SRC    := $(call src,nlp)
STORE_SRC  := $(call src,store)
ROOMS      := format core trust http collect pipeline alert api experiment console
DAEMON_SRC := $(wildcard daemon/*.c) $(foreach r,$(ROOMS),$(call src,daemon/$(r)))
DAEMON_SRC := $(filter-out daemon/main.c,$(DAEMON_SRC))
CTL_SRC    := $(call src,daemon/ctl)
# These stand in for parts of the daemon, so they are linked only where asked for: intake_rig for the
# server and the pipeline, poll_rig for time, the network and the pipeline, reader_rig for the tables.
FAKES := tests/lib/intake_rig.c tests/lib/poll_rig.c tests/lib/reader_rig.c
TESTLIB_SRC := $(filter-out $(FAKES),$(call src,tests/lib))

LIBBASE   := $(BUILD)/libbase.a
LIBNLP    := $(BUILD)/libnlp.a
LIBSTORE  := $(BUILD)/libstore.a
LIBDAEMON := $(BUILD)/libdaemon.a
LIBTEST   := $(BUILD)/libtest.a

unit = $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/$(1)/test_*.c))
UNIT := $(foreach f,base nlp store daemon,$(call unit,$(f)))
# Test programs the Python tests drive (model checkers, replays), linked with everything.
DRIVERS := $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/fault/*.c tests/bench/*.c tests/fuzz/fuzz_*.c))

.PHONY: all
all: $(BUILD)/vocd $(BUILD)/vocctl $(BUILD)/lexicons.bin

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/obj/daemon/api/openapi.o: daemon/api/openapi.json
$(BUILD)/obj/daemon/ctl/sample.o: $(wildcard daemon/ctl/sample/*)

$(LIBBASE):   $(call obj,$(BASE_SRC))
$(LIBNLP):    $(call obj,$(NLP_SRC))
$(LIBSTORE):  $(call obj,$(STORE_SRC))
$(LIBDAEMON): $(call obj,$(DAEMON_SRC))
$(LIBTEST):   $(call obj,$(TESTLIB_SRC))
%.a:
	@rm -f $@
	@ar rcs $@ $^

$(BUILD)/vocd: $(call obj,daemon/main.c) $(LIBDAEMON) $(LIBNLP) $(LIBSTORE) $(LIBBASE)
	@echo "  LD    $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS_all)
$(BUILD)/vocctl: $(call obj,$(CTL_SRC)) $(LIBDAEMON) $(LIBNLP) $(LIBSTORE) $(LIBBASE)
	@echo "  LD    $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS_all)

# The console: bundled by the tools that package-lock.json names, embedded by assets.c.
WEB     := daemon/console/web
WEB_SRC := $(wildcard $(WEB)/src/*) $(WEB)/build.mjs $(WEB)/package.json
$(WEB)/node_modules/.package-lock.json: $(WEB)/package-lock.json
	@echo "  NPM   $(WEB)"
	@cd $(WEB) && npm ci --ignore-scripts --silent
	@touch $@
$(BUILD)/gen/console_assets.inc: $(WEB_SRC) $(WEB)/node_modules/.package-lock.json
	@node $(WEB)/build.mjs $(BUILD)/console $@
$(BUILD)/obj/daemon/console/assets.o: $(BUILD)/gen/console_assets.inc

LEXICON_FILES := $(wildcard lexicons/*/*.tsv lexicons/*/*.yaml lexicons/*.yaml lexicons/*.tsv)
$(BUILD)/lexicons.bin: $(BUILD)/vocctl $(LEXICON_FILES)
	$(BUILD)/vocctl lexicon compile lexicons -o $@

$(BUILD)/tests/base/%: $(BUILD)/obj/tests/unit/base/%.o $(LIBTEST) $(LIBBASE)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ -lcmocka $(LIBS_base)
$(BUILD)/tests/nlp/%: $(BUILD)/obj/tests/unit/nlp/%.o $(LIBTEST) $(LIBNLP) $(LIBBASE)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ -lcmocka $(LIBS_nlp)
$(BUILD)/tests/store/%: $(BUILD)/obj/tests/unit/store/%.o $(LIBTEST) $(LIBSTORE) $(LIBBASE)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ -lcmocka $(LIBS_store)
$(BUILD)/tests/daemon/%: $(BUILD)/obj/tests/unit/daemon/%.o $(LIBTEST) $(LIBDAEMON) $(LIBNLP) \
                         $(LIBSTORE) $(LIBBASE)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(filter %.a,$^) -lcmocka $(LIBS_all)
$(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(LIBTEST) $(LIBDAEMON) $(LIBNLP) $(LIBSTORE) $(LIBBASE)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS_all)
FUZZ_NLP := nlp tables lexicon
FUZZ_COLLECT := connector jsonpath signature mime xlsx transcript
$(FUZZ_NLP:%=$(BUILD)/tests/fuzz/fuzz_%): $(call obj,tests/fuzz/nlp_rig.c tests/fuzz/replay.c)
$(FUZZ_COLLECT:%=$(BUILD)/tests/fuzz/fuzz_%): $(call obj,tests/fuzz/replay.c)
$(BUILD)/tests/daemon/test_collect_hook $(BUILD)/tests/daemon/test_collect_stream: \
    $(call obj,tests/lib/intake_rig.c tests/lib/reader_rig.c)
$(BUILD)/tests/daemon/test_collect_schedule: $(call obj,tests/lib/poll_rig.c tests/lib/reader_rig.c)
.PRECIOUS: $(BUILD)/obj/%.o
.SECONDARY:

tests/browser/node_modules/.package-lock.json: tests/browser/package-lock.json
	@echo "  NPM   tests/browser"
	@cd tests/browser && npm ci --ignore-scripts --silent
	@touch $@

.PHONY: tests
tests: all $(UNIT) $(DRIVERS) tests/browser/node_modules/.package-lock.json

.PHONY: deps
deps:
	@sh tests/lib/deps.sh build
.PHONY: deps-test
deps-test:
	@sh tests/lib/deps.sh build test

.PHONY: run
run: deps
	@$(MAKE) --no-print-directory -j2 all
	@sh systemd/run-local.sh "$(BUILD)" "$(STATE)" "$(PORT)" "$(SAMPLE)"

.PHONY: test
test: deps-test
	@$(MAKE) --no-print-directory -j2 tests
	@BUILD=$(BUILD) python3 tests/run.py $(TESTS)

# Upstreams as Debian and npm ship them; the package, built twice and started by a systemd of its own. As
# root, else most of it is skipped.
.PHONY: test-real
test-real: deps-test
	@sh tests/lib/deps.sh build deb real
	@$(MAKE) --no-print-directory -j2 deb
	@BUILD=$(BUILD) python3 tests/run.py --real $(TESTS)

.PHONY: soak
soak: deps-test
	@$(MAKE) --no-print-directory -j2 tests
	@BUILD=$(BUILD) SOAK=1 python3 tests/run.py $(TESTS)

.PHONY: asan
asan:
	@ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
	 $(MAKE) --no-print-directory test BUILD=build-asan SAN=address,undefined \
	 OPT="-O1 -g" SAMPLE=$(SAMPLE)

.PHONY: tsan
tsan:
	@TSAN_OPTIONS=halt_on_error=1 $(MAKE) --no-print-directory test BUILD=build-tsan SAN=thread \
	 OPT="-O1 -g" TESTS="--tsan"

.PHONY: lint
lint: deps-test $(BUILD)/gen/console_assets.inc
	@BUILD=$(BUILD) python3 tests/lib/lint.py

# libFuzzer, FUZZ_SECONDS a target. What it finds goes into tests/fuzz/corpus (fuzz-merge keeps the
# least that covers as much) and so into `make test`.
FUZZ_SECONDS ?= 600
FUZZ := http $(FUZZ_NLP) $(FUZZ_COLLECT)
.PHONY: fuzz fuzz-build fuzz-merge
fuzz-build: deps-test $(BUILD)/lexicons.bin
	@$(MAKE) --no-print-directory -j2 BUILD=build-fuzz CC="$(FUZZ_CC)" SAN=address,undefined \
	 OPT="-O1 -g -DFUZZ_WITH_LIBFUZZER -fsanitize=fuzzer-no-link -fno-sanitize-recover=all" \
	 build-fuzz/libdaemon.a build-fuzz/libnlp.a build-fuzz/libstore.a build-fuzz/libbase.a build-fuzz/libtest.a \
	 $(patsubst tests/%.c,build-fuzz/obj/tests/%.o,$(filter-out tests/fuzz/replay.c,$(wildcard tests/fuzz/*.c)))
	@for f in $(FUZZ); do clang -fsanitize=fuzzer,address,undefined -o build-fuzz/fuzz_$$f \
	 build-fuzz/obj/tests/fuzz/fuzz_$$f.o build-fuzz/obj/tests/fuzz/nlp_rig.o build-fuzz/libtest.a \
	 build-fuzz/libdaemon.a build-fuzz/libnlp.a build-fuzz/libstore.a build-fuzz/libbase.a \
	 $(LIBS_all) || exit 1; mkdir -p build-fuzz/corpus/$$f tests/fuzz/corpus/$$f; done
FUZZ_CC ?= clang
fuzz: fuzz-build
	@for f in $(FUZZ); do build-fuzz/fuzz_$$f -max_total_time=$(FUZZ_SECONDS) \
	 $$(test -f tests/fuzz/$$f.dict && echo -dict=tests/fuzz/$$f.dict) \
	 build-fuzz/corpus/$$f tests/fuzz/corpus/$$f || exit 1; done
fuzz-merge: fuzz-build
	@for f in $(FUZZ); do rm -rf build-fuzz/merged/$$f && mkdir -p build-fuzz/merged/$$f && \
	 build-fuzz/fuzz_$$f -merge=1 build-fuzz/merged/$$f tests/fuzz/corpus/$$f build-fuzz/corpus/$$f && \
	 rm -f tests/fuzz/corpus/$$f/* && cp build-fuzz/merged/$$f/* tests/fuzz/corpus/$$f/ || exit 1; done

.PHONY: bench
bench: deps-test
	@$(MAKE) --no-print-directory -j2 tests
	@BUILD=$(BUILD) python3 tests/bench/bench.py
	@BUILD=$(BUILD) PYTHONPATH=tests/lib python3 tests/bench/console.py

# The pictures of docs/, as the browser tests took them.
.PHONY: screenshots
screenshots:
	@$(MAKE) --no-print-directory test TESTS=tests/browser
	@mkdir -p docs/images && cp $(BUILD)/screenshots/*.png docs/images/

.PHONY: install uninstall
install: all
install uninstall:
	@DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" SYSCONFDIR="$(SYSCONFDIR)" UNITDIR="$(UNITDIR)" \
	 sh systemd/install.sh $@ "$(BUILD)"

# Without network, once `make all` has run: what is built is packed.
.PHONY: deb
deb: all
	@sh tests/lib/deps.sh build deb
	@rm -f $(BUILD)/vocd*.deb
	@env -u MAKEFLAGS -u MFLAGS DEB_RULES_REQUIRES_ROOT=no debian/rules BUILD="$(BUILD)" \
	 clean binary >$(BUILD)/deb.log 2>&1 || { cat $(BUILD)/deb.log; exit 1; }
	@echo $(BUILD)/vocd_*.deb

# TEXTS: a file with one text a line; the films of DATA when it is there, else our own corpus.
TEXTS ?= $(BUILD)/texts.txt
.PHONY: bench-nlp
bench-nlp: deps-test
	@$(MAKE) --no-print-directory -j2 all $(BUILD)/tests/bench/nlp_bench
	@if [ -e $(DATA)/ko/nsmc_test.tsv.xz ]; then xz -dc $(DATA)/ko/nsmc_test.tsv.xz | cut -f2; \
	 else cut -f9 lexicons/build/corpus/ko-*.tsv; fi | tail -n +2 > $(BUILD)/texts.txt
	@BUILD=$(BUILD) python3 tests/bench/nlp.py $(TEXTS)

.PHONY: clean
clean:
	rm -rf $(BUILD) build-asan build-tsan build-clang


-include lexicons/build/lexicons.mk
-include $(shell test -d $(BUILD)/obj && find $(BUILD)/obj -name '*.d')
