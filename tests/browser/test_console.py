"""The console in a real Chromium, walked by each role over the sample workspace. Every walk_*.test.mjs
runs against a daemon of its own; screenshots go to $BUILD/screenshots (make screenshots keeps them)."""
import os
import pathlib
import re
import shutil
import subprocess
import unittest

from vocd import BUILD, VOCCTL, Daemon

HERE = pathlib.Path(__file__).resolve().parent
LIMIT = 600


def walk(name):
    def run(self):
        d = Daemon(extra="auth:\n  max_failures: 1000\n  bootstrap: tokens.json\n")
        d.config.write_text(d.config.read_text().replace("name: demo", "name: 다온몰 (연습용)"))
        with d:
            env = dict(os.environ, VOC_URL=f"http://127.0.0.1:{d.port}", VOC_TOKENS=str(d.dir / "tokens.json"),
                       VOC_SCREENSHOTS=str(BUILD / "screenshots"))
            subprocess.run([VOCCTL, "sample", "load"], env=env, check=True, stdout=subprocess.DEVNULL)
            done = subprocess.run(["node", "--test", "--test-reporter=tap", name], cwd=HERE, env=env, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT)
        passed = re.search(r"^# pass (\d+)", done.stdout, re.M)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertGreater(int(passed.group(1)) if passed else 0, 0, done.stdout)
    return run


@unittest.skipUnless(shutil.which(os.environ.get("CHROMIUM", "chromium")), "no chromium here")
class Console(unittest.TestCase):
    pass


for _path in sorted(HERE.glob("walk_*.test.mjs")):
    setattr(Console, f"test_{_path.name.split('.')[0]}", walk(_path.name))

if __name__ == "__main__":
    unittest.main()
