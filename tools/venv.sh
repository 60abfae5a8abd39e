#!/bin/sh
# usage: venv.sh PYTHON DIRECTORY
# Makes a virtual environment with a pip that knows dependency groups (25.1, PEP 735).
set -eu
python=$1
venv=$2
command -v "$python" >/dev/null 2>&1 || { echo "usernet: there is no $python here; name one with PYTHON=..." >&2; exit 1; }
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "usernet: $("$python" --version) is too old, 3.11 is the first that works; name another with PYTHON=..." >&2
    exit 1
}
version=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "usernet: installing $version-venv"
        export DEBIAN_FRONTEND=noninteractive
        apt-get install -y -qq "$version-venv" </dev/null >/dev/null 2>&1 ||
            { apt-get update -qq && apt-get install -y -qq "$version-venv" </dev/null >/dev/null; }
    else
        echo "usernet: $python has no venv module; on Debian: sudo apt-get install $version-venv" >&2
        exit 1
    fi
fi
echo "usernet: creating $venv with $("$python" --version)"
"$python" -m venv --clear "$venv"
"$venv/bin/python" -m pip install --disable-pip-version-check -q --upgrade 'pip>=25.1'
