# What people do here. `make` alone lists it.
.DEFAULT_GOAL := help
.PHONY: packages release release-check page help run compiler setup test check format dashboards rules unit test-quick doc drills grafana bench sheet corpora openapi openapi-cases references load load-jobs load-webhooks load-neighbours load-fleet load-baselines load-measuring load-access load-strangers crash chaos plans jpeg-variants fuzz fuzz-fronts deny clean

CARGO ?= cargo
# One profile for everything that is tested: quick to build, pixels still fast.
PROFILE := --profile ci
FUZZ_SECONDS ?= 600
PROMETHEUS_URL ?= http://127.0.0.1:9090
CRASH_ROUNDS ?= 100
CHAOS_FAULTS ?= 1000
OPENAPI_CASES ?= 10000
REFERENCES ?= 10000
SEED ?= 2
# Test programs that start no server other than Huemill.
QUICK := modules dependencies settings log_events log_output cli_process cli_jobs cli_terminal disk archive hostile_zips spool results imaging \
	actors json_log json_log_properties names pretty_log process_log readme registry specification
# What packages hold is what benchmarks measure.
DIST := --profile dist

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## Start the service (release build) on 127.0.0.1:8080
	$(CARGO) run --release

# The cheapest checks come first. What the tests need is installed while they are built.
STAGES := compiler format unit

test: ## All checks and tests, with the time of each stage; installs what is missing
	@times=''; for stage in $(STAGES); do \
		began=$$(date +%s); $(MAKE) --no-print-directory $$stage || exit 1; \
		times="$$times\n$$stage $$(($$(date +%s) - began))"; \
	done; printf "\nstage seconds$$times\n"

compiler: ## Install a C compiler, which the build needs, unless there is one
	@tests/setup.sh cc

setup: ## Install what the tests need beside Rust (Debian packages; from PyPI and npm beside the build)
	@tests/setup.sh
	@tests/moto.sh
	@tests/rotel.sh
	@tests/verifiers.sh

format: ## Format
	$(CARGO) fmt --all --check

check: format dashboards ## Format and lints, warnings are errors; `unit` has the same lints
	$(CARGO) clippy --workspace --all-targets $(PROFILE) --locked -- -D warnings

dashboards: ## Dashboards against their source and the table of metrics
	@python3 observability/grafana/test_check.py --quiet
	@python3 observability/grafana/check.py

rules: ## Alerts, recording rules and routes: syntax, lints, and each alert both ways
	@observability/check.sh

unit: ## Setup, dashboards, rules, lints, documentation, and unit, property, table and process tests, several programs at a time (HUEMILL_TEST_JOBS, 3)
	HUEMILL_TEST_REQUIRE_SERVERS=1 CARGO='$(CARGO)' tests/run.py --lint --meanwhile '$(MAKE) --no-print-directory setup dashboards rules' -- \
		--workspace --lib --bins --tests --benches $(PROFILE) --locked

test-quick: ## What needs nothing but Rust: no servers, no packages, under two minutes once built
	CARGO='$(CARGO)' tests/run.py -- --workspace --lib --bins $(QUICK:%=--test %) $(PROFILE) --locked

doc: ## The documentation, to be read; `unit` checks it with what the tests were built with
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps $(PROFILE) --locked

drills: ## Have each alarm ring for real, and print the report; DRILL=service_down runs one
	@tests/setup.sh
	@CARGO='$(CARGO)' tests/drills.sh $(DRILL)

grafana: ## Grafana in Docker on 127.0.0.1:3000 with our dashboards, for the Prometheus at PROMETHEUS_URL
	docker run --rm --network host -e GF_SERVER_HTTP_ADDR=127.0.0.1 -e GF_AUTH_ANONYMOUS_ENABLED=true \
		-e PROMETHEUS_URL=$(PROMETHEUS_URL) \
		-v $(CURDIR)/observability/grafana/provisioning:/etc/grafana/provisioning:ro \
		-v $(CURDIR)/observability/grafana/dashboards:/var/lib/grafana/dashboards/huemill:ro \
		grafana/grafana-oss:11.6.0

bench: ## Milliseconds per stage, and the ratio to the floor; HUEMILL_BENCH_FILES=a.jpg:b.png adds files
	$(CARGO) bench $(DIST) -p huemill-imaging --bench pipeline

sheet: ## Draw crop, subject, faces, palette and cards of FILES="a.jpg b.jpg" on SHEET (sheet.png), to be looked at
	$(CARGO) run --release -q -p huemill-imaging --example sheet -- $(or $(SHEET),sheet.png) $(FILES)

corpora: ## Send all files of FOLDERS="a b" to the service, and compare what comes out with what Pillow decodes
	$(CARGO) build --release
	@tests/verifiers.sh
	$(or $(CARGO_TARGET_DIR),target)/tools/reference-decoders/python/bin/python imaging/tests/references/corpora.py $(FOLDERS)

openapi: ## Write docs/openapi.json, which `huemill openapi` prints
	$(CARGO) build --workspace --bins $(PROFILE) --locked
	$(or $(CARGO_TARGET_DIR),target)/ci/huemill openapi >docs/openapi.json

openapi-cases: setup ## Send OPENAPI_CASES (10000) generated requests, and look for answers that docs/openapi.json does not describe; HUEMILL_OPENAPI_SEED chooses others
	HUEMILL_TEST_REQUIRE_SERVERS=1 HUEMILL_OPENAPI_CASES=$(OPENAPI_CASES) \
		$(CARGO) test --workspace $(PROFILE) --locked --lib --bins --test openapi -- --nocapture --exact \
		cases::the_service_answers_nothing_that_the_document_does_not_describe

