#!/usr/bin/env python3
"""make lint: the walls of the house, two compilers, sizes, formatting, static analysis, the
API document.

Prints the figures of every part and what is wrong, FILE:LINE: first; ends with exit 1 when anything
is past a hard limit. `lint.py walls sizes` runs only the named parts; LINT_JOBS sets the jobs.
"""
import json
import os
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
JOBS = int(os.environ.get("LINT_JOBS", "2"))
TOP = ["base", "nlp", "store", "daemon", "lexicons", "tests"]

# --- reading sources ---


def sources():
    found = []
    for top in TOP:
        for folder, folders, names in os.walk(os.path.join(ROOT, top)):
            folders[:] = sorted(f for f in folders if not f.startswith((".", "build-", "node_modules")))
            for name in sorted(names):
                if name.endswith((".c", ".h")):
                    found.append(os.path.relpath(os.path.join(folder, name), ROOT))
    return found


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="surrogateescape") as f:
        return f.read()


TOKENS = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def code_only(text):
    """The text without comments and literals, every line where it was."""
    def blank(m):
        s = m.group(0)
        if s[0] == "/":
            return re.sub(r"[^\n]", " ", s)
        return s[0] + " " * (len(s) - 2) + s[-1]
    return TOKENS.sub(blank, text)


class Report:
    def __init__(self):
        self.problems = []
        self.cache = {}

    def problem(self, path, line, what):
        self.problems.append(f"{path}:{line}: {what}")

    def text(self, path):
        if path not in self.cache:
            text = read(path)
            self.cache[path] = (text, code_only(text))
        return self.cache[path]


# --- (a) walls ---

LIBC = set("""alloca assert complex ctype dirent dlfcn endian errno fcntl fenv float fnmatch ftw getopt glob grp
    immintrin
    iconv ifaddrs inttypes iso646 langinfo libgen limits locale malloc math netdb poll pthread pwd
    regex sched search semaphore setjmp signal spawn stdalign stdarg stdatomic stdbool stddef stdint
    stdio stdlib stdnoreturn string strings syslog termios threads time uchar unistd utime wchar
    wctype arpa/inet net/if netinet/in netinet/tcp sys/eventfd sys/file sys/ioctl sys/mman sys/mount
    sys/prctl sys/random sys/resource sys/select sys/socket sys/stat sys/statfs sys/statvfs
    sys/syscall sys/time sys/timerfd sys/types sys/uio sys/un sys/utsname sys/vfs sys/wait
    sys/xattr linux/limits sanitizer/asan_interface sanitizer/lsan_interface""".split())

# Headers of libraries: pattern, and where they may be included (prefixes of paths).
LIBRARIES = [
    (r"pcre2\.h", ["nlp/"]),
    (r"utf8proc\.h", ["nlp/", "daemon/", "lexicons/build/"]),
    (r"lmdb\.h", ["store/", "tests/bench/"]),
    (r"z(std|dict).*\.h", ["store/"]),
    (r"xxhash\.h", ["store/", "daemon/", "tests/unit/store/"]),
    (r"uv\.h", ["daemon/", "tests/"]),
    (r"curl/.*", ["daemon/core/fetch", "daemon/ctl/client.c", "tests/fuzz/fuzz_connector.c"]),
    (r"jansson\.h", ["daemon/", "tests/", "lexicons/build/"]),
    (r"libfyaml\.h", ["daemon/"]),
    (r"expat\.h", ["daemon/collect/decode.c", "daemon/format/xlsx"]),
    (r"zip\.h", ["daemon/format/xlsx", "tests/lib/workbook.c"]),
    (r"gmime/.*", ["daemon/format/mime.c"]),
    (r"gsl/.*", ["daemon/stats.c"]),
    (r"http_parser\.h", ["daemon/http/parser.c"]),
    (r"systemd/.*", ["daemon/core/systemd.c"]),
    (r"unicode/.*", ["daemon/core/zone.c"]),
    (r"openssl/.*", ["daemon/", "tests/"]),
    (r"crypt\.h", ["daemon/format/bcrypt.c"]),
    (r"cmocka\.h", ["tests/"]),
]

