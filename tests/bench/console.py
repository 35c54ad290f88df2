"""First paint, and how long a record takes to a supervisor's screen, in Chromium on loopback."""
import os
import subprocess

from vocd import ROOT, VOCCTL, Daemon


def main():
    with Daemon() as d:
        env = dict(os.environ, VOC_URL=f"http://127.0.0.1:{d.port}", VOC_TOKENS=str(d.dir / "tokens.json"))
        subprocess.run([VOCCTL, "sample", "load"], env=env, check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["node", "bench_console.mjs"], cwd=ROOT / "tests/browser", env=env, check=True)


if __name__ == "__main__":
    main()
