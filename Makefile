# Makefile - builds, tests and installs postrider. GNU make, written by hand, no recursion.
#
# On a clean clone plain `make` runs autoconf and configure by itself. Several trees come from the same sources by
# the same rules: build/ is what is installed, build/asan/ (address and undefined-behaviour sanitizers) is what
# the tests run, build/fuzz/ is for libFuzzer, where clang has it. BUILD=DIR builds somewhere else, for instance with another compiler:
# make CC=clang BUILD=build/clang.

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

BUILD ?= build
ASAN = $(BUILD)/asan
FUZZ = $(BUILD)/fuzz
RUN_DIR ?= run
JOBS ?= 2
TESTS ?=
export RUN_DIR

# ---- what is there ----

ROOMS ?= lib server worker queue
SOURCES := $(wildcard $(ROOMS:%=%/*.c))
MAINS := server/main.c server/tool_main.c server/fetch_main.c server/sendmail_main.c
CORE := $(filter-out $(MAINS),$(SOURCES))
PLUGINS := $(wildcard plugins/*.c plugins/*/*.c)
UNITS := $(wildcard t/unit/test_*.c)
FUZZERS := $(wildcard t/fuzz/fuzz_*.c)
BENCHES := $(wildcard t/bench/*.c)
PROGRAMS := $(if $(wildcard server/main.c),postrider-forkserver) $(if $(wildcard server/tool_main.c),postrider) $(if $(wildcard server/fetch_main.c),postrider-fetch) \
	$(if $(wildcard server/sendmail_main.c),postrider-sendmail)

# ---- configuration: config.mk is remade, and read, before anything else is built ----

SIMPLE := help deps clean distclean
ifneq ($(filter-out $(SIMPLE),$(or $(MAKECMDGOALS),all)),)
include config.mk
endif
# Targets that first install what is missing.
DEPS_FOR := $(if $(filter check bench fuzz soak fresh,$(MAKECMDGOALS)),build/deps-test,$(if $(filter run,$(MAKECMDGOALS)),build/deps-run))

configure: configure.ac | $(DEPS_FOR)
	autoconf
	@touch $@
config.h.in: configure.ac | configure
	autoheader
	@touch $@
config.status: configure config.h.in
	./configure $(CONFIGURE_ARGS)
config.mk: config.mk.in config.status
	./config.status config.mk
	@touch $@
config.h: config.h.in config.status
	./config.status config.h
	@touch $@
build/deps-%: t/deps
	t/deps $*
	@mkdir -p build && touch $@

# ---- flags ----

WARN = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla -Wwrite-strings \
	-Wformat=2 -Wno-format-nonliteral
ALL_CFLAGS = -std=gnu17 $(WARN) $(CPPFLAGS) $(CFLAGS)
CORE_CFLAGS = -include config.h -iquote lib -fvisibility=hidden $(LIB_CFLAGS)
RELEASE = -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong $(HARDEN)
SANITIZE = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
$(ASAN)/%: TREE_CFLAGS = $(SANITIZE)
$(FUZZ)/%: TREE_CFLAGS = $(SANITIZE) -fsanitize=fuzzer-no-link
$(FUZZ)/%: CC = clang
$(BUILD)/%: TREE_CFLAGS = $(RELEASE)
TREE_LDFLAGS = $(filter -fsanitize=%,$(TREE_CFLAGS)) -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)
DEPFILE = -MMD -MP -MF $(@:%=%.d)
COMPILE = @mkdir -p $(@D) && echo "  cc    $@" && $(CC) $(ALL_CFLAGS) $(TREE_CFLAGS) $(DEPFILE)
LINK = @mkdir -p $(@D) && echo "  link  $@" && $(CC) $(ALL_CFLAGS) $(TREE_CFLAGS) $(TREE_LDFLAGS)

# ---- the trees ----

# $(call tree,DIR,OBJECT,FLAGS): the objects, programs and plugins of one tree; OBJECT and FLAGS give its fuzzers their
# main. A program holds all of the core, because plugins, which are opened at run time, call into it.
core_objects = $(CORE:%.c=$(1)/%.o)
programs = $(PROGRAMS:%=$(1)/%)
plugin_objects = $(PLUGINS:plugins/%.c=$(1)/plugins/%.so)

define tree
$(1)/%.o: %.c | config.h
	$$(COMPILE) $$(CORE_CFLAGS) -fPIE -c -o $$@ $$<
$(1)/t/%.o: t/%.c | config.h
	$$(COMPILE) $$(CORE_CFLAGS) $$(CHECK_CFLAGS) -Iplugins -fPIE -c -o $$@ $$<
$(1)/plugins/%.so: plugins/%.c
	$$(COMPILE) $$(TREE_LDFLAGS) -Iplugins -fPIC -shared -o $$@ $$< $$(CRYPT_LIBS)
$(1)/postrider-forkserver: $(1)/server/main.o $(call core_objects,$(1))
	$$(LINK) -pie -Wl,--export-dynamic -o $$@ $$^ $$(LIB_LIBS)
$(1)/postrider: $(1)/server/tool_main.o $(call core_objects,$(1))
	$$(LINK) -pie -Wl,--export-dynamic -o $$@ $$^ $$(LIB_LIBS)
$(1)/postrider-sendmail: $(1)/server/sendmail_main.o $(call core_objects,$(1))
	$$(LINK) -pie -Wl,--export-dynamic -o $$@ $$^ $$(LIB_LIBS)
$(1)/postrider-fetch: $(1)/server/fetch_main.o
	$$(LINK) -pie -o $$@ $$^ $$(CURL_LIBS)
$(1)/t/unit/%: $(1)/t/unit/%.o $(call core_objects,$(1))
	$$(LINK) -pie -Wl,--export-dynamic -o $$@ $$^ $$(LIB_LIBS) $$(CHECK_LIBS)
$(1)/t/fuzz/fuzz_%: $(1)/t/fuzz/fuzz_%.o $(2) $(call core_objects,$(1))
	$$(LINK) $(3) -pie -Wl,--export-dynamic -o $$@ $$^ $$(LIB_LIBS)
$(1)/t/bench/%: $(1)/t/bench/%.o $(call core_objects,$(1))
	$$(LINK) -pie -Wl,--export-dynamic -o $$@ $$^ $$(LIB_LIBS) $$(CHECK_LIBS)
endef
$(eval $(call tree,$(BUILD)))
$(eval $(call tree,$(ASAN),$(ASAN)/t/fuzz/replay_main.o))
$(eval $(call tree,$(FUZZ),,-fsanitize=fuzzer))

RELEASE_FILES := $(call core_objects,$(BUILD)) $(call programs,$(BUILD)) $(call plugin_objects,$(BUILD))
ASAN_FILES := $(call core_objects,$(ASAN)) $(call programs,$(ASAN)) $(call plugin_objects,$(ASAN))
UNIT_FILES := $(UNITS:%.c=$(ASAN)/%)
FUZZ_FILES := $(FUZZERS:%.c=$(ASAN)/%)
BENCH_FILES := $(BENCHES:%.c=$(BUILD)/%)

.SECONDARY:
-include $(wildcard $(patsubst %,$(BUILD)/%/*.d,$(ROOMS) plugins plugins/* t/unit t/fuzz t/bench) \
	$(patsubst %,$(ASAN)/%/*.d,$(ROOMS) plugins plugins/* t/unit t/fuzz) $(patsubst %,$(FUZZ)/%/*.d,$(ROOMS) t/fuzz))

# ---- targets ----

.PHONY: all asan deps run check test lint fuzz bench soak fresh install install-sendmail uninstall dist clean distclean help

all: $(RELEASE_FILES)

asan: $(ASAN_FILES) $(UNIT_FILES) $(FUZZ_FILES)

help:
	@echo 'make             build everything into build/'
	@echo 'make run         install what is missing, build, and run a server of your own in RUN_DIR (run/)'
	@echo 'make check       install what is missing, build, and run all tests and the short forms of the rest'
	@echo 'make test        run the tests only; TESTS="NAME..." those whose name holds NAME'
	@echo 'make lint        the checks of the source, the manuals and the samples'
	@echo 'make fuzz        feed mutated input to the parsers, FUZZ_SECONDS=60 each; fails on a crash'
	@echo 'make bench       measure against the floor, and against Postfix when it is installed'
	@echo 'make soak        run under load for an hour; fails on leaks, losses and rising memory'
	@echo 'make fresh       run make check in a bare Debian 12 (as root; needs debootstrap)'
	@echo 'make deps        install the packages that building and testing need (Debian, Ubuntu)'
	@echo 'make install     DESTDIR=, prefix= and the other directories are honoured; make uninstall'
	@echo 'make install-sendmail   the same, with links called sendmail, mailq and newaliases'
	@echo 'make dist        a source archive; make clean; make distclean'
	@echo
	@echo 'CC=clang, CFLAGS=, CPPFLAGS=, LDFLAGS=, BUILD=DIR (build elsewhere), JOBS=N (tests at once),'
	@echo 'CONFIGURE_ARGS=... for the first ./configure (--prefix, --sysconfdir, --localstatedir)'

deps:
	t/deps test

run: all
	@server/init/run-instance $(BUILD)

# Each long-running proof is a program t/NAME/run, which takes --short for its share of `make check`.
proof = $(if $(wildcard t/$(1)/run),POSTRIDER_BUILD=$(abspath $(3)) t/$(1)/run $(2))

check: all asan $(BENCH_FILES)
	POSTRIDER_BUILD=$(ASAN) t/run -j $(JOBS) $(TESTS)
	$(call proof,bench,--short,$(BUILD))
	$(call proof,soak,--short,$(BUILD))

test: all asan
	POSTRIDER_BUILD=$(ASAN) t/run -j $(JOBS) $(TESTS)

lint: all
	POSTRIDER_BUILD=$(BUILD) t/run -j $(JOBS) t/lint

# With libFuzzer where clang has it, else with the damage that t/fuzz/replay_main.c does.
LIBFUZZER = $(shell echo 'int LLVMFuzzerTestOneInput(char *d, long n) { return !d && n; }' | \
	clang -fsanitize=fuzzer -x c -o /dev/null - 2>/dev/null && echo yes)
FUZZ_TREE := $(if $(filter fuzz,$(MAKECMDGOALS)),$(if $(LIBFUZZER),$(FUZZ),$(ASAN)))
fuzz: $(FUZZERS:%.c=$(FUZZ_TREE)/%)
	$(call proof,fuzz,,$(FUZZ_TREE))

bench: all $(BENCH_FILES)
	$(call proof,bench,,$(BUILD))

soak: all asan
	$(call proof,soak,,$(BUILD))

fresh:
	t/fresh

# ---- installation ----

confdir = $(sysconfdir)/postrider
spooldir = $(localstatedir)/spool/postrider
rundir = $(runstatedir)/postrider
statedir = $(localstatedir)/lib/postrider
plugindir = $(libdir)/postrider/plugins
pkgconfigdir = $(libdir)/pkgconfig
initdir = $(sysconfdir)/init.d
unitdir = $(prefix)/lib/systemd/system
sysusersdir = $(prefix)/lib/sysusers.d
tmpfilesdir = $(prefix)/lib/tmpfiles.d
INSTALL = install

SAMPLES := $(shell find conf -type f ! -name '*~' 2>/dev/null)
PAGES := $(wildcard man/*.[1-8] man/plugins/*.[1-8])
page_target = $(DESTDIR)$(mandir)/man$(subst .,,$(suffix $(1)))/$(notdir $(1))
# Files that name installed paths: SOURCE:MODE:TARGET.
FILLED = postrider.pc.in:644:$(pkgconfigdir)/postrider.pc \
	server/init/postrider:755:$(initdir)/postrider \
	server/init/postrider.service:644:$(unitdir)/postrider.service \
	server/init/postrider.sysusers:644:$(sysusersdir)/postrider.conf \
	server/init/postrider.tmpfiles:644:$(tmpfilesdir)/postrider.conf
FILLS = VERSION prefix exec_prefix bindir sbindir libdir includedir sysconfdir confdir spooldir statedir rundir plugindir
FILL = sed $(foreach v,$(FILLS),-e 's|@$(v)@|$($(v))|g')
field = $(word $(2),$(subst :, ,$(1)))
define NEWLINE


endef
each = $(foreach item,$(1),$(call $(2),$(item))$(NEWLINE)	)

install_plugin = $(INSTALL) -D -m 755 $(BUILD)/$(1:.c=.so) $(DESTDIR)$(plugindir)/$(patsubst plugins/%.c,%.so,$(1))
install_page = $(INSTALL) -D -m 644 $(1) $(call page_target,$(1))
install_filled = $(FILL) $(call field,$(1),1) | $(INSTALL) -D -m $(call field,$(1),2) /dev/stdin $(DESTDIR)$(call field,$(1),3)
install_sample = test -e $(DESTDIR)$(confdir)/$(1:conf/%=%) || $(INSTALL) -D -m 644 $(1) $(DESTDIR)$(confdir)/$(1:conf/%=%)

install: all
	$(INSTALL) -D -m 755 $(BUILD)/postrider-forkserver $(DESTDIR)$(sbindir)/postrider-forkserver
	$(INSTALL) -D -m 755 $(BUILD)/postrider $(DESTDIR)$(bindir)/postrider
	$(INSTALL) -D -m 755 $(BUILD)/postrider-sendmail $(DESTDIR)$(sbindir)/postrider-sendmail
	$(INSTALL) -D -m 644 plugins/postrider.h $(DESTDIR)$(includedir)/postrider.h
	$(INSTALL) -D -m 755 $(BUILD)/postrider-fetch $(DESTDIR)$(libdir)/postrider/postrider-fetch
	$(call each,$(PLUGINS),install_plugin)
	$(call each,$(PAGES),install_page)
	$(call each,$(FILLED),install_filled)
	$(call each,$(SAMPLES),install_sample)

# The names that programs know. What is there already, of another mailer, is left, and that is an error.
LINKS = $(sbindir)/sendmail $(bindir)/mailq $(bindir)/newaliases
install_link = ln -s $(sbindir)/postrider-sendmail $(DESTDIR)$(1)
install-sendmail: install
	$(call each,$(LINKS),install_link)

# The configuration and the spool stay.
uninstall:
	rm -f $(DESTDIR)$(sbindir)/postrider-forkserver $(DESTDIR)$(bindir)/postrider $(DESTDIR)$(includedir)/postrider.h
	rm -f $(DESTDIR)$(sbindir)/postrider-sendmail
	for link in $(LINKS:%=$(DESTDIR)%); do case $$(readlink $$link) in *postrider-sendmail) rm -f $$link ;; esac; done
	rm -f $(PLUGINS:plugins/%.c=$(DESTDIR)$(plugindir)/%.so) $(DESTDIR)$(libdir)/postrider/postrider-fetch
	rm -f $(foreach page,$(PAGES),$(call page_target,$(page)))
	rm -f $(foreach item,$(FILLED),$(DESTDIR)$(call field,$(item),3))
	-rmdir $(addprefix $(DESTDIR)$(plugindir)/,$(sort $(patsubst plugins/%/,%,$(filter-out plugins/,$(dir $(PLUGINS)))))) \
		$(DESTDIR)$(plugindir) $(DESTDIR)$(libdir)/postrider

dist:
	git archive --prefix=postrider-$(VERSION)/ -o postrider-$(VERSION).tar.gz HEAD

clean:
	rm -rf $(BUILD)

distclean: clean
	rm -rf build autom4te.cache configure configure~ config.h config.h.in config.h.in~ config.log config.mk config.status
