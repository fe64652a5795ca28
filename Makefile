# futured: the build. `make help` lists what can be asked for.

# ---- Settings -------------------------------------------------------------------------
# MODE picks a kind of build; each kind has its own folder, so that they never mix.
MODE  ?= release
BUILD ?= $(if $(filter release,$(MODE)),build,build/$(MODE))
O      = $(BUILD)/obj

# Warnings stop the build where nobody looks at them: in CI.
WERROR ?= $(if $(filter true,$(CI)),1)

WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
           -Wcast-qual -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wconversion \
           -Wno-sign-conversion $(if $(WERROR),-Werror)

MODE_release  = -O2 -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
MODE_debug    = -O0
MODE_asan     = $(SANITIZED) -fsanitize=address,undefined -fno-sanitize-recover=all
MODE_tsan     = $(SANITIZED) -fsanitize=thread
MODE_coverage = -O0 --coverage
# For clang: what libFuzzer needs in the code that it explores.
MODE_fuzz     = $(MODE_asan) -fsanitize=fuzzer-no-link
# What the sanitizers add to the code leads gcc's flow analysis astray.
SANITIZED     = -O1 -fno-omit-frame-pointer \
                $(if $(findstring clang,$(CC)),,-Wno-maybe-uninitialized)
MODES         = release debug asan tsan coverage fuzz
$(if $(filter $(MODE),$(MODES)),,$(error MODE=$(MODE) is unknown, it is one of: $(MODES)))

# CFLAGS, CPPFLAGS and LDFLAGS are left to the caller; what the code needs stands here.
ALL_CFLAGS   = -std=gnu11 -g -pthread -fPIE $(MODE_$(MODE)) $(WARNINGS) $(DEP_CFLAGS) $(CFLAGS)
ALL_CPPFLAGS = -I. -D_GNU_SOURCE -DHAVE_SYSTEMD=$(HAVE_SYSTEMD) $(CPPFLAGS)
ALL_LDFLAGS  = -pthread -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(MODE_$(MODE)) $(LDFLAGS)

# ---- What is built --------------------------------------------------------------------
# One static archive a layer. A test links only the layers that it names, so a call to a
# layer above its own does not link.
LAYERS    = base proto core run store rpc net
DIR_base  = daemon/base
DIR_proto = proto
DIR_core  = daemon/core
DIR_run   = daemon/run
DIR_store = daemon/store
DIR_rpc   = daemon/rpc
DIR_net   = daemon/net

# V=1 shows every command.
say = $(if $(V),,@printf '  %-4s %s\n' $(1) $@;)

# Moves $@.new to $@ where it differs, so that what depends on it is remade only then.
keep_if_same = if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

