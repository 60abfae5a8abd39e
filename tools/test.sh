#!/bin/sh
# usage: test.sh VENV [PYTEST ARGUMENTS]
# The suite with the installed build, then with the source tree interpreted; both are run even if the first fails.
venv=$1
shift
status=0
if [ "$(cat "$venv/.built")" = compiled ]; then
    USERNET_BUILD=compiled "$venv/bin/pytest" "$@" || status=1
else
    echo "usernet: there is no compiled build here (see above), so only the interpreted one is tested"
fi
USERNET_BUILD=interpreted PYTHONPATH=src "$venv/bin/pytest" "$@" || status=1
exit $status
