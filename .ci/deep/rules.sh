#!/usr/bin/env bash
# The published document rules beside datatrove on real documents: 0.2.0 of 2024-04-22, whose filter made FineWeb, and
# 0.6.0. Prints the agreement of each set of rules and what explains each disagreement; exits 1 where nothing does.
# Needs Python with venv; PYTHON may name an interpreter with the packages, and with pip. A few minutes of one core.
source "$(dirname "$0")/common.sh"
cargo build -q --release --example judge-documents -p pauca-examples
workplace
python_with datatrove==0.6.0 spacy==3.8.18 nltk==3.9.1 uniseg==0.10.1
"$PYTHON" -m pip -q install --no-deps --target "$work/released" datatrove==0.2.0
"$PYTHON" .ci/deep/rules.py "$target/release/examples/judge-documents" "$work/released"
