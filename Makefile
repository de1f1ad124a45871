# Grantkeeper. `make` alone lists the targets. Everything that a target needs it builds or installs itself; see hack/.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test verify lint generate bench fuzz build images clean go

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

go:
	@command -v go >/dev/null || { echo "error: Go is not installed or not on PATH; install Go 1.26 or newer from https://go.dev/dl/ and run this again" >&2; exit 1; }

demo: go ## the whole thing on this machine: control plane, operator, server, samples (FRESH=1 forgets the data; PORT=9080)
	@assets=$$(hack/control-plane) && mkdir -p bin && echo "building grantkeeper ..." >&2 && go build -o bin/grantkeeper ./cmd/grantkeeper && \
	exec bin/grantkeeper dev --assets "$$assets" $(if $(FRESH),--fresh) $(if $(PORT),--listen 127.0.0.1:$(PORT)) $(ARGS)

test: go ## every test that this machine can run, tier by tier, and one verdict (TIERS="unit api" for some)
	@hack/test $(TIERS)

verify: go ## generated files, formatting, lint, modules
	@hack/verify

lint: go ## golangci-lint
	@hack/lint

generate: go ## deep copies, CRDs, roles and apply configurations from the types
	@hack/generate

bench: go ## the server against the floor in one run, as ratios; then 10,000 clients on a whole control plane (half an hour)
	@go test -run '^$$' -bench . -benchtime 1x ./test/bench
	@go test -run '^$$' -bench . -benchmem ./server/internal/storage/sqlite ./server/internal/registry
	@go test -run '^$$' -bench . -benchtime 1x -timeout 90m ./test/bench/scale

fuzz: go ## every fuzz target for FUZZTIME each (default 30s)
	@hack/fuzz

build: go ## the three programs, into bin/
	@mkdir -p bin && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o bin ./cmd/operator ./cmd/server ./cmd/grantkeeper

images: build ## container images of operator and server, with docker or what DOCKER names
	@for b in operator server; do $${DOCKER:-docker} build --build-arg BINARY=$$b -t grantkeeper-$$b:dev .; done

clean: ## what was built here; the caches under ~/.cache/grantkeeper stay
	@rm -rf bin dist
