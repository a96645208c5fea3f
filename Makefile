# Everything that one does to the source, each as .ci/run does it. `make` alone lists it.

GO    ?= go
TOOL  := $(GO) tool -modfile=scripts/tools/go.mod

TIMEOUT   ?= 14m
FUZZTIME  ?= 10s
COUNT     ?= 6
TRIALS    ?= 300
FLIPS     ?= 300
HISTORIES ?= 10000
TENANTS   ?= 10000
LEASES    ?= 1000000
POLICIES  ?= 25
INSTANCES ?= 20
CHAOS     ?= 3600
CHECKS    ?= 300
TARGETS   ?= 10000
SIMULATE  ?= 1000
HERD      ?= 10000
CLOCKS    ?= 3
BENCH     ?= .
UNIT      ?= cpu-ns/op
PKG       ?= ./...

.DEFAULT_GOAL := help

.PHONY: help
help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/muster, static and with the revision in it
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=auto -o bin/muster ./cmd/muster

.PHONY: test
test: ## Run all tests with the race detector, those with real processes too
	$(GO) test -race -timeout $(TIMEOUT) ./...
	$(GO) test -timeout $(TIMEOUT) -run CalledAnew ./cluster
	$(GO) test -timeout $(TIMEOUT) ./test/simulation

.PHONY: test-short
test-short: ## Run the tests that take a moment
	$(GO) test -short -timeout 2m ./...

.PHONY: integration
integration: ## Run only the tests with real processes
	$(GO) test -race -count=1 -v -timeout $(TIMEOUT) ./test/integration/...

.PHONY: trials
trials: ## Kill nodes, freeze them, cut their power and restart them TRIALS times each, under load, and with TENANTS leases
	MUSTER_TRIALS=$(TRIALS) MUSTER_TENANTS=$(TENANTS) $(GO) test -count=1 -v -timeout 6h ./test/trials

.PHONY: chaos
chaos: ## Do to a cluster whatever a bad night does, for CHAOS seconds, and judge what its clients saw
	@mkdir -p bin
	MUSTER_CHAOS_SECONDS=$(CHAOS) $(GO) test -count=1 -v -timeout 24h -artifacts -outputdir bin ./test/chaos

.PHONY: mutants
mutants: ## Plant the bugs of test/mutants, one after the other, and see that each is caught
	MUSTER_MUTANTS=1 $(GO) test -count=1 -v -timeout 2h ./test/mutants

.PHONY: checks
checks: ## Kill, cut off and toggle what is checked, for CHECKS seconds each, and measure the checks of TARGETS targets
	MUSTER_CHECKS_SECONDS=$(CHECKS) MUSTER_CHECKS_TARGETS=$(TARGETS) $(GO) test -count=1 -v -timeout 6h ./test/checks

.PHONY: simulate
simulate: ## Let SIMULATE hours of a cluster's life pass in fake time, with all that goes wrong in them
	@mkdir -p bin
	MUSTER_SIMULATE_MINUTES=$$(( $(SIMULATE) * 60 )) $(GO) test -count=1 -v -timeout 24h -artifacts -outputdir bin ./test/simulation

.PHONY: stale-reads
stale-reads: ## Freeze leaders that confirm reads in worse ways, TRIALS times each, and count the stale answers
	MUSTER_STALE_READS=$(TRIALS) $(GO) test -count=1 -v -timeout 7h -run StaleReads ./test/mutants

.PHONY: flips
flips: ## Flip bits of a stopped node's files, and cut them, FLIPS times
	MUSTER_FLIPS=$(FLIPS) $(GO) test -count=1 -v -timeout 2h -run Damage ./internal/node

.PHONY: histories
histories: ## Play HISTORIES random histories of a cluster and its watchers
	MUSTER_HISTORIES=$(HISTORIES) $(GO) test -count=1 -v -timeout 2h ./test/histories

.PHONY: leases
leases: ## Look at LEASES random interleavings of heartbeats and expiries with everything that goes wrong
	MUSTER_LEASES=$(LEASES) $(GO) test -count=1 -v -timeout 2h -run 'Heartbeat|Fence' ./health

