#!/usr/bin/env bash
# `tokenize audit` on the tokens of two tokenizers, every number against NumPy: one that vector-quantize-pytorch trains on
# the shipped digits, and the shipped one. Downloads about 3 GB of packages unless PYTHON names an interpreter that has
# them; two minutes of one core.
#
#     [PYTHON=python] .ci/deep/audit.sh [FOLDER]          # FOLDER keeps tokens and reports
source "$(dirname "$0")/common.sh"
built tokenize
workplace "$@"
python_with -r .ci/deep/families.txt -r .ci/deep/audit.txt
check() { # A title, then the flags of the audit; those of the check are the same.
    echo "== $1"
    shift
    "$program" audit "$@" --quiet --progress none --overwrite
    "$PYTHON" benches/checks/audit.py "$@"
}
"$PYTHON" .ci/deep/audit.py "$work"
check "vector-quantize-pytorch" --ids "$work/ids.npy" --latents "$work/latents.npy" --codebook "$work/codebook.npy" \
    --lags 2 --rates "$work/rates.csv" --runs "$work/runs.csv" --out "$work/theirs"
"$program" --set digits --codes 64 --lambdas 0.1 --steps 300 --budget 0.5 --write-tokens --quiet --progress none \
    --overwrite --out "$work/own"
for lambda in 0 0.1; do
    tokens=$work/own/tokens.64.$lambda.safetensors
    check "the shipped tokenizer, lambda $lambda" --ids "$tokens" --latents "$tokens" --codebook "$tokens" \
        --out "$work/ours-$lambda"
done
