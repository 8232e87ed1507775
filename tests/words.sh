#!/usr/bin/env bash
# What rustdoc and a browser would show wrongly without a warning: a heading that has swallowed its text, a link to nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

# A heading of documentation stands alone: text on its line would be part of it. `# ` in an example is a hidden line.
headings() {
    git ls-files '*.rs' | xargs awk '
        BEGIN {
            name = "(Shapes|Units|Ties|NaN|Tier|Errors|Cost|Example|Examples|Safety|Panics|Metric)"
        }
        FNR == 1 { code = 0 }
        !/^[ \t]*\/\/[\/!]/ { code = 0; next }
        /^[ \t]*\/\/[\/!] *```/ { code = !code; next }
        code { next }
        {
            text = $0
            if (!sub(/^[ \t]*\/\/[\/!] *#+ /, "", text)) next
            rest = tolower(text)
            known = match(text, "^" name)
            gsub("(^|, )" tolower(name), "", rest)
            if ((known && rest != "") || text ~ /^[^ ]+  +[^ ]/) {
                print FILENAME ":" FNR ": a heading with text on its line: " text
                bad = 1
            }
        }
        END { exit bad }'
}

links() { # of every Markdown file, relative to it
    local file target bad=0
    while IFS=: read -r file target; do
        target=${target#](}
        target=${target%)}
        case $target in http://* | https://* | mailto:* | '#'*) continue ;; esac
        if [ ! -e "$(dirname "$file")/${target%%#*}" ]; then
            echo "$file: a link to nothing: $target"
            bad=1
        fi
    done < <(git ls-files -z '*.md' | xargs -0 grep -oHE '\]\([^) ]+\)')
    return $bad
}

failed=0
headings || failed=1
links || failed=1
exit $failed
