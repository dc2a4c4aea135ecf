# SPDX-License-Identifier: GPL-2.0-or-later
#
# tidemark. `make help` lists what can be made; nothing here needs to be
# installed first except git, make and ca-certificates for the targets that call
# scripts/setup (demo, check, test, soak).

MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash
.DEFAULT_GOAL := all

TOP := $(CURDIR)
O ?= build
override O := $(abspath $(O))
VERSION := 0.1.0

prefix ?= /usr
sbindir ?= $(prefix)/sbin
bindir ?= $(prefix)/bin
libexecdir ?= $(prefix)/libexec
mandir ?= $(prefix)/share/man
unitdir ?= $(prefix)/lib/systemd/system
completiondir ?= $(prefix)/share/bash-completion/completions

CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
CLANG ?= clang
AR := ar
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
PKG_CONFIG ?= pkg-config

ifeq ($(V),1)
Q :=
say = @true
else
Q := @
say = @printf '  %-8s %s\n'
endif

# ---- flags

WARN := -Wall -Wextra -Werror -Wshadow -Wpointer-arith -Wmissing-prototypes -Wstrict-prototypes -Wvla -Wwrite-strings
HARDEN := -fPIE -fstack-protector-strong -fstack-clash-protection -fcf-protection -D_FORTIFY_SOURCE=2
LDHARDEN := -pie -Wl,-z,relro,-z,now -Wl,-z,noexecstack
CFLAGS ?= -O2 -g
ifeq ($(SAN),1)
CFLAGS := -O1 -g -fno-omit-frame-pointer
HARDEN := -fPIE -fsanitize=address,undefined -fno-sanitize-recover=undefined
LDHARDEN := -pie -fsanitize=address,undefined
endif
CPPFLAGS += -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DTM_VERSION='"$(VERSION)"' -DTM_LIBEXECDIR='"$(libexecdir)/tidemark"'
INCLUDES := $(EXTRA_CPPFLAGS) -I$(TOP)/userspace -I$(TOP)/bpf -I$(O)/bpf
ALL_CFLAGS = -std=gnu11 $(CFLAGS) $(WARN) $(HARDEN) $(CPPFLAGS) $(INCLUDES) -MMD -MP

# ---- rooms: everything in userspace/ROOM/*.c becomes $(O)/ROOM.a