# Which folders' headers a folder may include. The first prefix that fits counts.
FLOORS = [
    ("base/", ["base/"]),
    ("nlp/", ["base/", "nlp/"]),
    ("store/", ["base/", "store/"]),
    ("lexicons/", ["base/", "nlp/", "lexicons/"]),
    ("tests/unit/base/", ["base/", "tests/lib/", "tests/unit/base/"]),
    ("tests/unit/nlp/", ["base/", "nlp/", "tests/lib/", "tests/unit/nlp/"]),
    ("tests/unit/store/", ["base/", "store/", "tests/lib/", "tests/unit/store/"]),
    ("tests/", ["base/", "nlp/", "store/", "daemon/", "lexicons/", "tests/"]),
    ("daemon/", ["base/", "nlp/", "store/", "daemon/"]),
]
# Of these floors, others see the public headers only.
PUBLIC = {"nlp/": ["nlp/nlp.h", "nlp/build.h", "nlp/nlp_build.h"], "store/": ["store/store.h"]}

# What the pure floors must not call: the world comes in through parameters.
WORLD = re.compile(r"\b(getenv|secure_getenv|clock_gettime|gettimeofday|time|localtime|localtime_r|"
                   r"pthread_create|thrd_create|fork|syslog|rand|random|getrandom|perror)\s*\(")
STDERR = re.compile(r"\bstderr\b")
# What has a better way.
BANNED = re.compile(r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|atof|alloca|system|"
                    r"popen|tmpnam|mktemp|setjmp)\s*\(")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]', re.M)


def check_angle(report, path, line, name):
    for pattern, places in LIBRARIES:
        if re.fullmatch(pattern, name):
            if not path.startswith(tuple(places)):
                report.problem(path, line, f"<{name}> belongs to {' '.join(places)}")
            return
    if name.removesuffix(".h") not in LIBC:
        report.problem(path, line, f"<{name}> is no header lint.py knows")


def check_quoted(report, path, line, name):
    if name.endswith(".inc") and "/" not in name:
        return  # the build wrote it, for the one file that names it
    for prefix, allowed in FLOORS:
        if path.startswith(prefix):
            if not name.startswith(tuple(allowed)):
                report.problem(path, line, f'"{name}" is behind a wall (or not written from the root)')
            break
    for floor, public in PUBLIC.items():
        inside = path.startswith((floor, "tests/", "lexicons/build/"))
        if name.startswith(floor) and not inside and name not in public:
            report.problem(path, line, f'"{name}" is not public: {" ".join(public)}')


# Programs that make data for the build, run by hand.
TOOLS = ("lexicons/build/", "store/zdict/")


def check_calls(report, path, code):
    pure = path.startswith(("base/", "nlp/", "store/")) and path != "base/clock.c"
    if path.startswith(TOOLS):
        return
    for number, line in enumerate(code.split("\n"), 1):
        if pure and (WORLD.search(line) or STDERR.search(line)):
            report.problem(path, number, "clock, chance, environment, threads and stderr are daemon's")
        if not path.startswith("tests/") and BANNED.search(line):
            report.problem(path, number, f"not used here: {BANNED.search(line).group(1)}()")
        if re.match(r"\s*typedef\s+(struct|union|enum)\b[^(]*$", line):
            report.problem(path, number, "struct foo, without a typedef")


def walls(report, files):
    parsers = set()
    for path in files:
        text, code = report.text(path)
        names = {}
        for m in INCLUDE.finditer(text):
            line = text.count("\n", 0, m.start(2)) + 1
            names[m.group(2)] = line
            (check_angle if m.group(1) == "<" else check_quoted)(report, path, line, m.group(2))
            if m.group(2) == "http_parser.h":
                parsers.add(path)
        both = "nlp/nlp.h" in names and "store/store.h" in names
        if both and not path.startswith(("daemon/pipeline/", "tests/")):
            report.problem(path, names["store/store.h"], "nlp and store meet in daemon/pipeline/ only")
        check_calls(report, path, code)
    return f"{len(files)} files, http_parser.h in {len(parsers)}"


