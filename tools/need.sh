#!/bin/sh
# usage: need.sh COMMAND:PACKAGE...
# Installs the Debian packages of missing commands when it may; says what is missing when it may not, and goes on:
# whoever needs a command says so itself.
missing=
packages=
for pair in "$@"; do
    command -v "${pair%%:*}" >/dev/null 2>&1 && continue
    case $pair in ip:*) [ -x /sbin/ip ] && continue ;; esac
    missing="$missing ${pair%%:*}"
    packages="$packages ${pair#*:}"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "usernet: installing$packages"
    export DEBIAN_FRONTEND=noninteractive
    install() { apt-get install -y -qq --no-install-recommends $packages </dev/null >/dev/null 2>&1; }
    install || { apt-get update -qq >/dev/null 2>&1 && install; } || echo "usernet: apt-get could not install$packages" >&2
else
    echo "usernet: missing$missing; on Debian: sudo apt-get install$packages" >&2
fi
exit 0
