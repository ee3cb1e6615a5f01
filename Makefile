# Two commands matter: `make run` and `make test`. Everything they need beyond Rust, Node.js, npm, make and git is
# installed by them or asked for in plain words.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

CARGO_FLAGS ?= --locked
VITRINE := target/release/vitrine

.PHONY: help run build web sdk test test-rust test-web test-e2e check bench pictures fuzz audit sbom openapi fmt clean tools tools-check egress

help: ## Show this list.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

run: build ## Build everything and start Vitrine; the last line printed is the URL to open.
	@exec scripts/with-registry-exception $(VITRINE) serve

build: tools web ## Leave target/release/vitrine with the UI and the templates inside it.
	@echo "── building the server (a first build takes some minutes)"
	cargo build --release $(CARGO_FLAGS) -p vitrine-server
	@node scripts/sbom.mjs $(VITRINE).cdx.json

sbom: tools ## Write what a release is made of (CycloneDX) to vitrine.cdx.json; `make build` puts it beside the binary.
	@node scripts/sbom.mjs vitrine.cdx.json

web: tools web/dist/index.html bridge/dist/bridge.js

web/node_modules/.package-lock.json: web/package-lock.json
	@echo "── installing the builder page's packages"
	cd web && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

web/dist/index.html: web/node_modules/.package-lock.json $(shell find sdk/client/src web/src web/public web/index.html web/vite.config.ts -type f 2>/dev/null)
	@echo "── building the builder page"
	cd web && npm run build

sdk/node_modules/.package-lock.json: sdk/package-lock.json
	@echo "── installing the SDK's packages"
	cd sdk && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

sdk: tools sdk/node_modules/.package-lock.json ## Build the SDK and its example.
	cd sdk && npm run build

bridge/node_modules/.package-lock.json: bridge/package-lock.json
	@echo "── installing the bridge's packages"
	cd bridge && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

bridge/dist/bridge.js: bridge/node_modules/.package-lock.json sdk/client/src/bridge.ts $(shell find bridge/src bridge/vite.config.ts bridge/tsconfig.json -type f 2>/dev/null)
	@echo "── building the bridge"
	cd bridge && npm run build

tools: ## Check that what a build needs is there.
	@scripts/require cargo node npm git

test: tools web ## Set up what tests need, and run them all.
	@scripts/time "set-up" scripts/setup-tests
	@scripts/time "rust" $(MAKE) --no-print-directory test-rust
	@scripts/time "web" $(MAKE) --no-print-directory test-web
	@scripts/time "end to end" $(MAKE) --no-print-directory test-e2e
	@scripts/time --summary

test-rust: web
	scripts/with-registry-exception cargo test --workspace $(CARGO_FLAGS)

test-web: web/node_modules/.package-lock.json bridge/node_modules/.package-lock.json sdk/node_modules/.package-lock.json
	cd web && npm run check && npm test
	cd bridge && npm run check && npm test
	cd sdk && npm run check && npm test

test-e2e: web sdk
	cargo build $(CARGO_FLAGS) -p vitrine-server
	cd e2e && npm ci --ignore-scripts --no-audit --no-fund
	scripts/with-registry-exception npm --prefix e2e test

check: tools web sdk/node_modules/.package-lock.json ## Format, lint, dependency policy, house rules.
	cargo fmt --all --check
	cargo clippy --workspace --all-targets $(CARGO_FLAGS) -- -D warnings
	scripts/deny
	node --test scripts/*.test.mjs
	cargo test $(CARGO_FLAGS) -p vitrine-server --test structure
	cd web && npm run check
	cd bridge && npm run check
	cd sdk && npm run check

bench: build ## Measure F1 to F13 beside their peers (F7 needs wrk and nginx); results in bench/results/.
	cd bench && npm ci --ignore-scripts --no-audit --no-fund
	VITRINE_BINARY=$(CURDIR)/$(VITRINE) scripts/with-registry-exception node bench/run.mjs

audit: tools ## Ask what is known against what we ship (RustSec, npm); says so when it cannot be asked.
	scripts/deny
	node scripts/audit.mjs

pictures: build ## Take the pictures of the README and the docs from the real product.
	cd e2e && npm ci --ignore-scripts --no-audit --no-fund
	VITRINE_BINARY=$(CURDIR)/$(VITRINE) scripts/with-registry-exception node scripts/screenshots.mjs

fuzz: ## Look for inputs that break a parser, FUZZ_SECS (60) for each target (needs a C++ compiler).
	scripts/fuzz

openapi: web ## Write openapi.json anew.
	UPDATE_OPENAPI=1 cargo test $(CARGO_FLAGS) -p vitrine-server openapi

fmt: ## Format everything.
	cargo fmt --all
	cd web && npm run format
	cd sdk && npm run format

clean: ## Remove what builds made (not the data directory).
	rm -rf target web/dist web/node_modules bridge/dist bridge/node_modules sdk/*/dist sdk/examples/*/dist sdk/node_modules \
		e2e/node_modules bench/node_modules
