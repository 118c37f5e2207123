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
PACKAGES := libcurl libpcre2-8 libuv yaml-0.1 libcrypto libutf8proc
compile   = -std=c17 -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -DPROVISO_VERSION='"$(VERSION)"' \
  -I. -I$(BUILD) $(WARNINGS) $(WERROR) $(OPTIMISE) $(HARDEN) $(SANITIZE) \
  $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
LDLIBS    = $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -lcsv -lm -lpthread

# --- sources: lowest layer first; a file may include only from its own layer and those below ----

LAYERS := harness/base providers cases harness/run reports proxy harness/cli
sources = $(wildcard $(1)/*.c) $(if $(filter providers,$(1)),$(wildcard providers/sim/*.c))
objects = $(patsubst %.c,$(BUILD)/%.o,$(call sources,$(1)))
archive = $(BUILD)/lib/$(subst /,-,$(1)).a
archives_up_to = $(call reverse,$(call take,$(1),$(LAYERS)))
reverse = $(if $(1),$(call reverse,$(wordlist 2,$(words $(1)),$(1))) $(firstword $(1)))
take    = $(if $(2),$(firstword $(2)) $(if $(filter $(1),$(firstword $(2))),,$(call take,$(1),$(wordlist 2,$(words $(2)),$(2)))))
DATA    := $(sort $(wildcard cases/core/*.yaml cases/core/*.csv providers/catalog/*.yaml))

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
ASAN := BUILD=.build/asan OPTIMISE='-O1 -g -fno-omit-frame-pointer' HARDEN=-DPROVISO_ABORT_ON_REQUIRE \
  LDHARDEN= SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=all'

.PHONY: asan unit unit-programs
asan:
	+$(Q)$(MAKE) --no-print-directory $(ASAN) all
unit-programs: $(UNIT_PROGRAMS)
unit:
	+$(Q)$(MAKE) --no-print-directory $(ASAN) unit-programs
	$(Q)CK_TAP_LOG_FILE_NAME=- CK_VERBOSITY=silent prove -j2 $(if $(filter 1,$(V)),-v) -e '' $(patsubst tests/unit/%.c,.build/asan/unit/%,$(UNIT_SOURCES))

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
