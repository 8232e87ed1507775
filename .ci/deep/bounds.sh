#!/usr/bin/env bash
# 10^8 certified near-ties a step of the screens, at every level of the machine, against the definition: after a change of
# the bounds. About a quarter of an hour of one core.
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo test --release -p pauca --all-features --lib -- --ignored --nocapture near_ties
