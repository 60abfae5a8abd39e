#!/bin/sh
# usage: build.sh VENV
# Installs the package into the environment, compiled where there is a compiler, and writes which it became to
# VENV/.built. build/ is kept, so that only what changed is compiled again.
set -eu
venv=$1
python=$venv/bin/python
headers() { "$python" -c 'import os, sysconfig; raise SystemExit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))'; }
if command -v cc >/dev/null 2>&1 && ! headers && [ "$("$python" -c 'import sys; print(sys.base_prefix)')" = /usr ]; then
    tools/need.sh "$("$python" -c 'import sys; print("python%d.%d-config:python%d.%d-dev" % (sys.version_info[:2] * 2))')"
fi
if [ "${USERNET_PURE:-}" = 1 ]; then
    kind=interpreted
elif ! command -v "${CC:-cc}" >/dev/null 2>&1; then
    echo "usernet: no C compiler here: the package will run interpreted, slower"
    kind=interpreted
elif ! headers; then
    echo "usernet: no Python.h for this Python: the package will run interpreted, slower"
    kind=interpreted
else
    kind=compiled
fi
if [ $kind = compiled ]; then
    export USERNET_REQUIRE_COMPILED=1
    echo "usernet: compiling (the first time takes some minutes)"
else
    export USERNET_PURE=1
fi
"$python" tools/prune_build.py
mkdir -p build
log=build/pip.log
if ! "$python" -m pip install --disable-pip-version-check --no-build-isolation -v . >$log 2>&1; then
    grep -nE 'error|Error' $log | head -40
    echo "usernet: the build failed; all of it is in $log" >&2
    exit 1
fi
echo $kind >"$venv/.built"
