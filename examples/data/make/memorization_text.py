"""Texts and tags for memorization.py: WordNet's glosses as word tokens, each with a part of speech.

A text is the definition of one gloss (examples left out), split into words and marks, case kept. Of the definitions of
16 to 40 tokens all of whose words are among the most frequent ones, a seeded shuffle takes as many as asked.

Tags come from closed lists (articles, pronouns, prepositions, conjunctions, auxiliaries, number words) and from WordNet
itself: a capitalised lemma is a proper noun; other words have the part of speech of the senses counted most often in
index.sense, over their base forms by WordNet's exception lists and rules of detachment. Words that stay unknown are
"other". No context is used, so "work" is always a noun; the tags are the same for true and predicted tokens.
"""
import collections, hashlib, pathlib, random, re

TAGS = ["noun", "proper noun", "verb", "adjective", "adverb", "numeral", "determiner", "pronoun", "preposition",
        "conjunction", "auxiliary", "punctuation", "other"]
CLOSED = {
    "determiner": "a an the this that these those every each some any no all both either neither another such its his "
                  "her their your my our whose what which",
    "pronoun": "i you he she it we they him them us me who whom someone something one anything nothing everything "
               "oneself himself itself themselves others none",
    "preposition": "of in to for with by from on at as into over under between among through during against about "
                   "without within around near upon toward towards after before behind beside above below across along "
                   "off out up down onto per via like than until since despite except beyond",
    "conjunction": "and or but nor if while because although though whereas so when where whether how",
    "auxiliary": "is are was were be been being am has have had having do does did can could may might must shall "
                 "should will would not",
    "numeral": "two three four five six seven eight nine ten eleven twelve twenty thirty fifty hundred thousand "
               "million billion first second third fourth",
}
DETACH = {
    "n": [("s", ""), ("ses", "s"), ("xes", "x"), ("zes", "z"), ("ches", "ch"), ("shes", "sh"), ("men", "man"), ("ies", "y")],
    "v": [("s", ""), ("ies", "y"), ("es", "e"), ("es", ""), ("ed", "e"), ("ed", ""), ("ing", "e"), ("ing", "")],
    "a": [("er", ""), ("est", ""), ("er", "e"), ("est", "e")],
    "r": [],
}
FILES = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}
NAMES = {"n": "noun", "v": "verb", "a": "adjective", "r": "adverb"}
WORD = re.compile(r"[A-Za-z]+(?:['-][A-Za-z]+)*|\d+(?:[.,]\d+)*|[^\sA-Za-z\d]")


def definitions(folder):
    """The definition of every synset as a list of tokens, in the order of the files, duplicates left out."""
    seen = set()
    for name in ("noun", "verb", "adj", "adv"):
        for line in (folder / f"data.{name}").read_text(encoding="latin-1").splitlines():
            if line.startswith("  "):
                continue
            gloss = line.split(" | ", 1)[1]
            text = gloss.split('; "')[0].strip()
            tokens = tuple(WORD.findall(text))
            if tokens not in seen:
                seen.add(tokens)
                yield list(tokens)


def choose(folder, count, vocabulary, seed=2022):
    """`count` texts over at most `vocabulary` words, and the words in order of frequency (then of the alphabet)."""
    texts = [tokens for tokens in definitions(folder) if 16 <= len(tokens) <= 40]
    frequency = collections.Counter(word for tokens in texts for word in tokens)
    common = set(sorted(frequency, key=lambda word: (-frequency[word], word))[:vocabulary])
    fit = [tokens for tokens in texts if common.issuperset(tokens)]
    assert len(fit) >= count, f"only {len(fit)} texts fit"
    random.Random(seed).shuffle(fit)
    fit = fit[:count]
    frequency = collections.Counter(word for tokens in fit for word in tokens)
    return fit, sorted(frequency, key=lambda word: (-frequency[word], word))


class Tagger:
    """Part of speech of a word form."""

    def __init__(self, folder):
        self.counts = collections.defaultdict(collections.Counter)
        self.capital = set()
        for line in (folder / "index.sense").read_text(encoding="latin-1").splitlines():
            key, _, _, count = line.split()
            lemma, rest = key.split("%")
            pos = {"1": "n", "2": "v", "3": "a", "4": "r", "5": "a"}[rest[0]]
            # One more than counted, so that uncounted senses weigh something.
            self.counts[lemma][pos] += int(count) + 1
        for line in (folder / "data.noun").read_text(encoding="latin-1").splitlines():
            if not line.startswith("  "):
                fields = line.split(" ")
                for i in range(int(fields[3], 16)):
                    self.capital.update(part for part in fields[4 + 2 * i].split("_") if part[:1].isupper())
        self.exceptions = {pos: collections.defaultdict(list) for pos in FILES}
        for pos, name in FILES.items():
            for line in (folder / f"{name}.exc").read_text(encoding="latin-1").splitlines():
                form, *bases = line.split()
                self.exceptions[pos][form] += bases
        self.closed = {word: tag for tag, words in CLOSED.items() for word in words.split()}

    def tag(self, word):
        if not word[0].isalnum():
            return "punctuation"
        if word[0].isdigit():
            return "numeral"
        if word.lower() in self.closed:
            return self.closed[word.lower()]
        if word[0].isupper() and word in self.capital:
            return "proper noun"
        form, votes = word.lower(), collections.Counter()
        for pos in FILES:
            bases = {form, *self.exceptions[pos][form]}
            bases.update(form[: len(form) - len(end)] + new for end, new in DETACH[pos] if form.endswith(end))
            for base in bases:
                votes[pos] += self.counts[base][pos] if base in self.counts else 0
        best = max("nvar", key=lambda pos: (votes[pos], pos == "n"))
        return NAMES[best] if votes[best] else "other"


def digest(folder):
    """SHA-256 over the files used, so that a remake can say that it had the same ones."""
    names = sorted(["data.noun", "data.verb", "data.adj", "data.adv", "index.sense"] + [f"{n}.exc" for n in FILES.values()])
    return hashlib.sha256(b"".join((folder / name).read_bytes() for name in names)).hexdigest()


if __name__ == "__main__":
    import sys
    folder = pathlib.Path(sys.argv[1])
    texts, words = choose(folder, 1280, int(sys.argv[2]))
    tagger = Tagger(folder)
    print(len(texts), sum(map(len, texts)), len(words), digest(folder))
    shares = collections.Counter(tagger.tag(word) for tokens in texts for word in tokens)
    print({tag: shares[tag] for tag in TAGS})
    for tag in TAGS:
        print(tag, [word for word in words if tagger.tag(word) == tag][:20])
    for tokens in texts[:8]:
        print(" ".join(tokens))