.PHONY: policies
policies: ## Compare all strategies of lb with 40 processes, POLICIES seconds and more each in each scenario, and print the tables
	MUSTER_POLICIES=$(POLICIES) $(GO) test -count=1 -v -timeout 2h -run EveryPolicy ./test/policies

.PHONY: mesh
mesh: ## Restart and kill INSTANCES services, and the registry, under load through the SDK, and count the failed calls
	MUSTER_MESH=$(INSTANCES) $(GO) test -count=1 -v -timeout 1h ./test/mesh

.PHONY: herd
herd: ## Let HERD clients lose the registry at one moment and come back, and measure how
	MUSTER_HERD=$(HERD) $(GO) test -count=1 -v -timeout 2h ./test/herd

.PHONY: clocks
clocks: ## Set the wall clocks of nodes while they work, CLOCKS times in each way; builds the standard library anew
	MUSTER_CLOCKS=$(CLOCKS) $(GO) test -count=1 -v -timeout 2h -run Clock ./test/trials

.PHONY: architecture
architecture: ## Check the floors and the other rules of the house
	$(GO) test ./test/architecture

.PHONY: bench
bench: ## Run benchmarks COUNT times into bin/bench.txt: BENCH=regexp PKG=./registry
	@mkdir -p bin
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) $(PKG) | tee bin/bench.txt

.PHONY: peers
peers: ## Measure lb and breaker beside their peers, COUNT short runs each, and print the rows of the docs; UNIT=ns/op on an idle machine
	@mkdir -p bin
	$(GO) -C bench test -run '^$$' -bench Pick -cpu 1,2 -benchtime 20ms -count $(COUNT) ./balancers > bin/balancers.txt
	$(GO) -C bench test -run '^$$' -bench . -cpu 1,2 -benchtime 20ms -count $(COUNT) ./breakers > bin/breakers.txt
	@awk -v unit=$(UNIT) -f scripts/bench-rows.awk bin/balancers.txt
	@awk -f scripts/bench-rows.awk bin/breakers.txt

.PHONY: benchstat
benchstat: ## Compare two runs of bench: OLD=old.txt NEW=bin/bench.txt
	$(TOOL) benchstat $(OLD) $(NEW)

.PHONY: fuzz
fuzz: ## Fuzz every target for FUZZTIME
	scripts/fuzz.sh $(FUZZTIME)

.PHONY: cover
cover: ## Show what the tests reach, in bin/cover.html
	@mkdir -p bin
	$(GO) test -timeout $(TIMEOUT) -coverpkg=./... -coverprofile=bin/cover.out ./...
	$(GO) tool cover -html=bin/cover.out -o bin/cover.html
	$(GO) tool cover -func=bin/cover.out | tail -1

.PHONY: fmt
fmt: ## Format the source and sort its imports
	$(TOOL) golangci-lint fmt

.PHONY: fix
fix: ## Rewrite the source in the Go of today, then format it
	$(GO) fix ./...
	$(TOOL) golangci-lint run --fix ./...

.PHONY: check
check: check-fmt vet check-fix lint architecture ## Check all that can be checked without running the product

.PHONY: check-fmt
check-fmt: ## Fail where gofmt would change something
	@unformatted=$$(gofmt -l .) && test -z "$$unformatted" || { printf 'not formatted (make fmt):\n%s\n' "$$unformatted"; exit 1; }

.PHONY: vet
vet: ## Run go vet, in nested modules too
	$(GO) vet ./...
	@scripts/nested-modules.sh | while read -r dir; do echo "$(GO) -C $$dir vet ./..."; $(GO) -C "$$dir" vet ./... || exit 1; done

.PHONY: check-fix
check-fix: ## Fail where go fix would change something
	$(GO) fix -diff ./...

.PHONY: lint
lint: ## Run golangci-lint as .golangci.yml says
	$(TOOL) golangci-lint run ./...

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin
