# Proviso. `make demo` shows it, `make test` proves it; both install what they need first.
# Every build lives in its own folder below .build, so builds never disturb each other.

SHELL := /bin/bash
.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := all

VERSION := 0.1.0
PREFIX  ?= /usr/local
CC      := gcc
BUILD   ?= .build/release
V       ?= 0
Q       := $(if $(filter 1,$(V)),,@)
say      = $(if $(filter 1,$(V)),,@printf '  %-8s %s\n' '$(1)' '$(2)')

# --- flags -------------------------------------------------------------------

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes \
  -Wmissing-prototypes -Wcast-qual -Wwrite-strings -Wformat=2 -Wvla -Wundef -Wimplicit-fallthrough \
  -Wnull-dereference -Wdouble-promotion
WERROR   ?= $(if $(CI),-Werror)
OPTIMISE ?= -O2 -g
HARDEN   ?= -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
SANITIZE ?=
LDHARDEN ?= -pie -Wl,-z,relro,-z,now
PACKAGES := libcurl libpcre2-8 libuv yaml-0.1 libcrypto libutf8proc zlib sqlite3
compile   = -std=c17 -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -DPROVISO_VERSION='"$(VERSION)"' \
  -I. -I$(BUILD) $(WARNINGS) $(WERROR) $(OPTIMISE) $(HARDEN) $(SANITIZE) \
  $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
LDLIBS    = $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -lcsv -lm -lpthread

# --- sources: lowest layer first; a file may include only from its own layer and those below ----

LAYERS := harness/base providers cases harness/run reports proxy harness/cli
sources = $(wildcard $(1)/*.c $(1)/*/*.c)
objects = $(patsubst %.c,$(BUILD)/%.o,$(call sources,$(1)))
archive = $(BUILD)/lib/$(subst /,-,$(1)).a
archives_up_to = $(call reverse,$(call take,$(1),$(LAYERS)))
reverse = $(if $(1),$(call reverse,$(wordlist 2,$(words $(1)),$(1))) $(firstword $(1)))
take    = $(if $(2),$(firstword $(2)) $(if $(filter $(1),$(firstword $(2))),,$(call take,$(1),$(wordlist 2,$(words $(2)),$(2)))))
DATA    := $(sort $(wildcard cases/core/*.yaml cases/core/*.csv cases/quality/*.yaml cases/quality/*.csv providers/catalog/*.yaml))

.PHONY: all
all: $(BUILD)/proviso

$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(subst ','\'',$(compile))' | cmp -s - $@ || echo '$(CC) $(subst ','\'',$(compile))' > $@
FORCE: ;
.PHONY: FORCE

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(compile) -MMD -MP -c $< -o $@

define layer_archive
$(call archive,$(1)): $(call objects,$(1))
	@mkdir -p $$(@D) && rm -f $$@
	$(Q)ar rcs $$@ $$(filter %.o,$$^)
endef
$(foreach layer,$(LAYERS),$(eval $(call layer_archive,$(layer))))

# The suite and the catalogue travel inside the program.
$(BUILD)/embedded_data.c: $(DATA) harness/base/embed.sh Makefile
	@mkdir -p $(@D)
	$(call say,EMBED,$@)
	$(Q)bash harness/base/embed.sh $(DATA) > $@
$(BUILD)/embedded_data.o: $(BUILD)/embedded_data.c $(DATA) $(BUILD)/flags
	$(Q)$(CC) $(compile) -c $< -o $@

$(BUILD)/proviso: $(BUILD)/embedded_data.o $(foreach layer,$(LAYERS),$(call archive,$(layer)))
	$(call say,LINK,$@)
	$(Q)$(CC) $(OPTIMISE) $(SANITIZE) $(LDHARDEN) -o $@ $< $(foreach layer,$(call reverse,$(LAYERS)),$(call archive,$(layer))) $(LDLIBS)

# --- the two commands, and what they need ------------------------------------------

.PHONY: deps deps-test run demo
deps:
	$(Q)bash tests/deps.sh build
deps-test:
	$(Q)bash tests/deps.sh test
run: deps
	+$(Q)$(MAKE) --no-print-directory all
	$(Q)$(BUILD)/proviso $(ARGS)
demo: deps
	+$(Q)$(MAKE) --no-print-directory all
	$(Q)$(BUILD)/proviso demo

# One build after the other (two makes in one build folder would race), each on two cores.
.PHONY: test check
test: deps-test
	+$(Q)$(MAKE) --no-print-directory -j2 all headers bench-programs
	+$(Q)$(MAKE) --no-print-directory -j2 $(ASAN) all unit-programs corpora-programs
	+$(Q)$(MAKE) --no-print-directory style
	+$(Q)$(MAKE) --no-print-directory unit
	+$(Q)$(MAKE) --no-print-directory corpora
	+$(Q)$(MAKE) --no-print-directory e2e
	+$(Q)$(MAKE) --no-print-directory -j2 clang-build
	@echo 'All of make test passed.'
check: test

# --- unit tests: one program per tests/unit/<layer>/test_*.c, linked with its own layer and below ----

UNIT_LAYERS := base=harness/base providers=providers cases=cases run=harness/run reports=reports proxy=proxy
layer_of = $(lastword $(subst =, ,$(filter $(1)=%,$(UNIT_LAYERS))))
UNIT_SOURCES := $(sort $(wildcard tests/unit/*/test_$(or $(ONLY),*).c))
UNIT_PROGRAMS := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT_SOURCES))

