"""The published document rules beside datatrove, on real documents: see rules.sh.

rules.py JUDGE-DOCUMENTS FOLDER-OF-DATATROVE-0.2.0
"""

import ast
import collections
import importlib.metadata
import importlib.util
import json
import os
import pydoc_data.topics
import re
import subprocess
import sys

from datatrove.data import Document
from datatrove.pipeline.filters import C4QualityFilter, GopherQualityFilter, GopherRepetitionFilter
from datatrove.utils.text import split_into_sentences, split_into_words
from nltk.tokenize import NLTKWordTokenizer
from uniseg.graphemecluster import grapheme_clusters
from uniseg.sentencebreak import sentences
from uniseg.wordbreak import words

LEAST = 500


def documents():
    """Prose about Python, descriptions of packages, documentation strings of the standard library: distinct, as they are."""
    yield from pydoc_data.topics.topics.values()
    for package in importlib.metadata.distributions():
        yield package.metadata.get_payload() or ""
    root = os.path.dirname(os.__file__)
    for folder, _, names in sorted(os.walk(root)):
        if "site-packages" in folder or "/test" in folder or "idlelib" in folder:
            continue
        for name in sorted(names):
            if not name.endswith(".py"):
                continue
            try:
                tree = ast.parse(open(f"{folder}/{name}", encoding="utf-8").read())
            except (SyntaxError, UnicodeDecodeError):
                continue
            for node in ast.walk(tree):
                if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                    yield ast.get_docstring(node) or ""