# --- (b) compilers ---


def flags():
    """What the Makefile compiles with."""
    out = subprocess.run(["make", "-s", "--no-print-directory", "CFLAGS=", "--eval",
                          "lint-flags:;@:$(info $(ALL_CFLAGS))", "lint-flags"],
                         cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return shlex.split(out)


def run(command):
    p = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True, errors="replace")
    return p.returncode, p.stdout


def each(commands):
    with ThreadPoolExecutor(JOBS) as pool:
        return list(pool.map(run, commands))


def compilers(report, files):
    sources_c = [f for f in files if f.endswith(".c")]
    common = flags()
    commands = [[cc, *common, "-fsyntax-only", f] for f in sources_c for cc in ("gcc", "clang")]
    for command, (code, out) in zip(commands, each(commands)):
        if code != 0:
            report.problems.append(f"{command[0]} {command[-1]}:\n{out.rstrip()[:2000]}")
    return f"{len(sources_c)} files by gcc and clang"


# --- (c) sizes ---

FUNCTION_HARD, FILE_HARD, HEADER_HARD, HEADER_SOFT = 120, 900, 200, 120
COLUMNS, BRANCHES_HARD = 100, 25
BRANCH = re.compile(r"\b(?:if|for|while|case)\b|&&|\|\||\?")


def functions(code):
    """(line, name, lines, branches) of each: its braces stand alone in the first column."""
    lines = code.split("\n")
    start = None
    for i, line in enumerate(lines):
        if line == "{" and start is None:
            start = i
        elif line == "}" and start is not None:
            head = ""
            k = start - 1
            while k >= 0 and lines[k] and not lines[k].startswith(("}", "#")) and \
                    not lines[k].rstrip().endswith(";"):
                head = lines[k] + " " + head
                k -= 1
            m = re.search(r"([A-Za-z_]\w*)\s*\(", head)
            body = "\n".join(lines[start:i + 1])
            yield start + 1, m.group(1) if m else "?", i - start + 1, 1 + len(BRANCH.findall(body))
            start = None


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p))] if values else 0


def measure(report, path, figures):
    text, code = report.text(path)
    count = text.count("\n")
    hard = HEADER_HARD if path.endswith(".h") else FILE_HARD
    figures["headers" if path.endswith(".h") else "files"].append(count)
    if count > hard:
        report.problem(path, count, f"{count} lines, more than {hard}")
    if path.endswith(".h") and count > HEADER_SOFT:
        figures["long headers"].append(f"{path} ({count})")
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > COLUMNS:
            report.problem(path, number, f"{len(line)} columns, more than {COLUMNS}")
        if "\t" in line or line != line.rstrip():
            report.problem(path, number, "a tab, or white space at the end")
    for line, name, lines, branches in functions(code):
        figures["functions"].append(lines)
        figures["branches"].append(branches)
        if lines > FUNCTION_HARD:
            report.problem(path, line, f"{name}() has {lines} lines, more than {FUNCTION_HARD}")
        if branches > BRANCHES_HARD:
            report.problem(path, line, f"{name}() has a complexity of {branches}, more than "
                                       f"{BRANCHES_HARD}")


def sizes(report, files):
    shown = []
    for label, chosen in (("product", [f for f in files if not f.startswith("tests/")]),
                          ("tests", [f for f in files if f.startswith("tests/")])):
        figures = {k: [] for k in ("files", "headers", "functions", "branches", "long headers")}
        for path in chosen:
            measure(report, path, figures)
        if not figures["functions"]:
            continue
        fn, br = figures["functions"], figures["branches"]
        shown.append(
            f"{label}: {len(figures['files'])} files (median {statistics.median(figures['files']):.0f}, "
            f"p95 {percentile(figures['files'], .95)}, most {max(figures['files'])} lines), "
            f"{len(fn)} functions (median {statistics.median(fn):.0f}, p95 {percentile(fn, .95)}, "
            f"most {max(fn)} lines; complexity p95 {percentile(br, .95)}, most {max(br)})")
        if label == "product":
            soft(report, figures)
        if figures["long headers"]:
            shown.append("over 120 lines: " + ", ".join(figures["long headers"]))
    return "\n    ".join(shown)