define unit_program
$(BUILD)/unit/$(1)/%: $(BUILD)/tests/unit/$(1)/%.o $(BUILD)/embedded_data.o $(foreach layer,$(call take,$(call layer_of,$(1)),$(LAYERS)),$(call archive,$(layer)))
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(OPTIMISE) $$(SANITIZE) $$(LDHARDEN) -o $$@ $$< $$(BUILD)/embedded_data.o $(foreach layer,$(call archives_up_to,$(call layer_of,$(1))),$(call archive,$(layer))) $$(LDLIBS) $$(shell pkg-config --libs check)
endef
$(foreach entry,$(UNIT_LAYERS),$(eval $(call unit_program,$(firstword $(subst =, ,$(entry))))))

# Everyday tests run with the address and undefined-behaviour sanitizers.
ASAN := BUILD=.build/asan OPTIMISE='-O1 -g1 -fno-omit-frame-pointer' HARDEN=-DPROVISO_ABORT_ON_REQUIRE \
  LDHARDEN= SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=all'

.PHONY: asan unit unit-programs
asan:
	+$(Q)$(MAKE) --no-print-directory $(ASAN) all
unit-programs: $(UNIT_PROGRAMS)
unit:
	+$(Q)$(MAKE) --no-print-directory $(ASAN) unit-programs
	$(Q)CK_TAP_LOG_FILE_NAME=- CK_VERBOSITY=silent prove -j2 $(if $(filter 1,$(V)),-v) -e 'timeout 600' $(patsubst tests/unit/%.c,.build/asan/unit/%,$(UNIT_SOURCES))

# --- the part of the manual that the program tells itself ---
.PHONY: manual
manual: all
	$(Q)bash harness/cli/settings_manual.sh write $(BUILD)/proviso

# --- style: layers, sizes, banned words, headers that compile alone, the manual --------

.PHONY: style headers
STYLE_CHECKS := $(wildcard tests/style/check_*.sh)
style: headers
	$(Q)prove -j2 -e bash $(STYLE_CHECKS)
HEADERS := $(foreach layer,$(LAYERS),$(wildcard $(layer)/*.h $(layer)/*/*.h))
HEADER_CHECKS := $(patsubst %.h,.build/headers/%.ok,$(HEADERS))
headers: $(HEADER_CHECKS)
.build/headers/%.ok: %.h
	@mkdir -p $(@D)
	$(Q)printf '#include "%s"\nextern int alone;\n' $< | $(CC) $(compile) -Werror -fsyntax-only -x c - && touch $@

# --- fuzzers: each tests/fuzz/fuzz_*.c with its dictionary; their corpora are replayed in `make test` ------

FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_LIBS = $(BUILD)/embedded_data.o $(foreach layer,$(call reverse,$(LAYERS)),$(call archive,$(layer)))
FUZZ_SECONDS ?= 30