references: ## What other decoders read, in REFERENCES seeded variants (10000); SEED chooses others
	@tests/setup.sh
	@tests/verifiers.sh
	HUEMILL_TEST_REQUIRE_SERVERS=1 HUEMILL_REFERENCES=$(REFERENCES) HUEMILL_REFERENCES_SEED=$(SEED) \
		$(CARGO) test $(PROFILE) -p huemill-imaging --test references

load: ## Pictures per second over HTTP against the engine alone, and memory under load (build as packaged)
	$(CARGO) bench $(DIST) --bench load

load-jobs: ## Accepted jobs, polls and idling in ratios of one run (build as packaged)
	$(CARGO) bench $(DIST) --bench jobs

load-webhooks: ## How long a live receiver waits beside a dead one (build as packaged)
	$(CARGO) bench $(DIST) --bench webhooks

load-neighbours: ## How long pictures take beside a job whose inputs are refused, to alone (build as packaged)
	$(CARGO) bench $(DIST) --bench neighbours

load-fleet: ## What the store does for a picture with twenty processes and a million jobs, to one process (build as packaged)
	$(CARGO) bench $(DIST) --bench fleet

load-baselines: setup ## Typical and peak load, ten minutes each, under a real Prometheus: the runbook's baselines (build as packaged)
	$(CARGO) bench $(DIST) --bench baselines

load-measuring: ## What counting and logging costs, of the processor time of a request (build as packaged)
	$(CARGO) bench $(DIST) --bench measuring

load-access: ## What keys and limits cost, of the processor time of a poll and a picture (build as packaged)
	$(CARGO) bench $(DIST) --bench access

load-strangers: ## What an honest caller notices of one that takes whatever it can get (build as packaged)
	$(CARGO) bench $(DIST) --bench strangers

crash: setup ## Kill the service (release build) CRASH_ROUNDS (100) times on each store, and see that nothing is lost
	$(CARGO) build --release --bin huemill --locked
	HUEMILL_TEST_BINARY=$${CARGO_TARGET_DIR:-$(CURDIR)/target}/release/huemill HUEMILL_CRASH_ROUNDS=$(CRASH_ROUNDS) \
		$(CARGO) test $(PROFILE) --locked --test crash -- --nocapture --test-threads 1

chaos: setup ## Have CHAOS_FAULTS (1000) faults of every kind strike the service (release build) on each store; HUEMILL_CHAOS_SEED repeats
	$(CARGO) build --release --bin huemill --locked
	HUEMILL_TEST_BINARY=$${CARGO_TARGET_DIR:-$(CURDIR)/target}/release/huemill HUEMILL_CHAOS_FAULTS=$(CHAOS_FAULTS) \
		$(CARGO) test $(PROFILE) --locked --test chaos -- --nocapture --test-threads 1

plans: ## Plans of all statements of the queue, on both databases with a million jobs
	HUEMILL_PLAN_JOBS=1000000 $(CARGO) test $(PROFILE) --locked -p huemill-store --lib plans

page: ## The page in a real browser, with axe in light and dark at 320 and 1,440 pixels
	@tests/setup.sh
	@tests/verifiers.sh
	HUEMILL_TEST_REQUIRE_SERVERS=1 HUEMILL_PAGE_LOOKS=all $(CARGO) test $(PROFILE) --locked --test page -- --nocapture

packages: setup ## Make the packages and the container image, and install, upgrade, remove and run them (as root, on Debian; build as packaged)
	@tests/setup.sh packages
	@packaging/stage.sh target/package
	HUEMILL_TEST_REQUIRE_SERVERS=1 HUEMILL_PACKAGES=all HUEMILL_TEST_BINARY=$${CARGO_TARGET_DIR:-$(CURDIR)/target}/dist/huemill \
		$(CARGO) test --workspace --lib --bins --test packages $(PROFILE) --locked -- --nocapture

release: ## Make the files of a release of this commit in target/release-VERSION (build as packaged)
	@packaging/release.sh

release-check: ## The same, and once more elsewhere, to see that every bit is the same
	@packaging/release.sh --check

jpeg-variants: ## All sampling factors, orders of scans and sizes of JPEG against libjpeg-turbo
	@tests/setup.sh
	HUEMILL_TEST_REQUIRE_SERVERS=1 $(CARGO) test $(PROFILE) --locked -p huemill-imaging --test imaging jpeg_variants -- --ignored --nocapture

fuzz: ## Fuzz decode and ZIP, FUZZ_SECONDS (600) each; needs cargo-fuzz
	cd fuzz && $(CARGO) run --example decode_seeds && $(CARGO) run --example zip_seeds
	cd fuzz && RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run decode -- -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048
	cd fuzz && RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run zip -- -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048

FORMATS := jpeg png webp gif bmp tiff
fuzz-fronts: ## Fuzz without coverage what parses: each format, ZIPs and their names, file names, Accept; FUZZ_SECONDS (600) each
	for format in $(FORMATS); do HUEMILL_FUZZ_FORMAT=$$format HUEMILL_FUZZ_SECONDS=$(FUZZ_SECONDS) \
		$(CARGO) test $(PROFILE) -p huemill-imaging --test fuzz || exit 1; done
	HUEMILL_FUZZ_SECONDS=$(FUZZ_SECONDS) $(CARGO) test $(PROFILE) -p huemill-store --test fuzz
	HUEMILL_FUZZ_SECONDS=$(FUZZ_SECONDS) $(CARGO) test $(PROFILE) --lib -- arbitrary

deny: ## Licences, bans, sources and advisories of the dependencies; needs cargo-deny and its advisory database
	$(CARGO) deny check licenses bans sources advisories

clean: ## Remove what was built, and the local data
	$(CARGO) clean
	rm -rf data
