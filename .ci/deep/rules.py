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
import subprocess
import sys

from datatrove.data import Document
from datatrove.pipeline.filters import C4QualityFilter, GopherQualityFilter, GopherRepetitionFilter
from datatrove.utils.text import split_into_sentences, split_into_words
from nltk.tokenize import NLTKWordTokenizer

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
SENTENCES = "sentences: another splitter"
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
    "c4-released": {"FewSentences": SENTENCES},
}


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
    wrong = 0
    for name, filter in filters.items():
        agree, reasons, unexplained = 0, collections.Counter(), []
        for text, found in zip(texts, ours):
            passes, why = verdict(filter, text)
            mine = found[name]
            if passes == mine["passes"]:
                agree += 1
                continue
            rules = [mine["failed"]] if isinstance(mine["failed"], str) else list(mine["failed"] or [])
            if not rules:
                rules = [NAMES.get(name, {}).get(why) or REPETITION.get(why) or ("FewSentences" if why == "too_few_sentences" else why)]
            known = EXPLAINED[name]
            if name == "c4-released" and any(line.rstrip().endswith("'") for line in text.splitlines()):
                reasons[QUOTE] += 1
            elif all(rule in known or isinstance(known, collections.defaultdict) for rule in rules):
                reasons[known[rules[0]]] += 1
            else:
                unexplained.append((rules, why, text[:60]))
        print(f"\n{name}: {agree} of {len(texts)} alike")
        for reason, times in reasons.most_common():
            print(f"  {times:4}  {reason}")
        for case in unexplained[:10]:
            print(f"  NOT EXPLAINED  {case}")
        wrong += len(unexplained)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
