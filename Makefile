# Two targets set everything up on a machine that has Swift:
#   make demo   installs the C libraries if they are missing, builds, runs the main job
#   make test   builds and runs every test

SWIFT ?= swift
PYTHON ?= python3
MOPCTL = .build/release/mopctl
DEMO = .build/demo
FOREIGN = fixtures/foreign

.PHONY: demo test fuzz crashes kills verdicts damage hostile build dependencies lint reference man \
  bench tables sharing growth clean

demo: build
	@sh fixtures/demo.sh $(MOPCTL) $(FOREIGN) $(DEMO)

test: dependencies
	$(SWIFT) build --build-tests --explicit-target-dependency-import-check error
	$(SWIFT) test --skip-build

build: dependencies
	$(SWIFT) build -c release --product mopctl

# The C libraries of Package.swift, by their headers.
dependencies:
	@sh .ci/dependencies

lint:
	$(SWIFT) format lint --strict --recursive Package.swift Sources Tests

# The independent reader over every container fixture.
reference:
	$(PYTHON) spec/reference/check_fixtures.py

# Man pages, one per command, into .build/man.
man: dependencies
	mkdir -p .build/man
	$(SWIFT) package --allow-writing-to-directory .build/man \
	  generate-manual --multi-page --output-directory .build/man

# Each parser for a minute; `sh Tests/Fuzz/run.sh 600 FuzzSafetensors` for more of one.
fuzz: dependencies
	sh Tests/Fuzz/run.sh

# Every crash point and every fault of every command that writes: minutes.
crashes: dependencies
	$(SWIFT) build --build-tests
	MOPZ_ALL_CRASHES=1 $(SWIFT) test --skip-build --filter 'CrashReplayTests|FaultInjectionTests'

# Kills the program at random times; `python3 Tests/Kills/run.py MOPCTL 1000 7` for more.
kills: build
	$(PYTHON) Tests/Kills/run.py $(MOPCTL) 400

# Both readers over freshly damaged containers: the same rule first, or it fails.
VERDICTS ?= 20000
SEED ?= 2
verdicts: dependencies
	mkdir -p .build
	$(PYTHON) spec/reference/make_verdicts.py --count $(VERDICTS) --seed $(SEED) \
	  > .build/verdicts.tsv
	$(SWIFT) build --build-tests
	$(SWIFT) test --skip-build --filter VerdictTests

# Every bit flip and truncation of the valid fixtures, thousands of damages of a large container.
DAMAGES ?= 5000
DAMAGE_CHECK = Benchmarks/.build/release/damage-check
damage: dependencies
	$(SWIFT) build -c release --package-path Benchmarks --product damage-check
	$(DAMAGE_CHECK) flips fixtures/valid/*.mopz
	mkdir -p .build/damage
	$(DAMAGE_CHECK) generate .build/damage/large.mopz 60 20000000
	$(DAMAGE_CHECK) random .build/damage/large.mopz $(DAMAGES)

# What hostile files cost; PEFT_PYTHON may name a Python that has safetensors.
hostile: dependencies
	$(SWIFT) build -c release --package-path Benchmarks --product damage-check
	$(PYTHON) Benchmarks/hostile.py .build/hostile $(DAMAGE_CHECK) $(PEFT_PYTHON)

bench: build
	sh Benchmarks/run.sh

# The forward pass beside its peers, and what faults it finds: Markdown on standard output.
tables: dependencies
	$(SWIFT) build --build-tests
	MOPZ_TABLES=$(CURDIR)/.build/tables.md $(SWIFT) test --skip-build --filter ForwardTables
	@cat .build/tables.md

# Every way of sharing on every family, as Markdown and SVG: hours where families are large.
# PEFT_PYTHON trains the families; ADAPTERS may name a directory of published adapters.
FAMILIES ?= .build/families
sharing: build
	[ -d $(FAMILIES)/tokens/independent ] || $(PEFT_PYTHON) Benchmarks/train_families.py $(FAMILIES)
	$(PYTHON) Benchmarks/sharing.py --mopctl $(MOPCTL) --types f32,int8 --trained $(FAMILIES) \
	  $(if $(ADAPTERS),--real $(ADAPTERS)) --plot Benchmarks/sharing.svg \
	  --json .build/sharing.json > .build/sharing.md
	@cat .build/sharing.md

# Time and memory of a fit of 10, 100 and 1,000 adapters, and of adding one; needs numpy.
growth: build
	$(PYTHON) Benchmarks/growth.py $(MOPCTL) .build/growth

clean:
	rm -rf .build