def released(folder):
    """FineWebQualityFilter of 0.2.0; its words are NLTK's without its sentences, whose model is no package."""
    path = f"{folder}/datatrove/pipeline/filters/fineweb_quality_filter.py"
    spec = importlib.util.spec_from_file_location("released_fineweb", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    import nltk
    nltk.word_tokenize = NLTKWordTokenizer().tokenize
    return module.FineWebQualityFilter(exclusion_writer=None)


def characters(text):
    return sum(1 for cluster in grapheme_clusters(text) if not cluster.isspace())


def words_of(text):
    return [word for word in words(text) if any(c.isalnum() for c in word)]


def lines_of(text):
    return [line.strip() for line in re.split("\r?\n", text) if line.strip()]


def copies(items):
    """(share of later copies, share of their characters); None where there is nothing to divide by."""
    counted = [characters(item) for item in items]
    again = [item in items[:i] for i, item in enumerate(items)]
    if not items or not sum(counted):
        return None, None
    return sum(again) / len(items), sum(n for n, copy in zip(counted, again) if copy) / sum(counted)


def run_shares(found):
    """For 2 to 10 words: share of the characters in the top run (up to 4) or in all repeated runs."""
    lengths = [characters(word) for word in found]
    for n in range(2, 11):
        places = collections.defaultdict(list)
        for i in range(len(found) - n + 1):
            places[tuple(found[i : i + n])].append(i)
        repeated = [starts for starts in places.values() if len(starts) > 1]
        covered = lambda starts: {i + j for i in starts for j in range(n)}
        size = lambda starts: sum(lengths[i] for i in covered(starts))
        if n <= 4:
            most = max((len(starts) for starts in repeated), default=0)
            top = max((size(starts) for starts in repeated if len(starts) == most), default=0)
        else:
            top = size([i for starts in repeated for i in starts])
        yield n, top / sum(lengths) if lengths else None


STOP_WORDS = {"the", "be", "to", "of", "and", "that", "have", "with"}


def documented_gopher(text):
    """Gopher's filter with the documented differences in the place of datatrove's counts."""
    found, lines, pieces = words_of(text), lines_of(text), text.split()
    if not found or not lines:
        return False
    n, ellipses = len(found), text.count("...") + text.count("…")
    share = lambda test, of: sum(map(test, of)) / len(of)
    return (
        50 <= n <= 100_000 and 3 <= sum(map(characters, found)) / n <= 10
        and text.count("#") / n <= 0.1 and ellipses / n <= 0.1
        and share(lambda line: line[0] in "•‣◦▪▫■□●○·-*", lines) <= 0.9
        and share(lambda line: line.endswith(("...", "…")), lines) <= 0.3
        and share(lambda piece: any(c.isalpha() for c in piece), pieces) >= 0.8
        and len(STOP_WORDS & {word.lower() for word in found}) >= 2
    )


def documented_repetition(text):
    paragraphs = [part.strip() for part in re.split(r"\n[^\S\n]*(?:\n[^\S\n]*)+", text) if part.strip()]
    shares = [*copies(lines_of(text)), *copies(paragraphs)]
    bounds = [0.3, 0.2, 0.3, 0.2, 0.2, 0.18, 0.16, 0.15, 0.14, 0.13, 0.12, 0.11, 0.10]
    shares += [share for _, share in run_shares(words_of(text))]
    return all(share is not None and share <= bound for share, bound in zip(shares, bounds))


def documented_fineweb(filter):
    """The released filter itself, whose words are those of Unicode."""
    def passes(text):
        import nltk
        before, nltk.word_tokenize = nltk.word_tokenize, words_of
        try:
            return verdict(filter, text)[0]
        finally:
            nltk.word_tokenize = before
    return passes


def documented_c4(filter):
    """The filter itself with our documented differences one by one: sentences of Unicode, then no apostrophe as an end."""
    module = sys.modules[type(filter).__module__]
    theirs = (module.split_into_sentences, module.END_PUNCTUATION)
    unicode_sentences = lambda line, *_: [sentence for sentence in sentences(line) if words_of(sentence)]
    def passes(*changes):
        def changed(text):
            module.split_into_sentences, module.END_PUNCTUATION = (new or old for new, old in zip(changes, theirs))
            try:
                return verdict(filter, text)[0]
            finally:
                module.split_into_sentences, module.END_PUNCTUATION = theirs
        return changed
    marks = tuple(mark for mark in theirs[1] if mark != "'")
    return {
        SENTENCES: passes(unicode_sentences, None),
        QUOTE: passes(None, marks),
        f"{SENTENCES}; {QUOTE}": passes(unicode_sentences, marks),
    }


def verdict(filter, text):
    """(passes, why not); what the filter cannot divide is a failure, as it is to us."""
    try:
        found = filter.filter(Document(text=text, id=""))
    except (ZeroDivisionError, ValueError):
        return False, "nothing to divide by"
    return (True, "") if found is True else (False, found[1] if isinstance(found, tuple) else "")


# What datatrove's reason is called here.
NAMES = {
    "gopher": {
        "gopher_short_doc": "word_count", "gopher_long_doc": "word_count", "gopher_below_avg_threshold": "mean_word_length",
        "gopher_above_avg_threshold": "mean_word_length", "gopher_too_many_hashes": "hashes_per_word",
        "gopher_too_many_ellipsis": "ellipses_per_word", "gopher_too_many_bullets": "bullet_lines",
        "gopher_too_many_end_ellipsis": "ellipsis_lines", "gopher_below_alpha_threshold": "alphabetic_words",
        "gopher_enough_stop_words": "stop_words",
    },
    "fineweb-released": {
        "line_punct_ratio": "punctuated_lines", "short_line_ratio": "short_lines",
        "char_dup_ratio": "duplicate_line_characters", "list_ratio": "line_breaks_per_word",
    },
}
REPETITION = {
    "dup_para_frac": "duplicate_paragraphs", "dup_para_char_frac": "duplicate_paragraph_characters",
    "dup_line_frac": "duplicate_lines", "dup_line_char_frac": "duplicate_line_characters",
}

# Documented differences: which rules they touch.
WORDS = "words: marks count as words there, words of Unicode hold a letter or digit"
ALPHABETIC = "words with a letter: of all tokens, marks too, there; of pieces between white space here"
SHARE = "shares of characters: of all characters there, blanks too; of those other than white space here"
REPEATS = "runs of words: later copies count there, each counted from the left; every word of a repeated run here"
BULLETS = "bullets: two there, twelve here; lines: blank ones count there"
STOPS = "stop words: in lower case only there"
SENTENCES = "sentences: NLTK's or spaCy's there, those of Unicode with a letter or digit here"
QUOTE = "an apostrophe ends a line there, as in no C4"
EXPLAINED = {
    "gopher": {
        "word_count": WORDS, "mean_word_length": WORDS, "hashes_per_word": WORDS, "ellipses_per_word": WORDS,
        "alphabetic_words": ALPHABETIC, "stop_words": STOPS, "bullet_lines": BULLETS, "ellipsis_lines": BULLETS,
    },
    "gopher-repetition": collections.defaultdict(lambda: REPEATS, {
        "duplicate_lines": "lines: blank ones count there", "duplicate_paragraphs": SHARE,
        "duplicate_line_characters": SHARE, "duplicate_paragraph_characters": SHARE,
    }),
    "fineweb-released": {"line_breaks_per_word": WORDS},
}
ALL = "all"


def main():
    judge, folder = sys.argv[1:3]
    texts = []
    for text in documents():
        if len(text) >= 200 and text not in texts:
            texts.append(text)
        if len(texts) == 900:
            break
    assert len(texts) >= LEAST, f"{len(texts)} documents"
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    ours = [json.loads(line) for line in subprocess.run([judge], input=lines, capture_output=True, text=True, check=True).stdout.splitlines()]
    filters = {
        "gopher": GopherQualityFilter(), "gopher-repetition": GopherRepetitionFilter(),
        "fineweb-released": released(folder),
        "c4-released": C4QualityFilter(min_num_sentences=3, min_words_per_line=5),
    }
    print(f"{len(texts)} documents of {sum(map(len, texts)):,} characters; datatrove 0.6.0, FineWeb's filter of 0.2.0")
    # The same verdicts with the documented differences put in: what then agrees is explained by them, and only by them.
    # Where several are put in, the last has them all, and each disagreement is named by the first that ends it.
    documented = {
        "gopher": {ALL: documented_gopher}, "gopher-repetition": {ALL: documented_repetition},
        "fineweb-released": {ALL: documented_fineweb(filters["fineweb-released"])},
        "c4-released": documented_c4(filters["c4-released"]),
    }
    wrong = 0
    for name, filter in filters.items():
        agree, reasons, unexplained = 0, collections.Counter(), []
        changed = {
            what: [rule(text) == found[name]["passes"] for text, found in zip(texts, ours)]
            for what, rule in documented[name].items()
        }
        *_, whole = changed.values()
        unexplained += [("with the documented differences", "", text[:60]) for text, same in zip(texts, whole) if not same]
        for i, (text, found) in enumerate(zip(texts, ours)):
            passes, why = verdict(filter, text)
            mine = found[name]
            if passes == mine["passes"]:
                agree += 1
                continue
            rules = [mine["failed"]] if isinstance(mine["failed"], str) else list(mine["failed"] or [])
            if not rules:
                rules = [NAMES.get(name, {}).get(why) or REPETITION.get(why) or why]
            if len(changed) > 1:
                reasons.update([next((what for what, same in changed.items() if same[i]), "NOT EXPLAINED")])
                continue
            known = EXPLAINED[name]
            if all(rule in known or isinstance(known, collections.defaultdict) for rule in rules):
                reasons[known[rules[0]]] += 1
            else:
                unexplained.append((rules, why, text[:60]))
        print(f"\n{name}: {agree} of {len(texts)} alike")
        for what, same in changed.items():
            put = "the documented differences" if what == ALL else f"\"{what}\""
            print(f"  with {put} put into the other's rules: {sum(same)} of {len(texts)}")
        for reason, times in reasons.most_common():
            print(f"  {times:4}  {reason}")
        for case in unexplained[:10]:
            print(f"  NOT EXPLAINED  {case}")
        wrong += len(unexplained)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