.PHONY: corpora corpora-programs fuzz fuzz-programs
$(BUILD)/replay/%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/tests/fuzz/replay.o $(BUILD)/embedded_data.o $(foreach layer,$(LAYERS),$(call archive,$(layer)))
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(OPTIMISE) $(SANITIZE) $(LDHARDEN) -o $@ $(filter %/fuzz_$*.o %/replay.o,$^) $(FUZZ_LIBS) $(LDLIBS)
corpora-programs: $(patsubst %,$(BUILD)/replay/%,$(FUZZERS))
corpora:
	+$(Q)$(MAKE) --no-print-directory $(ASAN) corpora-programs
	$(Q)for name in $(FUZZERS); do .build/asan/replay/$$name tests/fuzz/corpus/$$name || exit 1; done

FUZZ := BUILD=.build/fuzz CC=clang OPTIMISE='-O1 -g' HARDEN=-DPROVISO_ABORT_ON_REQUIRE LDHARDEN= \
  SANITIZE='-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all'
$(BUILD)/fuzzer/%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/embedded_data.o $(foreach layer,$(LAYERS),$(call archive,$(layer)))
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) -fsanitize=fuzzer,address,undefined -o $@ $< $(FUZZ_LIBS) $(LDLIBS)
fuzz-programs: $(patsubst %,$(BUILD)/fuzzer/%,$(FUZZERS))
# New inputs go to .build/corpus; ONLY=json picks one.
fuzz: deps-test
	+$(Q)$(MAKE) --no-print-directory $(FUZZ) fuzz-programs
	$(Q)for name in $(or $(ONLY),$(FUZZERS)); do mkdir -p .build/corpus/$$name; echo "fuzzing $$name"; \
	  .build/fuzz/fuzzer/$$name -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
	  -dict=tests/fuzz/$$name.dict \
	  .build/corpus/$$name tests/fuzz/corpus/$$name 2>&1 | tail -n 12 || exit 1; done

# --- end to end: the real binary, sanitized, against scripted and simulated providers; most of the time it waits ---

# A test is given to whoever is free, but for those that look at what was set up once (xdist_group).
WORKERS ?= $(shell n=$$(($$(nproc) * 3)); echo $$((n < 16 ? n : 16)))

.PHONY: e2e golden clang-build
e2e:
	+$(Q)$(MAKE) --no-print-directory all
	+$(Q)$(MAKE) --no-print-directory asan
	$(Q)PROVISO=$(CURDIR)/.build/asan/proviso PROVISO_PLAIN=$(CURDIR)/.build/release/proviso PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m pytest -q $(if $(ONLY),,-n $(WORKERS) --dist loadgroup) -p no:cacheprovider $(if $(ONLY),-k '$(ONLY)') tests/e2e
# Mixed traffic, faults, reloads and keys for SOAK_SECONDS: memory stays flat, and no descriptor is leaked.
.PHONY: soak kills tsan
SOAK_SECONDS ?= 180
soak: deps-test
	+$(Q)$(MAKE) --no-print-directory -j2 all
	$(Q)SOAK_SECONDS=$(SOAK_SECONDS) PROVISO=$(CURDIR)/$(BUILD)/proviso PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 tests/soak/soak.py
# The proxy killed KILL_ROUNDS times under load with hedges, and as often without: whoever saw a whole answer finds
# its one row, and what was reserved is settled at the next start.
KILL_ROUNDS ?= 40
kills: deps-test
	+$(Q)$(MAKE) --no-print-directory -j2 all
	$(Q)KILL_ROUNDS=$(KILL_ROUNDS) PROVISO=$(CURDIR)/$(BUILD)/proviso PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m pytest \
	  -q -s -p no:cacheprovider -k after_kills tests/e2e/test_82_storm.py
# The proxy's threads under the thread sanitizer: its own tests with the real binary; ONLY=text picks some.
TSAN := BUILD=.build/tsan CC=clang OPTIMISE='-O1 -g -fno-omit-frame-pointer' HARDEN=-DPROVISO_ABORT_ON_REQUIRE LDHARDEN= \
  SANITIZE=-fsanitize=thread
tsan: deps-test
	+$(Q)$(MAKE) --no-print-directory -j2 all
	+$(Q)$(MAKE) --no-print-directory -j2 $(TSAN) all
	$(Q)PROVISO=$(CURDIR)/.build/tsan/proviso PROVISO_PLAIN=$(CURDIR)/.build/release/proviso \
	  PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m pytest -q -p no:cacheprovider -k '$(or $(ONLY),proxy or storm or live or alerts or fault)' tests/e2e