rooms := lib conf policy changes wire digest api capture netmon peer source target
programs := tidemarkd tidemark-worker tidemark $(if $(wildcard userspace/web/*.c),tidemark-web)

# Archives in link order: higher rooms first.
tidemarkd-rooms := daemon capture netmon peer api policy conf changes wire lib
tidemark-worker-rooms := worker source target peer digest changes wire lib
tidemark-rooms := cli api conf wire lib
tidemark-web-rooms := web api conf wire lib

tidemarkd-libs := libbpf libmicrohttpd libsystemd jansson sqlite3 openssl libnl-3.0 libnl-route-3.0 mount libcap zlib
tidemark-worker-libs := openssl sqlite3 libseccomp libcap libxxhash
tidemark-libs := libcurl jansson smartcols libcrypt
tidemark-web-libs := libmicrohttpd libsystemd jansson gnutls libcurl libcrypt libseccomp libcap

libs-of = $(shell $(PKG_CONFIG) --libs $(1) 2>/dev/null)

room-src = $(sort $(wildcard userspace/$(1)/*.c))
room-obj = $(patsubst %.c,$(O)/%.o,$(call room-src,$(1)))

all: $(addprefix $(O)/,$(programs))

define room-rule
$(O)/room/$(1).a: $$(call room-obj,$(1))
	$$(say) AR $$(notdir $$@)
	$$(Q)mkdir -p $$(@D) && rm -f $$@ && $$(AR) rcsD $$@ $$^
endef
$(foreach r,$(rooms) daemon worker cli web,$(eval $(call room-rule,$(r))))

define program-rule
$(O)/$(1): $$(foreach r,$$($(1)-rooms),$$(O)/room/$$(r).a)
	$$(say) LD $$(notdir $$@)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDHARDEN) $$(LDFLAGS) -o $$@ \
		-Wl,--whole-archive $$(O)/room/$$(firstword $$($(1)-rooms)).a -Wl,--no-whole-archive \
		-Wl,--start-group $$(foreach r,$$(wordlist 2,99,$$($(1)-rooms)),$$(O)/room/$$(r).a) -Wl,--end-group \
		$$(call libs-of,$$($(1)-libs))
endef
$(foreach p,tidemarkd tidemark-worker tidemark tidemark-web,$(eval $(call program-rule,$(p))))

$(O)/userspace/%.o: userspace/%.c
	$(say) CC $<
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -c $< -o $@

# The API's document is inside the program that answers by it (.incbin).
$(O)/userspace/api/openapi.o: userspace/api/openapi.json

# ---- the page: every file of it in one object, see scripts/web-assets

web-assets := userspace/web/assets
# Also that a file went away is a change.
web-asset-files := $(shell find $(web-assets) 2>/dev/null)

$(O)/userspace/web/assets.gen.S: scripts/web-assets $(web-asset-files)
	$(say) ASSETS $(web-assets)
	$(Q)mkdir -p $(@D) && scripts/web-assets $(web-assets) $(O)/userspace/web/assets.gz > $@.tmp && mv $@.tmp $@

$(O)/userspace/web/assets.gen.o: $(O)/userspace/web/assets.gen.S
	$(say) AS $(notdir $<)
	$(Q)$(CC) $(HARDEN) -c $< -o $@

$(O)/room/web.a: $(if $(wildcard userspace/web/*.c),$(O)/userspace/web/assets.gen.o)

# ---- BPF: several objects linked into one skeleton (CO-RE: built once, for all kernels)

-include bpf/bpf.mk

bpf-objs := $(addprefix $(O)/bpf/,$(tm-bpf-objs))

$(O)/bpf/vmlinux.h: scripts/setup
	$(say) BTF $(notdir $@)
	$(Q)mkdir -p $(@D) && scripts/setup vmlinux-h $@ && touch $@

$(O)/bpf/%.bpf.o: bpf/%.bpf.c $(O)/bpf/vmlinux.h
	$(say) BPF $<
	$(Q)$(CLANG) $(tm-bpf-flags) -D__TARGET_ARCH_x86 -I$(O)/bpf -Ibpf -MMD -MP -c $< -o $@

$(O)/bpf/tm.bpf.linked.o: $(bpf-objs)
	$(say) BPFLINK $(notdir $@)
	$(Q)$(BPFTOOL) gen object $@ $^

$(O)/bpf/tm.skel.h: $(O)/bpf/tm.bpf.linked.o
	$(say) SKEL $(notdir $@)
	$(Q)$(BPFTOOL) gen skeleton $< name tm_bpf > $@.tmp && mv $@.tmp $@

$(call room-obj,capture): | $(if $(tm-bpf-objs),$(O)/bpf/tm.skel.h)

bpf: $(O)/bpf/tm.skel.h

# libnl keeps its headers in a directory of its own.
$(call room-obj,netmon): INCLUDES += $(shell $(PKG_CONFIG) --cflags libnl-3.0 2>/dev/null)

# Proof against a named kernel, with that kernel's own build system: BPF objects and the test module.
kbuild: $(O)/bpf/vmlinux.h
	@test -n "$(KDIR)" || { echo "make kbuild: say which kernel: make kbuild KDIR=/lib/modules/.../build (scripts/setup kheaders prints one)"; exit 2; }
	$(Q)env -u MAKEFLAGS $(MAKE) -C "$(KDIR)" M=$(TOP) TM_TESTMOD=m VMLINUX_H=$(O)/bpf/vmlinux.h modules

# ---- unit tests

unit-src := $(sort $(wildcard tests/unit/test_*.c))
unit-bin := $(patsubst tests/unit/%.c,$(O)/tests/unit/%,$(unit-src))
testlib-obj := $(patsubst tests/lib/%.c,$(O)/tests/lib/%.o,$(wildcard tests/lib/*.c))
unit-rooms := $(foreach r,$(rooms),$(O)/room/$(r).a)
unit-libs := libbpf jansson sqlite3 openssl libnl-3.0 libnl-route-3.0 mount libcap zlib libxxhash libsystemd libseccomp libcurl smartcols libcrypt

$(O)/tests/lib/%.o: tests/lib/%.c
	$(say) CC $<
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -I$(TOP) -c $< -o $@

$(O)/room/testlib.a: $(testlib-obj)
	$(Q)mkdir -p $(@D) && rm -f $@ && $(AR) rcsD $@ $^

# Unit tests of the programs' own rooms may link them whole, without their main().
# Parsed from a line "/* link: daemon */" in the test.
$(O)/tests/unit/%: tests/unit/%.c $(unit-rooms) $(O)/room/testlib.a $(O)/room/daemon.a $(O)/room/worker.a $(O)/room/cli.a \
		$(if $(wildcard userspace/web/*.c),$(O)/room/web.a)
	$(say) TEST $(notdir $@)
	$(Q)mkdir -p $(@D) && extra=$$(sed -n 's,^/\* link: *\([a-z ]*\) *\*/$$,\1,p' $<); \
	$(CC) $(ALL_CFLAGS) $(LDHARDEN) -I$(TOP) -I$(TOP)/tests/unit -Wno-missing-prototypes $< -o $@ \
		-Wl,--start-group $$(for r in $$extra; do echo $(O)/room/$$r.a; done) $(O)/room/testlib.a $(unit-rooms) -Wl,--end-group \
		$(call libs-of,$(unit-libs)) -lmicrohttpd -lpthread

unit: $(unit-bin)

oracle:
	$(Q)$(MAKE) --no-print-directory -C tests/oracle O=$(O)

# ---- fuzzers: replayed over their corpus in the tests, run for real by `make fuzz`

fuzz-src := $(sort $(wildcard tests/fuzz/fuzz_*.c))
fuzz-replay := $(patsubst tests/fuzz/%.c,$(O)/tests/fuzz/%,$(fuzz-src))

# With "/* link: web */" as for unit tests.
$(O)/tests/fuzz/%: tests/fuzz/%.c $(unit-rooms) $(if $(wildcard userspace/web/*.c),$(O)/room/web.a)
	$(say) FUZZ $(notdir $@)
	$(Q)mkdir -p $(@D) && extra=$$(sed -n 's,^/\* link: *\([a-z ]*\) *\*/$$,\1,p' $<); \
	$(CC) $(ALL_CFLAGS) $(LDHARDEN) -DFUZZ_STANDALONE -Wno-missing-prototypes $< -o $@ \
		-Wl,--start-group $$(for r in $$extra; do echo $(O)/room/$$r.a; done) $(unit-rooms) -Wl,--end-group \
		$(call libs-of,$(unit-libs))

fuzz-replay: $(fuzz-replay)

# ---- the two commands, and the other ways to test

setup:
	@scripts/setup

demo:
	@scripts/setup
	@$(MAKE) --no-print-directory all oracle
	@O=$(O) scripts/demo

test:
	@scripts/setup build test
	@$(MAKE) --no-print-directory -j2 all unit oracle fuzz-replay
	@O=$(O) tests/run quick

check:
	@scripts/setup build test guest browser
	@$(MAKE) --no-print-directory -j2 all unit oracle fuzz-replay
	@O=$(O) tests/run check

soak:
	@scripts/setup build test guest browser
	@$(MAKE) --no-print-directory -j2 all unit oracle fuzz-replay
	@O=$(O) tests/run soak

# ---- manual pages

man-pages := $(patsubst userspace/man/%.scd,$(O)/man/%,$(wildcard userspace/man/*.scd))

$(O)/man/%: userspace/man/%.scd userspace/man/page.sh userspace/conf/settings.h $(O)/tidemark
	$(say) MAN $(notdir $@)
	$(Q)set -o pipefail; mkdir -p $(@D) && CC="$(CC)" TIDEMARK=$(O)/tidemark userspace/man/page.sh $< | scdoc > $@.tmp && mv $@.tmp $@

man: $(man-pages)
.PHONY: man

# The unit tests installed and run by the kernel's own kselftest runner; its exit status says nothing, so the verdict is ours.
kselftest: unit
	@scripts/get-kselftest $(O)/kselftest
	$(Q)rm -rf $(O)/ksft && mkdir -p $(O)/ksft/kselftest
	$(Q)$(MAKE) --no-print-directory -C tests KSELFTEST=$(O)/kselftest OUTPUT=$(O)/tests/unit INSTALL_PATH=$(O)/ksft/tidemark install > $(O)/ksft.log
	$(Q)cp $(O)/kselftest/run_kselftest.sh $(O)/ksft/ && cp $(O)/kselftest/kselftest/* $(O)/ksft/kselftest/
	$(Q)$(MAKE) --no-print-directory -s -C tests KSELFTEST=$(O)/kselftest OUTPUT=$(O)/tests/unit COLLECTION=tidemark emit_tests > $(O)/ksft/kselftest-list.txt
	$(Q)cd $(O)/ksft && ./run_kselftest.sh -c tidemark | $(TOP)/scripts/tap-verdict

# ---- install

sysusersdir ?= $(prefix)/lib/sysusers.d
tmpfilesdir ?= $(prefix)/lib/tmpfiles.d
modulesloaddir ?= $(prefix)/lib/modules-load.d

# Without scdoc everything but the manual pages is installed.
install: all $(if $(shell command -v scdoc),man)
	install -D -m 755 $(O)/tidemarkd $(DESTDIR)$(sbindir)/tidemarkd
	install -D -m 755 $(O)/tidemark $(DESTDIR)$(bindir)/tidemark
	install -D -m 755 $(O)/tidemark-worker $(DESTDIR)$(libexecdir)/tidemark/tidemark-worker
	test ! -e $(O)/tidemark-web || install -D -m 755 $(O)/tidemark-web $(DESTDIR)$(libexecdir)/tidemark/tidemark-web
	set -e; for f in $(wildcard userspace/systemd/*.service); do install -D -m 644 $$f $(DESTDIR)$(unitdir)/$${f##*/}; \
		sed -i 's,=/usr/sbin/,=$(sbindir)/,; s,=/usr/libexec/,=$(libexecdir)/,' $(DESTDIR)$(unitdir)/$${f##*/}; done
	install -D -m 644 userspace/systemd/tidemark.sysusers $(DESTDIR)$(sysusersdir)/tidemark.conf
	install -D -m 644 userspace/systemd/tidemark.tmpfiles $(DESTDIR)$(tmpfilesdir)/tidemark.conf
	install -D -m 644 userspace/systemd/tidemark.modules-load $(DESTDIR)$(modulesloaddir)/tidemark.conf
	install -D -m 644 userspace/completion/tidemark $(DESTDIR)$(completiondir)/tidemark
	set -e; for f in $(if $(shell command -v scdoc),$(man-pages)); do install -D -m 644 $$f $(DESTDIR)$(mandir)/man$${f##*.}/$${f##*/}; done

clean:
	rm -rf $(O)

help:
	@printf '%s\n' \
	  'make           build tidemarkd, tidemark-worker, tidemark-web and tidemark into build/' \
	  'make demo      two nodes, one story: create, accept, replicate, change, compare (installs what is missing)' \
	  'make check     every test (at most 45 minutes on 2 cores; installs what is missing)' \
	  'make test      the quick tests (5 minutes)' \
	  'make soak      the long ones' \
	  'make kselftest the unit tests under the kernel'"'"'s own kselftest runner' \
	  'make kbuild KDIR=...   BPF objects and the test module with the kernel'"'"'s own build system' \
	  'make install DESTDIR= prefix=/usr' \
	  'Variables: V=1 O=DIR CC= CLANG= CFLAGS= SAN=1 (address and undefined-behaviour sanitizers)'

.PHONY: all bpf kbuild kselftest unit oracle fuzz-replay setup demo test check soak install clean help
.SECONDARY:

-include $(shell find $(O) -name '*.d' 2>/dev/null)
