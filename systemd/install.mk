# `make install` and `make uninstall`: what goes where. Included by the Makefile in the root.
#
# PREFIX and the directories below it are as the GNU conventions name them; DESTDIR goes before all of
# them and into none of the files. Units, sysusers and tmpfiles lie where systemd looks for them below
# both /usr and /usr/local.

PREFIX        ?= /usr/local
BINDIR        ?= $(PREFIX)/bin
LIBDIR        ?= $(PREFIX)/lib
INCLUDEDIR    ?= $(PREFIX)/include
DATADIR       ?= $(PREFIX)/share
MANDIR        ?= $(DATADIR)/man
DOCDIR        ?= $(DATADIR)/doc/futured
PKGCONFIGDIR  ?= $(LIBDIR)/pkgconfig
PLUGINDIR     ?= $(LIBDIR)/futured/plugins
BASHCOMPDIR   ?= $(DATADIR)/bash-completion/completions
ZSHCOMPDIR    ?= $(DATADIR)/zsh/site-functions
SYSTEMUNITDIR ?= $(PREFIX)/lib/systemd/system
USERUNITDIR   ?= $(PREFIX)/lib/systemd/user
SYSUSERSDIR   ?= $(PREFIX)/lib/sysusers.d
# The daemon looks into /etc alone; a tree that is only for trying must not touch it.
SYSCONFDIR    ?= $(if $(filter /usr /usr/local,$(PREFIX)),/etc,$(PREFIX)/etc)
FISHCOMPDIR   ?= $(DATADIR)/fish/vendor_completions.d

# ---- what is made of templates ----------------------------------------------------------
# Anew whenever a directory is another one. In the files of pkg-config directories hang on the prefix,
# so that a tree that was moved can still be used.
below_prefix = $(patsubst $(PREFIX)/%,$${prefix}/%,$(1))
MADE = $(BUILD)/install
$(MADE)/%: FORCE
	@mkdir -p $(@D)
	@sed -e 's|@prefix@|$(PREFIX)|g' -e 's|@bindir@|$(BINDIR)|g' -e 's|@plugindir@|$(PLUGINDIR)|g' \
	    -e 's|@pc_libdir@|$(call below_prefix,$(LIBDIR))|g' \
	    -e 's|@pc_includedir@|$(call below_prefix,$(INCLUDEDIR))|g' \
	    -e 's|@pc_plugindir@|$(call below_prefix,$(PLUGINDIR))|g' \
	    -e 's|@version@|$(VERSION)|g' $(TEMPLATE_$(@F)) >$@.new
	@$(keep_if_same)

TEMPLATE_future.pc         = client/future.pc.in
TEMPLATE_futured-plugin.pc = proto/futured-plugin.pc.in
TEMPLATE_futured.conf      = systemd/system/futured.conf.in
TEMPLATE_futured.service   = systemd/$(notdir $(*D))/futured.service.in

# ---- the table --------------------------------------------------------------------------
# $(call put,MODE,DIRECTORY,FILES) and $(call put_as,MODE,PATH,FILE): entries MODE|SOURCE|PATH.
put    = $(foreach file,$(3),$(1)|$(file)|$(2)/$(notdir $(file)))
put_as = $(1)|$(3)|$(2)
# $(call link_to,TARGET,PATH)
link_to = link|$(1)|$(2)

INSTALL_lib = \
    $(call put,644,$(LIBDIR),$(BUILD)/libfuture.a $(BUILD)/libfuture.so.$(VERSION)) \
    $(call link_to,libfuture.so.$(VERSION),$(LIBDIR)/$(SONAME)) \
    $(call link_to,$(SONAME),$(LIBDIR)/libfuture.so) \
    $(call put,644,$(INCLUDEDIR),client/future.h) \
    $(call put,644,$(PKGCONFIGDIR),$(MADE)/future.pc) \
    $(call put,644,$(MANDIR)/man3,client/future.3)

INSTALL_plugin = \
    $(call put,755,$(PLUGINDIR),$(PLUGINS)) \
    $(call put,644,$(INCLUDEDIR)/futured,proto/plugin.h) \
    $(call put,644,$(PKGCONFIGDIR),$(MADE)/futured-plugin.pc)