# What reads the code, and what watches it run: gcc's analyser, cppcheck, valgrind and clang's may find nothing.
# clang's reads one file at a time: what it can't know is said to it by ASSUME (base.h) and beside the setters of faults
# (fault.h); functions as small as json_is it is told to look into always, however deep it stands.
# cppcheck 2.10 cannot read a compound literal behind ?: and takes a pointer's life for its target's.
.PHONY: analyse analyse-clang
ANALYSE := BUILD=.build/analyse OPTIMISE='-O1 -fanalyzer' HARDEN= LDHARDEN= WERROR=-Werror
CPPCHECK := cppcheck -q --std=c11 --enable=warning,performance,portability --error-exitcode=1 -I. -DPROVISO_VERSION='"0"' \
  $(addprefix --suppress=,missingIncludeSystem internalAstError autoVariables returnDanglingLifetime ctuuninitvar ctunullpointer arrayIndexOutOfBoundsCond)
CLANG_ANALYSER := $(addprefix -Xclang ,-analyzer-werror -analyzer-config ipa-always-inline-size=10)
analyse:
	$(Q)bash tests/deps.sh analyse
	+$(Q)$(MAKE) --no-print-directory -j2 $(ANALYSE) all
	$(Q)$(CPPCHECK) harness providers cases reports proxy
	+$(Q)$(MAKE) --no-print-directory -j2 all
	$(Q)bash tests/valgrind.sh $(BUILD)/proviso
	+$(Q)$(MAKE) --no-print-directory -j2 analyse-clang
analyse-clang: $(patsubst %.c,.build/analyse-clang/%.ok,$(foreach layer,$(LAYERS),$(call sources,$(layer))))
.build/analyse-clang/%.ok: %.c
	@mkdir -p $(@D)
	$(call say,CLANG,$<)
	$(Q)clang --analyze --analyzer-output text $(CLANG_ANALYSER) $(compile) -MMD -MP -MT $@ -MF $(@:.ok=.d) $< && touch $@
# Writes tests/golden anew from what the program prints; the diff is for a person to read.
golden: all
	$(Q)PROVISO_GOLDEN=write PROVISO=$(CURDIR)/$(BUILD)/proviso PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m pytest -q -p no:cacheprovider -k what_it_was tests/e2e/test_60_reports.py
# Both compilers must find nothing to warn about; clang warns of what it reads, and so needs not optimise.
clang-build:
	+$(Q)$(MAKE) --no-print-directory BUILD=.build/clang CC=clang OPTIMISE=-O0 HARDEN=-fPIE WERROR=-Werror all

# --- benchmarks: tests/bench/README.md. BENCH_PEERS=0 leaves out what npm brings. ONLY=proxy: the proxy
# beside others, about two minutes; LONG=1: up to as many streams as descriptors allow ----------