def soft(report, figures):
    """Limits of the whole: one file alone can not be blamed for them."""
    for what, value, limit in (
            ("median function", statistics.median(figures["functions"]), 16),
            ("p95 of functions", percentile(figures["functions"], .95), 70),
            ("p95 of files", percentile(figures["files"], .95), 700)):
        if value > limit:
            report.problems.append(f"{what}: {value:.0f} lines, more than {limit}")


# --- (d) formatting ---


def formatting(report, files):
    if not shutil.which("clang-format"):
        return "no clang-format here"
    chunks = [files[i:i + 20] for i in range(0, len(files), 20)]
    off = set()
    for _, out in each([["clang-format", "--dry-run", *c] for c in chunks]):
        off.update(m.group(1) for m in re.finditer(r"^([^\s:]+\.[ch]):\d+:\d+: ", out, re.M))
    for path in sorted(off):
        report.problem(path, 1, f"not formatted: clang-format -i {path}")
    return f"{len(files) - len(off)} of {len(files)} files formatted"


# --- (e) static analysis ---

# Of what cppcheck says: uses after free, bounds, formats. Its guesses about values and leaks through
# a second pointer are mostly wrong; the sanitizers see those.
KEPT = ("memleakOnRealloc", "resourceLeak", "doubleFree", "deallocuse", "mismatchAllocDealloc",
        "arrayIndexOutOfBounds", "bufferAccessOutOfBounds", "autoVariables", "returnDangling", "zerodiv",
        "invalidPrintf", "invalidScanf", "wrongPrintf", "uninitdata", "useClosedFile", "selfAssign",
        "sizeofwith", "sizeofCalculation", "pointerSize", "memsetValueOutOfRange", "nullPointerArith")
CPPCHECK = ["cppcheck", "-q", f"-j{JOBS}", "--std=c11", "--enable=warning,portability",
            "--inline-suppr", "--max-configs=1", "-D_GNU_SOURCE", '-DVOC_VERSION="0"', "-I.",
            "--suppress=missingInclude", "--suppress=missingIncludeSystem",
            "--template={file}:{line}: {id}: {message}"]


def cppcheck(report, files):
    if not shutil.which("cppcheck"):
        return "no cppcheck here"
    chosen = [f for f in files if f.endswith(".c") and not f.startswith("tests/")]
    _, out = run([*CPPCHECK, *chosen])
    report.problems += [line for line in out.splitlines()
                        if re.match(rf"\S+:\d+: ({'|'.join(KEPT)})", line)]
    return f"{len(chosen)} files"


# Checks that find bugs, not taste; the analyzer's paths take minutes and guess wrong too often.
TIDY = "-*," + ",".join("bugprone-" + c for c in """suspicious-memset-usage misplaced-widening-cast infinite-loop suspicious-string-compare
    redundant-branch-condition too-small-loop-variable unused-return-value posix-return
    terminating-continue assert-side-effect macro-repeated-side-effects suspicious-semicolon
    integer-division multiple-statement-macro""".split())


def tidy(report, files):
    if not shutil.which("clang-tidy"):
        return "no clang-tidy here"
    chosen = [f for f in files if f.endswith(".c")]
    common = [f for f in flags() if f.startswith(("-I", "-D", "-std"))]
    chunks = [chosen[i:i + 20] for i in range(0, len(chosen), 20)]
    commands = [["clang-tidy", "--quiet", f"-checks={TIDY}", *c, "--", *common] for c in chunks]
    found = set()
    for _, out in each(commands):
        for m in re.finditer(r"^(\S+?):(\d+):\d+: (?:warning|error): (.*)$", out, re.M):
            found.add((os.path.relpath(m.group(1), ROOT), int(m.group(2)), m.group(3)))
    for path, line, what in sorted(found):
        report.problem(path, line, what)
    return f"{len(chosen)} files"