objects  = $(patsubst %.c,$O/%.o,$(sort $(wildcard $(1)/*.c)))
archives = $(patsubst %,$(BUILD)/lib%.a,$(1))

DAEMON_OBJECTS = $(call objects,daemon)
CLIENT_OBJECTS = $(foreach dir,cli commands map show top completion,$(call objects,client/$(dir)))
# The scripts for completion are in the program: `future completion` prints them.
COMPLETION     = $(patsubst %,$O/client/completion/future.%.o,bash zsh fish)
TSP_OBJECTS    = $(call objects,client/tsp) $O/client/cli/parse.o $O/client/cli/spawn.o \
                 $O/client/cli/standard_fds.o
PROGRAMS       = $(if $(DAEMON_OBJECTS),$(BUILD)/futured) $(if $(CLIENT_OBJECTS),$(BUILD)/future) \
                 $(BUILD)/future-tsp
PLUGINS        = $(patsubst daemon/plugins/%.c,$(BUILD)/plugins/%.so,$(wildcard daemon/plugins/*.c))
TEST_PLUGINS   = $(patsubst tests/support/plugins/%.c,$(BUILD)/tests/plugins/%.so,\
                 $(wildcard tests/support/plugins/*.c))

# The library: one for the linker, one for programs that run. The last part of its file's name is the
# version; the soname changes when programs must be built anew.
VERSION        = $(shell sed -n 's/.*FUTURED_VERSION "\(.*\)"/\1/p' proto/version.h)
SONAME         = libfuture.so.0
LIBFUTURE      = $(BUILD)/libfuture.a $(BUILD)/libfuture.so

# `make check T=test_frame` builds and runs only what carries that in its name; T=unit/ the unit
# tests, which do without the programs.
T            ?=
selected      = $(sort $(if $(T),$(foreach test,$(1),$(if $(findstring $(T),$(test)),$(test))),$(1)))
UNIT_TESTS    = $(patsubst %.c,$(BUILD)/%,$(call selected,$(wildcard tests/unit/test_*.c)))
WIRE_TESTS    = $(patsubst %.c,$(BUILD)/%,$(call selected,$(wildcard tests/integration/test_*.c)))
# A whole systemd is booted for what is installed; that sanitized programs run there shows nothing
# new, and their slowness upsets it.
BOOT_TESTS    = $(if $(filter asan tsan coverage,$(MODE)),tests/integration/test_service.sh \
                tests/integration/test_package.sh)
SHELL_TESTS   = $(filter-out $(BOOT_TESTS),$(call selected,$(wildcard \
                tests/support/test_*.sh tests/integration/test_*.sh)))
FUZZERS       = $(patsubst %.c,$(BUILD)/%,$(call selected,$(wildcard tests/fuzz/fuzz_*.c)))
SUPPORT       = $(BUILD)/libtestsupport.a
SUPERVISE     = $(BUILD)/tests/supervise
TERMINAL      = $(BUILD)/tests/terminal
PUPPET        = $(BUILD)/tests/puppet
FAULTS        = $(BUILD)/tests/faults.so
VALGRIND      = $(BUILD)/tests/valgrind_clone.so

.DEFAULT_GOAL := all
.PHONY: all
all: $(PROGRAMS) $(LIBFUTURE) $(PLUGINS)

# ---- Dependencies ---------------------------------------------------------------------
# config.mk holds what pkg-config says. It is remade first, and on the way installs the
# packages that are missing; make then starts over with the answers.
NO_CONFIG = clean help deps deps-ci check-layers deb
ifneq ($(filter-out $(NO_CONFIG),$(or $(MAKECMDGOALS),all)),)
include $(BUILD)/config.mk
endif

$(BUILD)/config.mk: FORCE
	@tests/support/deps.sh build
	@mkdir -p $(@D)
	@tests/support/config.sh >$@.new
	@$(keep_if_same)

.PHONY: deps deps-ci
deps:
	@tests/support/deps.sh build
deps-ci:
	@tests/support/deps.sh build ci

# ---- Compiling and linking ------------------------------------------------------------
# The stamp changes with the compiler and its flags; every object and program hangs on it.
STAMP := $(BUILD)/flags
$(STAMP): FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS)' >$@.new
	@$(keep_if_same)

$O/%.o: %.c $(STAMP)
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# $(1): a layer. The archive is made anew, so that an object whose source is gone goes too.
define layer_rule
$(BUILD)/lib$(1).a: $(call objects,$(DIR_$(1))) $(BUILD)/members-$(1)
	@rm -f $$@
	$$(call say,AR)$(AR) rcs $$@ $$(filter %.o,$$^)
$(BUILD)/members-$(1): FORCE
	@mkdir -p $$(@D)
	@echo '$(call objects,$(DIR_$(1)))' >$$@.new
	@$$(keep_if_same)
endef
$(foreach layer,$(LAYERS),$(eval $(call layer_rule,$(layer))))

link = $(call say,LD)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o %.a,$^)

$(BUILD)/futured: $(DAEMON_OBJECTS) $(call archives,net rpc run store core proto base) $(STAMP)
	$(link) $(DAEMON_LIBS)

$(BUILD)/future: $(CLIENT_OBJECTS) $(COMPLETION) $(call archives,future proto) $(STAMP)
	$(link) $(CLIENT_LIBS) $(CURSES_LIBS)

$O/client/completion/%.o: client/completion/% $(STAMP)
	@mkdir -p $(@D)
	$(call say,BIN)$(LD) -r -b binary -z noexecstack -o $@ $<

$(BUILD)/future-tsp: $(TSP_OBJECTS) $(call archives,future proto) $(STAMP)
	$(link) $(CLIENT_LIBS)

# libfuture is one object, with what it needs of proto/ inside, in which every name but those of its
# API is local: so it gets into nobody's way, and nobody can lean on its inside.
PIC_LIBRARY = $(patsubst %.c,$O/pic/%.o,$(sort $(wildcard client/lib/*.c)))
PIC_PROTO   = $(patsubst %.c,$O/pic/%.o,$(sort $(wildcard proto/*.c)))

$O/pic/%.o: %.c $(STAMP)
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -fPIC -fvisibility=hidden -MMD -MP -c -o $@ $<

$O/pic/libproto.a: $(PIC_PROTO) $(BUILD)/members-proto
	@rm -f $@
	$(call say,AR)$(AR) rcs $@ $(PIC_PROTO)

$O/pic/libfuture.o: $(PIC_LIBRARY) $O/pic/libproto.a $(BUILD)/members-libfuture
	$(call say,LD)$(LD) -r -o $@ $(PIC_LIBRARY) $O/pic/libproto.a
	@objcopy --localize-hidden $@

$(BUILD)/members-libfuture: FORCE
	@mkdir -p $(@D)
	@echo '$(PIC_LIBRARY)' >$@.new
	@$(keep_if_same)

$(BUILD)/libfuture.a: $O/pic/libfuture.o
	@rm -f $@
	$(call say,AR)$(AR) rcs $@ $^

$(BUILD)/libfuture.so.$(VERSION): $O/pic/libfuture.o client/lib/libfuture.map $(STAMP)
	$(call say,SO)$(CC) -shared -Wl,-soname,$(SONAME) -Wl,--version-script=client/lib/libfuture.map \
	    $(filter-out -pie,$(ALL_LDFLAGS)) -o $@ $< $(CLIENT_LIBS)

$(BUILD)/libfuture.so: $(BUILD)/libfuture.so.$(VERSION)
	@ln -sf $(<F) $(BUILD)/$(SONAME)
	@ln -sf $(SONAME) $@

# A plugin is one file; what it is linked with beside jansson stands in config.mk. Nobody else may
# write to it, whatever the umask: the daemon would refuse it. It must not need the daemon's symbols.
PLUGIN_LDFLAGS = -shared -fPIC -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS) \
                 $(if $(filter asan tsan,$(MODE)),,-Wl,-z,defs)
plugin = $(call say,SO)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -fvisibility=hidden -MMD -MP -MT $@ \
             -MF $(@:.so=.d) $(PLUGIN_LDFLAGS) -o $@ $< $(PLUGIN_LIBS_$*) $(PLUGIN_LIBS)

$(BUILD)/plugins/%.so: daemon/plugins/%.c $(STAMP)
	@mkdir -p $(@D)
	$(plugin)
	@chmod go-w $@ $(@D)

$(BUILD)/tests/plugins/%.so: tests/support/plugins/%.c $(STAMP)
	@mkdir -p $(@D)
	$(plugin)

# ---- Tests ----------------------------------------------------------------------------
# A unit test says in its first lines what it is linked with, leftmost first:
#     /* layers: core base */
#     /* extra: tests/support/x.c */
.SECONDEXPANSION:
header_line = $(shell sed -n '1,10s|^/\* $(1): *\(.*[^ ]\) *\*/$$|\1|p' $(2))
unit_needs  = $(patsubst %.c,$O/%.o,$(call header_line,extra,$(1))) \
              $(call archives,$(call header_line,layers,$(1)))

$(BUILD)/tests/unit/%: $O/tests/unit/%.o $O/tests/support/suite.o \
    $$(call unit_needs,tests/unit/$$*.c) $(STAMP)
	@mkdir -p $(@D)
	$(link) $(TEST_LIBS) $(DAEMON_LIBS)

# `private`, so that nothing else is linked, or compiled anew, because of it.
$(BUILD)/tests/unit/test_libfuture_memory: private LDFLAGS += \
    -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
$(BUILD)/tests/unit/test_pool_progress: private LDFLAGS += \
    -Wl,--wrap=pthread_cond_signal,--wrap=pthread_cond_timedwait
$(BUILD)/tests/unit/test_rpc_memory $(BUILD)/tests/unit/test_rpc_stored: private LDFLAGS += \
    -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=reallocarray,--wrap=strdup,--wrap=strndup \
    -Wl,--wrap=json_loadb,--wrap=pthread_create,--wrap=eventfd

# A target of the fuzzer. Where it is not built for that it takes the inputs that are kept.
FUZZ_MAIN = $(if $(filter fuzz,$(MODE)),,$O/tests/fuzz/replay.o)
$(BUILD)/tests/fuzz/fuzz_%: $O/tests/fuzz/fuzz_%.o $$(call unit_needs,tests/fuzz/fuzz_$$*.c) \
    $$(FUZZ_MAIN) $(STAMP)
	@mkdir -p $(@D)
	$(link) $(if $(FUZZ_MAIN),,-fsanitize=fuzzer) $(DAEMON_LIBS)

# The others talk to the real daemon and know nothing of its inside.
$(BUILD)/tests/integration/%: $O/tests/integration/%.o $(SUPPORT) $(BUILD)/libproto.a $(STAMP)
	@mkdir -p $(@D)
	$(link) $(TEST_LIBS) $(CLIENT_LIBS)

# It looks into the database that a kill has left.
$(BUILD)/tests/integration/test_kill: private CLIENT_LIBS += $(SQLITE_LIBS)

# Those of the library use it as any program does.
$(BUILD)/tests/integration/test_lib%: $O/tests/integration/test_lib%.o $(SUPPORT) \
    $(BUILD)/libproto.a $(BUILD)/libfuture.so $(STAMP)
	@mkdir -p $(@D)
	$(link) -L$(BUILD) -lfuture -Wl,-rpath,$(abspath $(BUILD)) $(TEST_LIBS) $(CLIENT_LIBS)

SUPPORT_OBJECTS = $(patsubst %,$O/tests/support/%.o,daemon client json gate text deadline fixture \
                  suite)
$(SUPPORT): $(SUPPORT_OBJECTS)
	@rm -f $@
	$(call say,AR)$(AR) rcs $@ $^

$(SUPERVISE) $(TERMINAL): $(BUILD)/tests/%: $O/tests/support/%.o $(STAMP)
	@mkdir -p $(@D)
	$(link)

# A handler for the tests. Without sanitizers in any mode: it is not what is tested.
$(PUPPET): tests/support/puppet.c $(STAMP)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) -std=gnu11 -O1 -g $(WARNINGS) $(ALL_CPPFLAGS) $(DEP_CFLAGS) -o $@ $< $(CLIENT_LIBS)

# Loaded before the C library, so not sanitized either.
$(FAULTS): tests/support/faults.c tests/support/faults.h $(STAMP)
	@mkdir -p $(@D)
	$(call say,SO)$(CC) -std=gnu11 -O1 -g -shared -fPIC $(WARNINGS) $(ALL_CPPFLAGS) -o $@ $<

$(VALGRIND): tests/support/valgrind_clone.c $(STAMP)
	@mkdir -p $(@D)
	$(call say,SO)$(CC) -std=gnu11 -O1 -g -shared -fPIC $(WARNINGS) $(ALL_CPPFLAGS) -o $@ $<

# Sanitized programs are several times slower; they get the time.
SLOWER        = $(if $(filter asan tsan coverage debug,$(MODE)),4,1)
# Tests wait more than they compute.
TEST_JOBS    ?= $(shell echo $$((2 * $$(nproc 2>/dev/null || echo 2))))
TEST_TIMEOUT ?= $(shell echo $$((120 * $(SLOWER))))

.PHONY: tests check check-layers
tests: $(if $(WIRE_TESTS)$(SHELL_TESTS),$(PROGRAMS) $(LIBFUTURE)) $(PLUGINS) $(TEST_PLUGINS) \
       $(UNIT_TESTS) $(WIRE_TESTS) $(FUZZERS) $(SUPERVISE) $(TERMINAL) $(PUPPET) $(FAULTS)

check: tests
	@BUILD='$(BUILD)' MODE='$(MODE)' TEST_JOBS='$(TEST_JOBS)' TEST_TIMEOUT='$(TEST_TIMEOUT)' \
	    CK_TIMEOUT_MULTIPLIER='$(SLOWER)' \
	    tests/support/run-tests $(UNIT_TESTS) $(FUZZERS) $(WIRE_TESTS) $(SHELL_TESTS)

# What needs a Slurm: two nodes on this one machine, as root. It says so where it cannot be run.
.PHONY: check-cluster
check-cluster: all $(SUPERVISE)
	@BUILD='$(BUILD)' MODE='$(MODE)' tests/support/check-cluster

# The unit tests and one life of the daemon under valgrind. It gives a child a copy of the memory that
# clone shares, so how an exec has failed is not seen there: those that are about that are left out.
MEMCHECK_TESTS = $(filter-out %/test_process %/test_command %/test_command_stop %/test_handler \
                 %/test_handler_life,$(UNIT_TESTS)) \
                 $(call selected,tests/support/memcheck-session.sh)
.PHONY: memcheck
memcheck: tests $(VALGRIND)
	@BUILD='$(BUILD)' MODE=memcheck TEST_JOBS='$(TEST_JOBS)' TEST_TIMEOUT=900 \
	    CK_TIMEOUT_MULTIPLIER=15 tests/support/run-tests $(MEMCHECK_TESTS)

# The tests at full size, and where no sanitizer is in the way also under valgrind.
.PHONY: check-long
check-long: tests
	@FUTURED_LONG=1 $(MAKE) check TEST_TIMEOUT=$$((1800 * $(SLOWER)))
	$(if $(filter release debug,$(MODE)),@$(MAKE) memcheck)

# Made-up inputs for everything that reads what others wrote; needs clang (make deps-ci). What is
# found on the way stays in build/fuzz/found, for the next run to go on from. T chooses targets.
FUZZ_RUNS ?= 1000000
.PHONY: fuzz fuzz-smoke fuzzers
fuzz fuzz-smoke:
	@$(MAKE) MODE=fuzz CC=clang BUILD=build/fuzz fuzzers
	@tests/support/fuzz.sh $(if $(filter fuzz,$@),$(FUZZ_RUNS),smoke) \
	    $(patsubst $(BUILD)/%,build/fuzz/%,$(FUZZERS))

fuzzers: $(FUZZERS)

# What the claims about speed rest on: ratios of things that take turns in one run. BENCH=exec for one
# entry of tests/bench/entries, BENCH_FLAGS for options of tests/bench/run.
BENCH          ?=
BENCH_FLAGS    ?=
BENCH_PROGRAMS  = $(patsubst %,$(BUILD)/bench/%,load pool queues echo_server tiny sqlite_commit \
                  $(if $(HIREDIS_LIBS),redis))
.PHONY: bench bench-deps
bench-deps:
	@tests/support/deps.sh bench || echo 'bench: the table will say which peers are missing'
bench: bench-deps
	@$(MAKE) --no-print-directory bench-programs
	@tests/bench/run --build '$(BUILD)' $(BENCH_FLAGS) $(BENCH)
.PHONY: bench-programs
bench-programs: all $(BENCH_PROGRAMS)

# What one future costs, counted and held against tests/bench/budget.
.PHONY: cost
cost: all $(VALGRIND) $(BUILD)/bench/load $(BUILD)/bench/tiny
	@tests/bench/cost --build '$(BUILD)'

BENCH_LIBS_echo_server   = $(DAEMON_LIBS)
BENCH_LIBS_redis         = $(HIREDIS_LIBS)
BENCH_LIBS_sqlite_commit = $(SQLITE_LIBS)
$(BUILD)/bench/%: $O/tests/bench/%.o $O/tests/bench/bench.o $(STAMP)
	@mkdir -p $(@D)
	$(link) $(BENCH_LIBS_$*)

$(BUILD)/bench/tiny: tests/bench/tiny.c
	@mkdir -p $(@D)
	$(call say,LD)$(CC) -O2 -static -nostdlib -o $@ $<

check-layers:
	@tests/support/check-layers .

.PHONY: lint
lint: check-layers
	@CPPFLAGS='$(ALL_CPPFLAGS) -Iclient' DEP_CFLAGS='$(DEP_CFLAGS)' tests/support/lint.sh

.PHONY: coverage
coverage:
	@$(MAKE) MODE=coverage BUILD=build/coverage check
	@tests/support/coverage.sh build/coverage

# ---- The rest -------------------------------------------------------------------------
.PHONY: run
run: all
	@PATH="$(abspath $(BUILD)):$$PATH" tests/support/first-run.sh

include systemd/install.mk

.PHONY: clean
clean:
	rm -rf build

.PHONY: help
help:
	@echo 'make                builds build/futured (the daemon), build/future (the client), libfuture'
	@echo 'make run            a first session with a private daemon, to watch'
	@echo 'make check          builds and runs all tests (T=frame: those with "frame" in their name)'
	@echo 'make check-long     the same at full size, and then make memcheck'
	@echo 'make check-cluster  pools on a Slurm of two nodes on this machine, which it installs (as root)'
	@echo 'make memcheck       unit tests and a session of the daemon under valgrind'
	@echo 'make fuzz           made-up inputs, FUZZ_RUNS for each target (fuzz-smoke: some seconds each)'
	@echo 'make bench          ratios to the limits of the machine and to peers, which it installs (BENCH=exec: one)'
	@echo 'make cost           instructions and allocations for one future, against tests/bench/budget'
	@echo 'make lint           layers, format, cppcheck, clang-tidy, shellcheck (after: make deps-ci)'
	@echo 'make coverage       line coverage of daemon/ and proto/ by the tests'
	@echo 'make install        installs everything below DESTDIR and PREFIX (/usr/local); install-lib: libfuture'
	@echo 'make uninstall      removes what make install has put there, and nothing else'
	@echo 'make deb            builds Debian packages in build/deb (after: make deps)'
	@echo 'make deps           installs the Debian packages that are missing (deps-ci: those of lint too)'
	@echo 'make clean          removes build/'
	@echo
	@echo 'MODE=$(MODE)  one of: $(MODES); BUILD=$(BUILD)  where to; WERROR=1  warnings are errors'

.PHONY: FORCE
FORCE:

.SECONDARY:
# What each object was made from last time, as the compiler has told.
COMPILED_DIRS = $(foreach layer,$(LAYERS),$(DIR_$(layer))) \
                tests/unit tests/integration tests/fuzz tests/support tests/bench
-include $(patsubst %.o,%.d,$(foreach dir,$(COMPILED_DIRS),$(call objects,$(dir))) \
    $(DAEMON_OBJECTS) $(CLIENT_OBJECTS) $(TSP_OBJECTS) $(PIC_LIBRARY) $(PIC_PROTO)) \
    $(patsubst %.so,%.d,$(PLUGINS) $(TEST_PLUGINS))
