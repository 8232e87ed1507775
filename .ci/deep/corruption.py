"""Judges texts that `prune-code corrupt` made of real files: see corruption.sh, which fetches what this needs.

corruption.py PROGRAM FOLDER [LANGUAGE...]
"""

import collections
import glob
import json
import os
import py_compile
import re
import subprocess
import sys
import tarfile

LEAST, MOST, LARGEST = 5, 8, 120_000
CONTENT = ["statements", "bodies", "swapped-lines", "comments", "truncation"]
KINDS = ["closing-brackets", "terminators", "indentation", "renames", "conditionals", "index-offsets", *CONTENT]
JUDGES = {
    "python": "py_compile", "rust": "rustfmt", "c": "gcc -fsyntax-only, errors of the parser",
    "cpp": "g++ -fsyntax-only, errors of the parser", "javascript": "node --check", "typescript": "esbuild",
    "java": "the parser of javac", "go": "gofmt -e", "sql": "sqlglot", "shell": "bash -n",
}
# What gcc's parser says; what it knows of types and names is another matter.
PARSER = re.compile(r"error: (expected|stray|missing terminating|unterminated|.*before .* token|.*at end of input|else without)")

JAVA = """
import com.sun.source.util.JavacTask;
import java.io.File;
import java.util.List;
import javax.tools.*;

public class Judge {
    public static void main(String[] names) throws Exception {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        for (String name : names) {
            DiagnosticCollector<JavaFileObject> found = new DiagnosticCollector<>();
            StandardJavaFileManager files = compiler.getStandardFileManager(found, null, null);
            JavacTask task = (JavacTask) compiler.getTask(null, files, found, null, null, files.getJavaFileObjects(new File(name)));
            boolean ok;
            try {
                task.parse();
                ok = found.getDiagnostics().stream().noneMatch(d -> d.getKind() == Diagnostic.Kind.ERROR);
            } catch (RuntimeException | Error e) {
                ok = false; // the parser itself gave up
            }
            System.out.println((ok ? "yes " : "no ") + name);
        }
    }
}
"""


def run(command, text=None, **more):
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=900, **more)


def unpack(folder):
    for archive in glob.glob(f"{folder}/*.tgz") + glob.glob(f"{folder}/*.tar.gz"):
        into = archive.rsplit(".t", 1)[0]
        with tarfile.open(archive) as tar:
            tar.extractall(into, filter="data")


def sources(folder):
    """Where to look for files of each language, in order."""
    crates = os.environ.get("CARGO_HOME", os.path.expanduser("~/.cargo")) + "/registry/src/*"
    here = lambda pattern: sorted(glob.glob(pattern, recursive=True))
    python = os.path.dirname(os.__file__)
    go = run(["go", "env", "GOROOT"]).stdout.strip()
    scripts = [f for f in here("/usr/bin/*") + here("/usr/share/**/*.sh") if is_script(f)]
    names = lambda root, *names: [f"{root}/{name}" for name in names]
    return {
        "python": names(python, "argparse.py", "json/decoder.py", "heapq.py", "textwrap.py", "shlex.py", "contextlib.py", "functools.py", "csv.py"),
        "rust": here(f"{crates}/csv-1*/src/*.rs") + here(f"{crates}/indicatif-*/src/*.rs"),
        "c": here(f"{crates}/zstd-sys-*/zstd/lib/common/*.c") + here(f"{crates}/zstd-sys-*/zstd/lib/decompress/*.c"),
        "cpp": names("/usr/include/c++/12", "any", "optional", "bitset", "array", "numeric", "complex", "valarray", "functional"),
        "javascript": here(f"{folder}/commander-*/**/*.js") + here(f"{folder}/semver-*/**/classes/*.js"),
        "typescript": here(f"{folder}/rxjs-*/**/src/internal/*.ts"),
        "java": here(f"{folder}/react-native-*/**/*.java"),
        "go": [f"{go}/src/{name}" for name in ("bufio/scan.go", "strings/builder.go", "container/heap/heap.go", "sort/search.go", "bytes/reader.go", "text/scanner/scanner.go", "encoding/csv/reader.go", "path/path.go")],
        "sql": here(f"{folder}/sqlglot-*/**/tpc-*/*.sql") + here(f"{folder}/sqlglot-*/**/optimizer/*.sql"),
        "shell": scripts,
    }


def is_script(path):
    try:
        with open(path, "rb") as file:
            return re.match(rb"#! ?/(usr/)?bin/(ba)?sh\b", file.read(64)) is not None
    except OSError:
        return False


