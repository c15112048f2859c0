# The program and what it looks for beside itself, below PREFIX; DESTDIR in front, for packages.
PREFIX ?= /usr/local
INSTALLED := $(DESTDIR)$(PREFIX)
PYTHON_FILES = $(shell cd python && git ls-files -- '*.py' 2>/dev/null || find . -name '*.py')
.PHONY: install uninstall
install: $(BIN) ## install the program, its Python side and its manual below PREFIX (/usr/local), DESTDIR in front
	@install -D -m 755 $(BIN) $(INSTALLED)/bin/firn
	@[ ! -x $(B)/firn-standalone ] || install -D -m 755 $(B)/firn-standalone $(INSTALLED)/bin/firn-standalone
	@for file in $(PYTHON_FILES); do install -D -m 644 python/$$file $(INSTALLED)/share/firn/python/$$file; done
	@mkdir -p $(INSTALLED)/share/man/man1
	@scripts/make-man $(BIN) > $(INSTALLED)/share/man/man1/firn.1
	@install -D -m 644 LICENSE $(INSTALLED)/share/doc/firn/LICENSE
	@echo "installed below $(INSTALLED)"
uninstall: ## remove what install put there
	@rm -rf $(INSTALLED)/share/firn $(INSTALLED)/share/doc/firn
	@rm -f $(INSTALLED)/bin/firn $(INSTALLED)/bin/firn-standalone $(INSTALLED)/share/man/man1/firn.1
