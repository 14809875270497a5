# The face of the build; meson.build is the real one. See README.md.
BUILD ?= build

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet

$(BUILD)/build.ninja:
	@tools/install-deps build
	@echo 'building msrpc, a minute or two'
	@meson setup $(BUILD) --buildtype=release >$(BUILD).log || { cat $(BUILD).log; exit 1; }
	@mv $(BUILD).log $(BUILD)/setup.log

demo: all
	@tools/demo $(BUILD)

test:
	@tools/test

bench: all
	@bench/run $(BUILD)

fuzz:
	@tools/fuzz

tsan:
	@tools/tsan

install: all
	@meson install -C $(BUILD)
	@[ -n "$(DESTDIR)" ] || [ "$$(id -u)" != 0 ] || ldconfig

dist:
	@tools/dist

clean:
	@rm -rf build build-test build-fuzz build-tsan

.PHONY: all demo test bench fuzz tsan install dist clean
