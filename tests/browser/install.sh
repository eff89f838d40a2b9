#!/usr/bin/env bash
# See that the tests of the report page find a Chromium: one that is here, or Debian's own, which
# is installed where that can be done without a question. Elsewhere the tests say what they miss.
set -euo pipefail

for name in chromium chromium-browser google-chrome google-chrome-stable; do
  if command -v "$name" >/dev/null; then exit 0; fi
done

say() { echo "browser: $*" >&2; }

# Ubuntu's package of this name needs snapd, which containers do not have.
if ! grep -qs '^ID=debian$' /etc/os-release; then
  say "no Chromium or Chrome found: install one, or run 'playwright install chromium'."
  exit 0
fi
as_root=(env DEBIAN_FRONTEND=noninteractive)
if [ "$(id -u)" != 0 ]; then
  if ! sudo -n true 2>/dev/null; then
    say "no Chromium found. Type: sudo apt-get install chromium"
    exit 0
  fi
  as_root=(sudo -n "${as_root[@]}")
fi
install=("${as_root[@]}" apt-get install -qq --yes --no-install-recommends chromium fonts-dejavu-core)
say "installing Debian's chromium"
"${install[@]}" >/dev/null 2>&1 || { "${as_root[@]}" apt-get update -qq && "${install[@]}" >/dev/null; } \
  || say "apt-get could not install it; the tests of the page are left out."