# --- (f) shell ---


def shell(report, files):
    if not shutil.which("shellcheck"):
        return "no shellcheck here"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    names = [n for n in listed.stdout.split("\0") if n.endswith((".sh", ".bash-completion")) or
             (n and open(os.path.join(ROOT, n), "rb").read(20).startswith((b"#!/bin/sh", b"#!/usr/bin/env bash")))]
    _, out = run(["shellcheck", "-f", "gcc", "-e", "SC1091", *names])
    report.problems += [line for line in out.splitlines() if line]
    return f"{len(names)} files"


# --- (g) the API document ---

TOOLS_FOLDER = os.path.join(ROOT, "tests/tools")


def node_tools():
    """What package-lock.json names, installed anew when it changed. The error, or None."""
    lock = os.path.join(TOOLS_FOLDER, "package-lock.json")
    mark = os.path.join(TOOLS_FOLDER, "node_modules/.package-lock.json")
    if os.path.exists(mark) and os.path.getmtime(mark) >= os.path.getmtime(lock):
        return None
    p = subprocess.run(["npm", "ci"], cwd=TOOLS_FOLDER, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True)
    return f"npm ci: {p.stdout.strip()[-800:]}" if p.returncode else None


def openapi(report, files):
    if not shutil.which("npm"):
        return "no npm here"
    document = "daemon/api/openapi.json"
    error = node_tools()
    if error:
        report.problem("tests/tools/package.json", 1, error)
        return "not looked at"
    code, out = run([os.path.join(TOOLS_FOLDER, "node_modules/.bin/spectral"), "lint", "-q",
                     "--fail-severity=hint", "-r", "tests/tools/spectral.yaml", "-f", "text", document])
    found = [line for line in out.splitlines() if re.search(r"\.json:\d+:\d+ ", line)]
    report.problems += [os.path.relpath(line, ROOT) for line in found]
    if code and not found:
        report.problem(document, 1, out.strip()[-800:])
    return f"{len(json.loads(read(document))['paths'])} paths"


# --- (g) the console ---

WEB_FOLDER = os.path.join(ROOT, "daemon/console/web")


def console(report, files):
    """Types of the console's sources; make has installed what package-lock.json names."""
    checker = os.path.join(WEB_FOLDER, "node_modules/.bin/tsc")
    if not os.path.exists(checker):
        return "not installed: make all"
    p = subprocess.run([checker, "--noEmit", "--pretty", "false"], cwd=WEB_FOLDER, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    found = re.findall(r"^(\S+?)\((\d+),\d+\): error (.*)$", p.stdout, re.M)
    for path, line, what in found:
        report.problem(f"daemon/console/web/{path}", line, what)
    if p.returncode and not found:
        report.problem("daemon/console/web/tsconfig.json", 1, p.stdout.strip()[-800:])
    folder = os.path.join(WEB_FOLDER, "src")
    return f"{sum(n.endswith(('.ts', '.tsx')) for n in os.listdir(folder))} files"


PARTS = {"walls": walls, "compilers": compilers, "sizes": sizes, "format": formatting,
         "cppcheck": cppcheck, "tidy": tidy, "shell": shell,
         "openapi": openapi, "console": console}


def main(argv):
    unknown = [a for a in argv if a not in PARTS]
    if unknown:
        sys.exit(f"lint.py: no such part: {' '.join(unknown)}; there are {' '.join(PARTS)}")
    files, failed = sources(), 0
    for name in argv or PARTS:
        report, begin = Report(), time.monotonic()
        figures = PARTS[name](report, files)
        print(f"{name} ({time.monotonic() - begin:.1f} s)\n    {figures}")
        for p in report.problems:
            print("  " + p)
        failed += len(report.problems)
        sys.stdout.flush()
    print(f"lint: {failed} problems" if failed else "lint: clean")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