def accepted(language, items, folder):
    """Whether the judge accepts each (text, path of the original)."""
    ends = {"python": "py", "rust": "rs", "c": "c", "cpp": "cc", "javascript": "js", "typescript": "ts", "java": "java", "go": "go", "sql": "sql", "shell": "sh"}
    work = f"{folder}/judged"
    os.makedirs(work, exist_ok=True)
    paths = []
    for i, (text, original) in enumerate(items):
        end = ends[language]
        if language == "javascript":
            end = "mjs" if re.search(r"^(import|export) ", open(original).read(), re.M) else "cjs"
        paths.append(f"{work}/f{i}.{end}")
        with open(paths[-1], "w", newline="") as file:
            file.write(text)
    if language == "java":
        judge = f"{folder}/Judge.java"
        open(judge, "w").write(JAVA)
        lines = run(["java", judge, *paths]).stdout.splitlines()
        verdicts = {line.split(" ", 1)[1]: line.startswith("yes") for line in lines}
        return [verdicts.get(path, False) for path in paths]
    return [one(language, path, original, folder) for path, (_, original) in zip(paths, items)]


def one(language, path, original, folder):
    if language == "python":
        try:
            py_compile.compile(path, cfile=f"{folder}/judged/x.pyc", doraise=True)
            return True
        except (py_compile.PyCompileError, ValueError):
            return False
    if language == "sql":
        import sqlglot
        try:
            sqlglot.parse(open(path).read(), error_level=sqlglot.ErrorLevel.RAISE)
            return True
        except Exception:
            return False
    if language in ("c", "cpp"):
        compiler = ["gcc", "-x", "c"] if language == "c" else ["g++", "-x", "c++", "-std=c++20"]
        found = run([*compiler, "-fsyntax-only", "-w", "-fmax-errors=0", "-I", os.path.dirname(original), path])
        return not PARSER.search(found.stderr)
    command = {
        "rust": ["rustfmt", "--edition", "2024", "--config", "skip_children=true", "--check"],
        "javascript": ["node", "--check"], "go": ["gofmt", "-e", "-l"], "shell": ["bash", "-n"],
        "typescript": [f"{folder}/node_modules/.bin/esbuild", "--log-level=error"],
    }[language]
    found = run([*command, path])
    if language == "rust":
        return not re.search(r"^error", found.stderr, re.M)
    return found.returncode == 0


def main():
    program, folder = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    unpack(folder)
    wrong = []
    print(f"{'language':<11} {'files':>5} " + " ".join(f"{kind[:13]:>13}" for kind in KINDS))
    for language, paths in sources(folder).items():
        if sys.argv[3:] and language not in sys.argv[3:]:
            continue
        found = []
        for path in paths:
            try:
                text = open(path, newline="", encoding="utf-8").read()
            except (OSError, UnicodeDecodeError):
                continue
            if 600 < len(text) < LARGEST:
                found.append((path, text))
            if len(found) == 3 * MOST:
                break
        before = accepted(language, [(text, path) for path, text in found], folder)
        texts = [one for one, ok in zip(found, before) if ok][:MOST]
        if len(texts) < LEAST:
            wrong.append(f"{language}: only {len(texts)} files were found and accepted before")
        lines = "".join(json.dumps({"id": path, "text": text}) + "\n" for path, text in texts)
        shares = collections.defaultdict(lambda: [0, 0])
        for rate in ("0.1", "0.5"):
            command = [program, "corrupt", "--kind", "all", "--rate", rate, "--seed", "7", "--syntax", language]
            found = run(command, lines)
            assert found.returncode == 0, found.stderr
            records = [json.loads(line) for line in found.stdout.splitlines()]
            changed = [r for r in records if r["unchanged"] is None]
            judged = accepted(language, [(r["text"], r["id"]) for r in changed], folder)
            for record, ok in zip(changed, judged):
                assert record["syntax"].startswith(language), record["syntax"]
                shares[record["kind"]][0] += ok
                shares[record["kind"]][1] += 1
                if not ok and record["kind"] in CONTENT:
                    wrong.append(f"{language}: {record['kind']} at {rate} of {os.path.basename(record['id'])} is refused")
        cells = [f"{shares[k][0]} of {shares[k][1]}" if shares[k][1] else "-" for k in KINDS]
        print(f"{language:<11} {len(texts):>5} " + " ".join(f"{cell:>13}" for cell in cells), flush=True)
    print("\nJudges: " + "; ".join(f"{language}: {judge}" for language, judge in JUDGES.items()))
    print("\n".join(wrong[:60]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
