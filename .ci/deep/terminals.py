"""The programs at terminals and files that go away: see terminals.sh.

terminals.py FOLDER-OF-PROGRAMS WORK TRANSCRIPTS [PROGRAM...]
"""

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time

import pyte

# Each runs on its shipped data, some seconds long.
PROGRAMS = {
    "curate": [], "prune-code": [], "score-text": [], "filter-pairs": [],
    "tokenize": ["--set", "digits", "--steps", "20", "--budget", "0.2"], "prune-layers": [], "memorization": [],
}
LONGEST = 600
# Lines of the terminal: more than any program writes.
LINES = 400
ESCAPE = re.compile(rb"\x1b")
COLOR = re.compile(rb"\x1b\[[0-9;]*[1-9][0-9;]*m")


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, command, columns, **environment):
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.environ.update(environment)
            time.sleep(0.1)  # until the size is set
            os.execv(command[0], command)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.columns, self.bytes = columns, b""

    def read(self, seconds, until=None):
        """What is said in so many seconds; stops at the end or where `until` is said."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not (until and until in self.bytes):
            if select.select([self.master], [], [], 0.05)[0]:
                try:
                    more = os.read(self.master, 65536)
                except OSError:
                    break
                if not more:
                    break
                self.bytes += more

    def close(self):
        """The window is closed."""
        os.close(self.master)

    def wait(self):
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def seen(self):
        """What a person sees in the end."""
        screen = pyte.Screen(self.columns, LINES)
        stream = pyte.ByteStream(screen)
        stream.feed(self.bytes)
        return "\n".join(line.rstrip() for line in screen.display).rstrip()


def shell(script, cwd):
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=cwd, timeout=LONGEST)


class Transcript:
    def __init__(self, path):
        self.file, self.name, self.wrong = open(path, "w"), os.path.basename(path), []

    def say(self, title, text, code, expected, more=""):
        """`expected`: the exit codes that are right."""
        self.file.write(f"=== {title}\nexit code {code}\n{text}\n\n")
        print(f"{self.name:<17} {title:<44} {code}")
        found = [f"exit code {code}, not {expected}"] if code not in expected else []
        for what in found + ([more] if more else []):
            print(f"  WRONG: {what}", flush=True)
            self.wrong.append(f"{self.name}: {title}: {what}")


def fresh(path):
    shutil.rmtree(path, ignore_errors=True)
    return path


def names(path):
    return sorted(os.listdir(path)) if os.path.isdir(path) else []


def panicked(text):
    return "a panic" if "panicked" in text else ""


def look(programs, name, arguments, work, transcripts):
    program = f"{programs}/{name}"
    line = " ".join([program, *arguments])
    out = f"{work}/out"
    t = Transcript(f"{transcripts}/{name}.txt")
    written = []

    def run(title, script, expected=(0,), whole=True):
        found = shell(script, work)
        text = found.stdout + found.stderr
        more = panicked(text)
        if whole and names(out) != written:
            more = more or f"the results are {names(out)}, not {written}"
        t.say(title, text.strip(), found.returncode, expected, more)
        fresh(out)
        return text

    found = shell(f"{line} --out {out}", work)
    written = names(out)
    t.say("to a log", found.stderr, found.returncode, (0,), "escapes in a log" if "\x1b" in found.stderr else "")
    fresh(out)
    status = "; exit ${PIPESTATUS[0]}"
    # Closed pipes.
    run("a reader of the log that leaves", f"{line} --out {out} 2>&1 | head -1{status}")
    run("a reader of the log that never reads", f"{line} --out {out} 2>&1 | true{status}")
    run("a reader of JSON that leaves", f"{line} --out {out} --progress json 2>&1 | head -1{status}")
    run("a reader of --help that leaves", f"{program} --help | head -1{status}", whole=False)
    run("stdout and stderr closed", f"{line} --out {out} >&- 2>&-")
    # Full disks.
    run("the log on a full device", f"{line} --out {out} 2> /dev/full")
    run("JSON on full devices", f"{line} --out {out} --progress json > /dev/full 2> /dev/full")
    run("--help on a full device", f"{program} --help > /dev/full", (0, 1), whole=False)
    full = f"{work}/full/out"
    found = shell(f"{line} --out {full} --progress none", work)
    lines = found.stderr.strip().splitlines()
    small = found.returncode == 0
    more = "" if small or len(lines) == 1 else f"{len(lines)} lines"
    left = [] if small else [n for n in names(full) if n != "checkpoint.bin"]
    t.say("results on a disk of 256 KiB", f"{found.stderr.strip()}\nleft: {names(full)}", found.returncode, (0, 1), more or (f"left {left}" if left else ""))
    fresh(full)
    # Terminals.
    for title, columns, environment in [
        ("a terminal of 80 columns", 80, {"TERM": "xterm-256color"}), ("a terminal of 40 columns", 40, {"TERM": "xterm-256color"}),
        ("TERM=dumb", 80, {"TERM": "dumb"}), ("NO_COLOR=1", 80, {"TERM": "xterm-256color", "NO_COLOR": "1"}),
    ]:
        for what, command in [("", [program, *arguments, "--out", out]), ("--help, ", [program, "--help"]), ("a wrong flag, ", [program, "--no-such-flag"])]:
            terminal = Terminal(command, columns, **environment)
            terminal.read(LONGEST)
            code = terminal.wait()
            more = ""
            if environment["TERM"] == "dumb" and ESCAPE.search(terminal.bytes):
                more = "escapes on a terminal that knows none"
            if "NO_COLOR" in environment and COLOR.search(terminal.bytes):
                more = "colour that was not wanted"
            t.say(what + title, terminal.seen(), code, (2,) if "wrong" in what else (0,), more)
            terminal.close()
            fresh(out)
    # A window that is closed: SIGHUP stops the program, as Ctrl-C does.
    terminal = Terminal([program, *arguments, "--out", out], 80, TERM="xterm-256color")
    terminal.read(0.35)
    terminal.close()
    code = terminal.wait()
    t.say("a terminal that is closed", f"left: {names(out)}", code, (0, 130))
    fresh(out)
    # The same for a program that outlives its window.
    marker = f"{work}/code"
    terminal = Terminal(["/bin/bash", "-c", f"trap '' HUP; {line} --out {out}; echo $? > {marker}"], 80, TERM="xterm-256color")
    terminal.read(0.35)
    terminal.close()
    terminal.wait()
    code = int(open(marker).read())
    t.say("a terminal that is closed, under nohup", f"left: {names(out)}", code, (0, 130))
    fresh(out)
    return t.wrong


def main():
    programs, work, transcripts = map(os.path.abspath, sys.argv[1:4])
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    wrong = []
    for name in sys.argv[4:] or PROGRAMS:
        wrong += look(programs, name, PROGRAMS[name], work, transcripts)
    print("\n".join(wrong) or "all as it shall be")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
