#!/usr/bin/env python3
"""Runs every test and ends in a line `N passed, M failed`.

Unit tests are cmocka programs under $BUILD/tests; the others are Python unittest files under
tests/scenario, tests/integration, tests/browser and tests/fault. Two run at a time. With --tsan only
those that cross threads are run, with --real only tests/real (`make test-real`). Names given on the
command line pick tests whose path contains one of them.
"""
import concurrent.futures
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("BUILD", "build"))
UNIT_TIMEOUT = 240 if not os.environ.get("SOAK") else 3600
SCRIPT_TIMEOUT = 900 if not os.environ.get("SOAK") else 14400
REAL_TIMEOUT = 1800  # a help desk takes its time when the machine is busy
RUNNING = set()  # sessions of the tests under way
TSAN = ("test_core_worker", "test_core_loop", "test_intake", "test_shutdown", "test_alerts")


def unit_tests():
    for source in sorted((ROOT / "tests/unit").glob("*/test_*.c")):
        yield str(BUILD / "tests" / source.parent.name / source.stem)


def scripts(folders=("scenario", "integration", "browser", "fault")):
    for folder in folders:
        for path in sorted((ROOT / "tests" / folder).glob("test_*.py")):
            yield str(path.relative_to(ROOT))


def tally(output, code):
    """Numbers from cmocka's or unittest's own closing lines; a crash counts as one failure."""
    passed = sum(int(n) for n in re.findall(r"^\[  PASSED  \] (\d+) test", output, re.M))
    failed = sum(int(n) for n in re.findall(r"^\[  FAILED  \] (?:\S+: )?(\d+) test", output, re.M))
    ran = re.search(r"^Ran (\d+) tests? in", output, re.M)
    skipped = 0
    if ran:
        bad = sum(int(n) for n in re.findall(r"(?:failures|errors)=(\d+)", output))
        found = re.search(r"skipped=(\d+)", output)
        skipped = int(found.group(1)) if found else 0
        failed += bad
        passed += max(0, int(ran.group(1)) - bad - skipped)  # subtests fail one by one
    if code != 0 and failed == 0:
        failed = 1
    if code == 0 and passed == 0 and skipped == 0:
        failed = 1
        output += "\nno test ran\n"
    return passed, failed, skipped, output


def run_one(test):
    command = [sys.executable, test] if test.endswith(".py") else [test]
    limit = SCRIPT_TIMEOUT if test.endswith(".py") else UNIT_TIMEOUT
    if test.startswith("tests/real/"):
        limit = max(limit, REAL_TIMEOUT)
    env = dict(os.environ, BUILD=str(BUILD), PYTHONPATH=str(ROOT / "tests/lib"),
               PYTHONDONTWRITEBYTECODE="1")
    started = time.monotonic()
    # A session of its own: what the test has started ends with it.
    test_process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, start_new_session=True)
    RUNNING.add(test_process.pid)
    try:
        output = test_process.communicate(timeout=limit)[0].decode(errors="replace")
    except subprocess.TimeoutExpired:
        end_session(test_process.pid)
        output = test_process.communicate()[0].decode(errors="replace") + "\ntimed out\n"
    RUNNING.discard(test_process.pid)
    return test, tally(output, test_process.returncode), time.monotonic() - started


def end_session(pid):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def give_up(_signal, _frame):
    """Ctrl-C: the pool's threads would go on with the next tests."""
    for session in list(RUNNING):
        end_session(session)
    os._exit(130)


def pick(argv):
    tests = list(unit_tests())
    if "--tsan" in argv:
        return [t for t in tests + list(scripts()) if pathlib.Path(t).stem in TSAN]
    tests = list(scripts(("real",))) if "--real" in argv else tests + list(scripts())
    names = [a for a in argv if not a.startswith("-")]
    return [t for t in tests if not names or any(n in t for n in names)]


def main(argv):
    # What a shell starts in the background has SIGINT ignored, and so would the daemons have that
    # tests stop by it.
    signal.signal(signal.SIGINT, give_up)
    passed = failed = skipped = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        for test, (ok, bad, left, output), seconds in pool.map(run_one, pick(argv)):
            passed, failed, skipped = passed + ok, failed + bad, skipped + left
            note = f", {left} skipped" if left else ""
            print(f"{'FAIL' if bad else 'ok  '} {test}  {ok} passed, {bad} failed{note}"
                  f"  ({seconds:.1f} s)", flush=True)
            if bad:
                print("\n".join("    " + line for line in output.splitlines()[-200:]), flush=True)
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
