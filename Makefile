# `make demo` shows what git-dkr does, `make test` tests it: both prepare the machine they need. `make` lists the rest.

# /usr/local where we may write there, else where a user's own programs live
ifeq ($(shell id -u),0)
PREFIX ?= /usr/local
else
PREFIX ?= $(HOME)/.local
endif
BINDIR = $(DESTDIR)$(PREFIX)/bin
SHARE = $(DESTDIR)$(PREFIX)/share

RELEASE = $(or $(CARGO_TARGET_DIR),target)/release
BINARY = $(RELEASE)/git-dkr

# what `make install` puts down, so that `make uninstall` takes away the same
INSTALLED = \
	$(BINDIR)/git-dkr \
	$(SHARE)/man/man1/git-dkr.1 \
	$(SHARE)/bash-completion/completions/git-dkr \
	$(SHARE)/zsh/site-functions/_git-dkr \
	$(SHARE)/fish/vendor_completions.d/git-dkr.fish

# rustup's folder is not on the PATH of the shell that has just installed it
export PATH := $(PATH):$(HOME)/.cargo/bin

.PHONY: help build demo test test-all compile engines test-user test-podman test-modern lint fuzz bench docs reference pictures install uninstall cargo prepare prepare-podman

help: ## list the targets
	@echo 'make TARGET'
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1|\2/p' Makefile | while IFS='|' read -r t d; do printf '%-12s %s\n' "$$t" "$$d"; done

build: cargo ## build the release binary
	cargo build --release

demo: cargo ## see the main job run for real, on this repository or on REPO=path
	@scripts/demo

# Tests wait for an engine and for git as well: two for each processor keep it busy.
export RUST_TEST_THREADS ?= $(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN))))

test: cargo ## run the tests; DKR_TEST_ENGINE=none leaves out those that need an engine
	@$(MAKE) --no-print-directory -j2 compile engines
	cargo test
ifneq ($(DKR_TEST_ENGINE),none)
ifeq ($(shell id -u),0)
	@$(MAKE) --no-print-directory test-user
endif
	@$(MAKE) --no-print-directory test-podman PODMAN_TESTS='$(PODMAN_$(TEST_PODMAN))'
	@$(MAKE) --no-print-directory test-modern MODERN_TESTS='$(MODERN_$(TEST_MODERN))'
endif

# Which of the tests below `make test` runs: MOST, MORE or ALL.
TEST_USER = MOST
TEST_PODMAN = MOST
TEST_MODERN = MOST

test-all: ## run every test on docker, podman and a modern Docker: the better part of an hour
	@DKR_CAMPAIGN_ROUNDS=20 $(MAKE) --no-print-directory test TEST_USER=ALL TEST_PODMAN=ALL TEST_MODERN=ALL

# Compiling takes the processors, and preparing the engines the network.
compile: cargo
	cargo test --no-run

engines: prepare
ifneq ($(DKR_TEST_ENGINE),none)
	@$(MAKE) --no-print-directory prepare-podman
	@scripts/modern fetch
endif

# What differs for a user who is not root: the files that reach containers, and who may write where.
AS_USER = 'target."cfg(unix)".runner="scripts/as-user"'
USER_MOST = image::owners:: image::start::a_push_lands image::start::a_random image::start::what_leads \
	image::start::the_newest image::start::whoever image::start::claude image::push::a_plain image::push::a_refusal \
	image::push::two_containers image::create::labels image::update::one_layer cli::doctor::the_way hooks::events:: \
	hooks::command::automatic image::networks::fetches image::sandbox::work image::container_users::an_agent \
	image::container_users::what container::saving::work container::kills::keeper
USER_ALL = image:: container:: hooks:: cli::
USER_TESTS = $(USER_$(TEST_USER))

test-user: cargo prepare ## run the main paths as an ordinary user, where root runs the tests
	cargo test --config $(AS_USER) --test it -- $(USER_TESTS)

# Podman takes several times as long as docker: `make test` runs what touches an engine most.
PODMAN_MOST = image::podman:: image::create::labels image::update::one_layer image::update::only_changed \
	image::interrupted::sigint image::interrupted::waiting image::start::a_push_lands layers::stacks::an_agent_is \
	layers::build::two_at_once image::networks::fetches image::container_users::an_agent image::sandbox::work \
	container::saving::work
PODMAN_MORE = $(PODMAN_MOST) image::create:: image::update:: image::interrupted:: layers::stacks::an_agent \
	layers::stacks::two layers::stacks::layers
PODMAN_ALL = image:: container:: layers::stacks:: layers::build::
PODMAN_TESTS = $(PODMAN_ALL)
# Without root, as an ordinary user has it.
PODMAN_USER = image::start::a_push_lands image::create::labels