INSTALL_programs = \
    $(call put,755,$(BINDIR),$(PROGRAMS)) \
    $(call put,644,$(MANDIR)/man1,client/future.1 client/future-tsp.1) \
    $(call put,644,$(MANDIR)/man8,daemon/futured.8) \
    $(call put,644,$(MANDIR)/man5,daemon/futured.conf.5) \
    $(call put,644,$(MANDIR)/man7,client/future-recipes.7 daemon/future-cluster.7) \
    $(call put,644,$(DOCDIR),README.md LICENSE) \
    $(call put,644,$(DOCDIR)/proto,proto/PROTOCOL.md proto/HANDLER.md proto/WORKER.md proto/PLUGIN.md) \
    $(call put_as,644,$(BASHCOMPDIR)/future,client/completion/future.bash) \
    $(call put_as,644,$(ZSHCOMPDIR)/_future,client/completion/future.zsh) \
    $(call put,644,$(FISHCOMPDIR),client/completion/future.fish)

INSTALL_systemd = \
    $(call put,644,$(SYSTEMUNITDIR),$(MADE)/system/futured.service systemd/system/futured.socket) \
    $(call put,644,$(USERUNITDIR),$(MADE)/user/futured.service systemd/user/futured.socket) \
    $(call put_as,644,$(SYSUSERSDIR)/futured.conf,systemd/system/sysusers.conf) \
    $(call put,644,$(DOCDIR)/examples,systemd/system/handler-only.conf)

# Not laid over what is there, and removed only as it came.
CONFIGURATION = $(SYSCONFDIR)/futured/futured.conf

INSTALL_all = $(INSTALL_systemd) $(INSTALL_programs) $(INSTALL_lib) $(INSTALL_plugin)

# Directories of ours alone, the deepest first: they go when they are empty.
OWN_DIRECTORIES = $(PLUGINDIR) $(LIBDIR)/futured $(INCLUDEDIR)/futured $(DOCDIR)/proto $(DOCDIR)/examples $(DOCDIR) \
                  $(SYSCONFDIR)/futured

# install -D makes directories with mode 0755 whatever the umask, as the daemon wants those of plugins.
define install_entries
set -e; for entry in $(1); do \
    path="$(DESTDIR)$${entry##*|}"; mode="$${entry%%|*}"; entry="$${entry#*|}"; \
    $(if $(V),echo "$$path";) \
    case $$mode in \
    link) ln -sf "$${entry%|*}" "$$path" ;; \
    *) install -D -m "$$mode" "$${entry%|*}" "$$path" ;; \
    esac; \
done
endef

sources_of = $(foreach entry,$(filter-out link|%,$(1)),$(word 2,$(subst |, ,$(entry))))
quoted     = $(patsubst %,'%',$(1))

.PHONY: install install-lib uninstall
install: all $(filter $(MADE)/%,$(call sources_of,$(INSTALL_all))) $(MADE)/futured.conf
	@$(call install_entries,$(call quoted,$(INSTALL_all)))
	@test -e "$(DESTDIR)$(CONFIGURATION)" || \
	    install -D -m 644 $(MADE)/futured.conf "$(DESTDIR)$(CONFIGURATION)"

# The library alone, for those who only write programs.
install-lib: $(LIBFUTURE) $(MADE)/future.pc
	@$(call install_entries,$(call quoted,$(INSTALL_lib)))

uninstall: $(MADE)/futured.conf
	@cmp -s $(MADE)/futured.conf "$(DESTDIR)$(CONFIGURATION)" && \
	    rm "$(DESTDIR)$(CONFIGURATION)" || true
	@for entry in $(call quoted,$(INSTALL_all)); do rm -f "$(DESTDIR)$${entry##*|}"; done
	@for directory in $(OWN_DIRECTORIES); do \
	    rmdir "$(DESTDIR)$$directory" 2>/dev/null || test ! -d "$(DESTDIR)$$directory" || \
	        echo "left: $(DESTDIR)$$directory (not empty)"; \
	done

# ---- the Debian package -------------------------------------------------------------------
.PHONY: deb
deb:
	@tests/support/deps.sh build deb
	@mkdir -p $(BUILD)/deb
	@rm -f $(BUILD)/deb/*.deb $(BUILD)/deb/*.changes $(BUILD)/deb/*.buildinfo
	@systemd/build-deb.sh . $(abspath $(BUILD)/deb) $(VERSION)
