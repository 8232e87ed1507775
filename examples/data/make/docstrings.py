"""Makes docstrings.jsonl: documentation of Python's standard library as documents of plain text.

    python3.11 docstrings.py                   # remakes; byte for byte the shipped file under CPython 3.11.7
    python3.11 docstrings.py --out /tmp/text

Documents: the documentation strings of modules and classes with at least 60 words, as `inspect.cleandoc` shows them,
and the text files that lie beside the modules; of each the first 1000 characters, up to the end of a line; of the
documentation strings every third, by the hash of its name, so that a small model reads all of it in minutes. Tests,
copies, and texts that name folders of somebody's machine are left out. Needs nothing but CPython.
"""
import argparse, ast, hashlib, json, os, pathlib, re, sys, sysconfig

FEWEST_WORDS, MOST_CHARACTERS = 60, 1000
SKIP = {"site-packages", "__pycache__", "test", "tests", "idle_test", "ensurepip"}
SUFFIXES = (".txt", ".rst")
MACHINE = re.compile(r"/(work|root|home)/[a-z]")


def files(lib):
    for folder, folders, names in os.walk(lib):
        folders[:] = sorted(set(folders) - SKIP)
        for name in sorted(names):
            yield pathlib.Path(folder, name)


def documents(lib):
    """(id, kind, text) in the order of file names."""
    for path in sorted(files(lib), key=lambda path: path.relative_to(lib).as_posix()):
        name = path.relative_to(lib).as_posix()
        if path.suffix in SUFFIXES and name != "LICENSE.txt":
            yield name, "file", path.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n")
        elif path.suffix == ".py":
            try:
                tree = ast.parse(path.read_text(encoding="utf-8"))
            except (SyntaxError, UnicodeDecodeError):
                continue
            module = name[:-3].replace("/", ".").removesuffix(".__init__")
            for node in ast.walk(tree):
                if isinstance(node, (ast.Module, ast.ClassDef)):
                    kind = "module" if isinstance(node, ast.Module) else "class"
                    yield module + ("" if kind == "module" else f".{node.name}"), kind, ast.get_docstring(node)


def main():
    here = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--out", type=pathlib.Path, default=here, help="folder to write (default: examples/data)")
    options = parser.parse_args()
    if sys.version_info[:3] != (3, 11, 7):
        print(f"this is CPython {sys.version.split()[0]}: other texts than those of 3.11.7", file=sys.stderr)
    lib = pathlib.Path(sysconfig.get_paths()["stdlib"])
    seen, lines = set(), []
    for name, kind, text in documents(lib):
        if not text or len(text.split()) < FEWEST_WORDS or MACHINE.search(text):
            continue
        if kind != "file" and hashlib.sha256(name.encode()).digest()[0] % 3:
            continue
        if len(text) > MOST_CHARACTERS:
            text = text[: text.rindex("\n", 0, MOST_CHARACTERS)]
        if text in seen:
            continue
        seen.add(text)
        lines.append(json.dumps({"id": name, "kind": kind, "text": text}, ensure_ascii=False) + "\n")
    licence = (lib / "LICENSE.txt").read_text(encoding="utf-8")
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "docstrings.jsonl").write_text("".join(lines), encoding="utf-8")
    (options.out / "docstrings-LICENSE.txt").write_text("\n".join(map(str.rstrip, licence.split("\n"))), encoding="utf-8")
    for name in ("docstrings.jsonl", "docstrings-LICENSE.txt"):
        data = (options.out / name).read_bytes()
        print(hashlib.sha256(data).hexdigest(), "", name, len(data))
    print(len(lines), "documents")


if __name__ == "__main__":
    main()