test-podman: cargo prepare-podman ## run the tests of the main job and of layers on podman, or PODMAN_TESTS=...
	DKR_TEST_ENGINE=podman cargo test --test it -- $(PODMAN_TESTS)
ifeq ($(shell id -u),0)
	DKR_TEST_ENGINE=podman cargo test --config $(AS_USER) --test it -- $(PODMAN_USER)
endif

# A Docker of today, beside the machine's own: `make test` runs what touches an engine most.
MODERN_MOST = image::modern:: image::interrupted::sigint image::interrupted::ctrl_c image::interrupted::an_update \
	image::chains::when_more image::create::labels image::create::no_key image::records::one_that_is \
	image::update::one_layer image::update::only_changed image::nearest::a_second_create image::start::a_push_lands \
	image::list::both image::networks::fetches image::networks::a_relay image::sandbox:: image::container_users::an_agent \
	container::saving::work
MODERN_MORE = $(MODERN_MOST) image::interrupted:: image::chains:: image::records::one_that
MODERN_ALL = image:: container::
MODERN_TESTS = $(MODERN_ALL)

test-modern: cargo prepare ## run the tests of the main job on a modern Docker, or MODERN_TESTS=...
	scripts/modern run cargo test --test it -- $(MODERN_TESTS)

lint: cargo ## check formatting, clippy and the links in doc comments
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --quiet --no-deps --document-private-items

fuzz: cargo ## give noise to what reads files of others, a minute for each target
	@command -v c++ >/dev/null || scripts/apt-install g++
	scripts/fuzz

bench: cargo prepare ## measure what we claim about speed
	cargo bench

docs: ## build the manual as a book, in target/book; needs mdBook
	@command -v mdbook >/dev/null || { \
		echo 'The manual is a book of mdBook, and there is no mdbook on the PATH.' >&2; \
		echo 'hint: cargo install mdbook; without it, docs/ reads well as it is: begin with docs/guide.md' >&2; exit 1; }
	mdbook build docs
	@echo 'The manual is in target/book: open target/book/index.html'

reference: cargo ## write the pages of docs/reference anew, from the code
	SNAPSHOTS=overwrite cargo test --quiet --test it manual::reference::

pictures: cargo prepare ## record the session in the README anew
	cargo test --quiet --test it -- --ignored manual::pictures::

# Built first where there is a cargo; `make build && sudo make install` works too, with root having none.
install: ## install the binary, man page and completions; PREFIX=/usr/local or ~/.local, DESTDIR
	@if command -v cargo >/dev/null; then cargo build --release; \
	elif [ ! -x $(BINARY) ]; then echo 'There is no cargo here and nothing is built. hint: make build first' >&2; exit 1; fi
	@mkdir -p $(RELEASE)/share
	$(BINARY) man >$(RELEASE)/share/git-dkr.1
	for shell in bash zsh fish; do $(BINARY) completions $$shell >$(RELEASE)/share/$$shell || exit 1; done
	install -d $(sort $(dir $(INSTALLED)))
	install -m 755 $(BINARY) $(word 1,$(INSTALLED))
	install -m 644 $(RELEASE)/share/git-dkr.1 $(word 2,$(INSTALLED))
	install -m 644 $(RELEASE)/share/bash $(word 3,$(INSTALLED))
	install -m 644 $(RELEASE)/share/zsh $(word 4,$(INSTALLED))
	install -m 644 $(RELEASE)/share/fish $(word 5,$(INSTALLED))
	@case ":$$PATH:" in *":$(PREFIX)/bin:"*) ;; *) echo 'hint: $(PREFIX)/bin is not on your PATH' ;; esac
	@case $(PREFIX) in /usr | /usr/local) ;; *) echo 'hint: zsh needs fpath+=$(PREFIX)/share/zsh/site-functions before compinit' ;; esac

uninstall: ## remove what install put there
	rm -f $(INSTALLED)

cargo:
	@command -v cargo >/dev/null || { \
		echo 'Building git-dkr takes Rust 1.89 or later, and there is no cargo on the PATH.' >&2; \
		echo 'hint: install Rust with rustup, or with your package manager if that has 1.89' >&2; exit 1; }
	@command -v cc >/dev/null || scripts/apt-install gcc libc6-dev

prepare:
	@scripts/test-tools
ifneq ($(DKR_TEST_ENGINE),none)
	@scripts/engine >/dev/null
	@scripts/base-image
endif

prepare-podman:
	@scripts/test-tools
	@scripts/engine podman >/dev/null
	@scripts/base-image podman