BENCHES := $(patsubst tests/bench/bench_%.c,$(BUILD)/bench/%,$(wildcard tests/bench/bench_*.c))
BENCH_SHARED := $(patsubst %.c,$(BUILD)/%.o,$(filter-out tests/bench/bench_%.c tests/bench/launch.c,$(wildcard tests/bench/*.c)))

.PHONY: bench bench-programs
bench:
	$(Q)bash tests/deps.sh bench
	+$(Q)$(MAKE) --no-print-directory -j2 all bench-programs
	$(Q)BUILD=$(BUILD) bash $(if $(filter proxy,$(ONLY)),tests/bench/proxy.sh $(if $(LONG),--long),tests/bench/run.sh)
bench-programs: $(BENCHES) $(BUILD)/bench/launch
$(BUILD)/bench/%: $(BUILD)/tests/bench/bench_%.o $(BENCH_SHARED) $(BUILD)/embedded_data.o $(foreach layer,$(LAYERS),$(call archive,$(layer)))
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(OPTIMISE) $(LDHARDEN) -o $@ $< $(BENCH_SHARED) $(FUZZ_LIBS) $(LDLIBS)
# With libc alone: it has to be smaller than what it measures.
$(BUILD)/bench/launch: $(BUILD)/tests/bench/launch.o
	@mkdir -p $(@D)
	$(Q)$(CC) $(OPTIMISE) $(LDHARDEN) -o $@ $<

# --- the study: tests/study/STUDY.md ------------------------------------------------

TRACE ?= ../shared/corpora/llm-traces/AzureLLMInferenceTrace_code.csv
.PHONY: study
study: all
	$(Q)PROVISO=$(CURDIR)/$(BUILD)/proviso PYTHONDONTWRITEBYTECODE=1 python3 tests/study/study.py $(TRACE) $(if $(WRITE),--write)

# --- install: what PREFIX names is where it runs, DESTDIR only where it is put ------------------

EXAMPLES := $(wildcard proxy/examples/*.yaml)
MANUALS := $(wildcard harness/cli/man/*.[157])
DOCUMENTS := README.md LICENSE $(wildcard .github/SECURITY.md)
ZSH_FOLDER ?= $(PREFIX)/share/zsh/site-functions
COMPLETIONS = $(PREFIX)/share/bash-completion/completions/proviso $(ZSH_FOLDER)/_proviso $(PREFIX)/share/fish/vendor_completions.d/proviso.fish
UNIT = $(PREFIX)/lib/systemd/system/proviso.service
SYSUSERS = $(PREFIX)/lib/sysusers.d/proviso.conf
install_as = install -D -m $(1) $(2) $(DESTDIR)$(3)

.PHONY: install uninstall
install: all
	$(Q)$(call install_as,755,$(BUILD)/proviso,$(PREFIX)/bin/proviso)
	$(Q)for page in $(MANUALS); do $(call install_as,644,$$page,$(PREFIX)/share/man/man$${page##*.}/$${page##*/}) || exit 1; done
	$(Q)install -d $(DESTDIR)$(PREFIX)/share/doc/proviso/examples
	$(Q)install -m 644 $(EXAMPLES) $(DESTDIR)$(PREFIX)/share/doc/proviso/examples/
	$(Q)install -m 644 $(DOCUMENTS) $(DESTDIR)$(PREFIX)/share/doc/proviso/
	$(Q)for file in $(COMPLETIONS); do case $$file in */bash-completion/*) shell=bash ;; */_proviso) shell=zsh ;; *) shell=fish ;; esac; \
	  $(call install_as,644,/dev/null,$$file) && $(BUILD)/proviso completion $$shell > $(DESTDIR)$$file || exit 1; done
	$(Q)$(call install_as,644,/dev/null,$(UNIT)) && sed 's|@PREFIX@|$(PREFIX)|' proxy/systemd/proviso.service.in > $(DESTDIR)$(UNIT)
	$(Q)$(call install_as,644,proxy/systemd/proviso.sysusers.conf,$(SYSUSERS))
# Takes away what install brought, and nothing else.
uninstall:
	$(Q)rm -f $(addprefix $(DESTDIR),$(PREFIX)/bin/proviso $(COMPLETIONS) $(UNIT) $(SYSUSERS))
	$(Q)for page in $(MANUALS); do rm -f $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/}; done
	$(Q)doc=$(DESTDIR)$(PREFIX)/share/doc/proviso; rm -f $(addprefix $$doc/,$(notdir $(DOCUMENTS)) $(addprefix examples/,$(notdir $(EXAMPLES)))); \
	  rmdir --ignore-fail-on-non-empty $$doc/examples $$doc 2>/dev/null || true

# --- the Debian package: .debian/build.sh; two builds of the same source are the same bytes -------

.PHONY: deb check-deb
DEB_REVISION ?= 1
deb:
	$(Q)bash tests/deps.sh package
	+$(Q)$(MAKE) --no-print-directory -j2 BUILD=.build/deb OPTIMISE='-O2 -ffile-prefix-map=$(CURDIR)=.' all
	$(Q)bash .debian/build.sh .build/deb $(VERSION) $(DEB_REVISION)
# Needs root, and a Debian mirror: builds twice and compares, then installs, runs, upgrades, removes and purges
# the package in a root file system of its own.
check-deb:
	$(Q)bash tests/deps.sh package-check
	$(Q)bash .debian/check.sh

.PHONY: clean format
clean:
	rm -rf .build
format:
	clang-format -i $(foreach layer,$(LAYERS),$(wildcard $(layer)/*.[ch] $(layer)/*/*.[ch])) $(wildcard tests/unit/*.h tests/unit/*/*.c tests/fuzz/*.c tests/bench/*.c)

-include $(shell find $(BUILD) -type f -name '*.d' 2>/dev/null)
