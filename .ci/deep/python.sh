#!/usr/bin/env bash
# The Python wheel in every Python that can be had, with scikit-learn's own checks, with all that reads and writes tables,
# and on Ray with two workers of which some are killed. Downloads about 600 MB of packages; ten minutes of two cores.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec examples/python/check.sh deep
