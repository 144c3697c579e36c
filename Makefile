# Each target is a thin wrapper over go; `make` alone lists them.

GO    ?= go
TAGS  := grpcnotrace,disable_grpc_modules
FLAGS := -trimpath -tags $(TAGS)
.DEFAULT_GOAL := help
.PHONY: help build demo test race lint fmt generate update e2e bench fuzz size clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/andon
	@CGO_ENABLED=0 $(GO) build $(FLAGS) -ldflags "-s -w" -o bin/andon ./cmd/andon

demo: build ## build bin/andon and audit the recorded estate of examples/toyota
	@echo "$$ bin/andon audit --replay examples/toyota"
	@bin/andon audit --replay examples/toyota; code=$$?; \
	if [ $$code -eq 5 ]; then echo "make demo: exit 5 is what this estate should give: exposures, and two buckets that could not be read"; \
	else echo "make demo: expected exit 5, got $$code"; exit 1; fi

test: ## run the tests
	$(GO) test -tags $(TAGS) ./...

# The race detector watches what is concurrent: the runner, its pacing and its
# recordings, and the account that collectors share. Nothing here links a large
# SDK, whose race build alone takes minutes.
RACE := ./pkg/... ./providers/aws/account/... ./providers/internal/restapi/... ./providers/gcp/api/... ./providers/gcp/hierarchy/... ./providers/azure/arm/...

race: ## run the tests of the concurrent packages under the race detector
	$(GO) test -race -tags $(TAGS) $(RACE)

# A linter is a large program: it is built once for each version, into a folder
# that .gitignore covers, by the Go that builds andon.
LINTER := .cache/bin/golangci-lint-v2.15.0

$(LINTER):
	@GOBIN=$(CURDIR)/.cache/bin $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
	@mv .cache/bin/golangci-lint $@

lint: $(LINTER) ## check go.mod, vet, and run every linter of .golangci.yml, gofumpt among them
	$(GO) mod tidy -diff
	$(GO) vet -tags $(TAGS),e2e ./...
	$(LINTER) run

fmt: ## lay out the code as gofumpt does
	$(GO) run mvdan.cc/gofumpt@v0.12.0 -w bench cmd e2e examples pkg policies providers

e2e: build ## run bin/andon against moto (python3), beside gcloud and Azurite (node), and the policy engine against a second opinion (node)
	$(GO) test -tags $(TAGS),e2e -count=1 ./e2e
	$(GO) test -tags $(TAGS),e2e -count=1 -v -run '^TestCarried$$' ./e2e
	$(GO) test -tags $(TAGS),e2e -count=1 -v ./e2e/gcloud
	$(GO) test -tags $(TAGS),e2e -count=1 -v ./e2e/azurite
	$(GO) test -tags $(TAGS),e2e -count=1 -v ./e2e/differential

FUZZTIME ?= 30s

fuzz: ## run every fuzz test for FUZZTIME (30s)
	@grep -rl --include='*_test.go' '^func Fuzz' bench cmd pkg policies providers | while read -r file; do \
	for test in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' $$file); do \
	echo "$$test in $$(dirname $$file)"; \
	$(GO) test -tags $(TAGS) -run '^$$' -fuzz "^$$test$$" -fuzztime $(FUZZTIME) ./$$(dirname $$file) || exit 1; \
	done; done

SIZE_LIMIT := 70000000

size: build ## fail when bin/andon is over 70 MB, or not static
	@bytes=$$(wc -c < bin/andon); echo "bin/andon: $$bytes of $(SIZE_LIMIT) bytes"; \
	if [ $$bytes -gt $(SIZE_LIMIT) ]; then \
	echo "make size: too large. The usual culprit is one reachable dynamic method lookup, which keeps every method of every"; \
	echo "cloud client: reflect's Method or MethodByName, text/template, html/template, or a dependency that uses them. Also"; \
	echo "see that the build had its tags ($(TAGS)): without them gRPC brings one in."; exit 1; fi
	@if ldd bin/andon >/dev/null 2>&1 || ! $(GO) version -m bin/andon | grep -q 'CGO_ENABLED=0'; then \
	echo "make size: bin/andon is not static: the container image has no C library to link"; exit 1; fi

bench: build ## judge 1,000,000 stores; collect 10,000 buckets, an estate of 10,000 stores, 500 Google projects and 300 Azure subscriptions at 50 ms an answer; and what is empty
	$(GO) test -tags $(TAGS) -run '^$$' -bench . -benchtime 1x -timeout 30m ./bench
