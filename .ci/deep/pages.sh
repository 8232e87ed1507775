#!/usr/bin/env bash
# The pages of all programs in a browser, at 400 and 1200 pixels, in light and in dark: pictures to look at, what axe-core
# finds, and whether a page is wider than its window. On paper: NAME.pdf, its sheets, and a picture of each where pdftoppm
# is there. Exits 1 where axe-core finds something, a page is too wide, or its paper has no sheet or cannot be drawn.
# Needs Chromium (CHROMIUM names it; /usr/bin/chromium), node and npm; a few minutes of one core.
# pages.sh FOLDER: where the pages and the pictures go.
source "$(dirname "$0")/common.sh"
folder=$(absolute "${1:?pages.sh FOLDER}")
mkdir -p "$folder"
browser=$(command_of "${CHROMIUM:-/usr/bin/chromium}")
cargo build -q --release -p pauca-examples --bins
npm install --silent --no-audit --no-fund --prefix "$folder" playwright-core@1.65.1 axe-core@4.14.1

page() { # page NAME PROGRAM ARGUMENTS...: the page of a run
    "$target/release/$2" "${@:3}" --out "$folder/$1" --overwrite --progress none --quiet
}
data=examples/data
mail=("$data/mail.f16.npy" --meta "$data/mail.csv" --id-column id --text id --by group --tokens chars)
page emoji curate
for method in d4 semdedup prototypes scip dbp kmeans; do
    page "mail-$method" curate "${mail[@]}" --method "$method"
done
page mail-cover curate "${mail[@]}" --method semdedup --rule greedy-cover
page code prune-code
page code-longest prune-code "$data/code.f16.npy" --meta "$data/code.csv" --method longest
page text score-text
page text-equal score-text "$data/docstrings.jsonl" --id-column id --by kind --weights equal
page pairs filter-pairs
page pairs-plain filter-pairs "$data/emoji.f16.npy" "$data/emoji-text.f16.npy" --keep 0.5
page tokens tokenize --set digits --steps 100 --budget 2
page tokens-seeds tokenize --set digits --steps 60 --budget 1 --seeds 2 --fewer-codes 64
page layers prune-layers
page layers-drop prune-layers "$data/smollm2-states.f16.npy" --layers 30 --drop 7 --cka
page memorization memorization
cp .ci/deep/pages.mjs "$folder/pages.mjs" # node looks for packages beside the file
cd "$folder" && node pages.mjs "$folder" "$browser"
