"""Every preset as it is shipped, walked by the daemon against its fixture (tests/lib/presets.py): all
of it once, after a kill in the middle; then only what is new; nothing of the credentials in the log.

What is changed in a preset are its addresses, and its own budget, which a test need not wait for."""
import re
import subprocess
import unittest

import presets
from upstream import Upstream
from vocd import ROOT, VOCCTL, Daemon, eventually

CONNECTORS = ROOT / "daemon/connectors"


def key(kind):
    option = {"RSA": "rsa_keygen_bits:2048", "EC": "ec_paramgen_curve:P-256"}[kind]
    return subprocess.run(["openssl", "genpkey", "-algorithm", kind, "-pkeyopt", option], check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()


def localized(name, url):
    """The preset with its own hosts at `url`; the rest of it as it is."""
    text = (CONNECTORS / f"{name}.yaml").read_text()
    body = "".join(line for line in text.splitlines(True) if not line.startswith("#"))
    body = re.sub(r"^(base|    token_url): https://[^/\n]+", rf"\1: {url}", body, flags=re.M)
    return re.sub(r"budget: [0-9]+/[0-9a-z]+", "budget: 1000/1s", body)


class Presets(unittest.TestCase):
    def test_every_preset_has_a_fixture(self):
        named = {str(p.relative_to(CONNECTORS))[:-5] for p in CONNECTORS.rglob("*.yaml")}
        # Others: test_mail.py, test_mail_token.py, test_hook_presets.py.
        self.assertEqual(named - {"imap", "standard-webhooks", "microsoft-365-mail", "gmail", "google-workspace-mail"}, {f.preset for f in presets.FIXTURES})

    def test_unverified_fixtures_say_so(self):
        for f in presets.FIXTURES:
            status = re.search(r"^status: (\w+)", (CONNECTORS / f"{f.preset}.yaml").read_text(), re.M)[1]
            self.assertEqual("UNVERIFIED" in f.__doc__, status == "unverified", f.preset)
            self.assertEqual(f.preset.startswith("unverified/"), status == "unverified", f.preset)

    def test_presets_name_their_evidence(self):
        for path in CONNECTORS.glob("*.yaml"):
            self.assertIn("# Evidence: ", path.read_text(), path.name)

    def start(self, fixture, up):
        d = Daemon(sources="#")
        self.addCleanup(lambda: d.__exit__(None, None, None))
        fixture.url = up.url
        secrets = dict(fixture.secrets)
        if fixture.preset in ("google-play", "app-store-connect"):
            secrets = {"key": key("RSA" if fixture.preset == "google-play" else "EC")}
        (d.dir / "preset.yaml").write_text(localized(fixture.preset, up.url))
        for name, value in secrets.items():
            d.put_secret(f"{name}.secret", value + "\n")
        cfg = {k: v for k, v in fixture.cfg.items()
               if f"cfg.{k}" in (d.dir / "preset.yaml").read_text()}
        if "cfg.url" in (d.dir / "preset.yaml").read_text():
            cfg["url"] = up.url
        unused = set(fixture.cfg) - set(cfg)          # only named in an address
        text = (d.dir / "preset.yaml").read_text()
        for name in unused:
            text = re.sub(rf"\b{name}: null,? ?", "", text)
        (d.dir / "preset.yaml").write_text(text)
        d.sources = ("- source: up\n  connector: preset.yaml\n  every: 300ms\n  retry: 20ms\n" +
                     ("  cfg:\n" + "".join(f'    {k}: "{v}"\n' for k, v in cfg.items()) if cfg else "") +
                     ("  secrets:\n" + "".join(f"    {k}_file: {k}.secret\n" for k in secrets) if secrets else ""))
        d.write_config()
        return d.start(), secrets

    def source(self, d):
        return d.get("/v1/sources").json["items"][0]

    def rows(self, d):
        found = {}
        for row in d.rows(where="source = up"):
            self.assertNotIn(row["external_id"], found, "twice")
            found[row["external_id"]] = row
        return found

    def settled(self, d, fixture):
        """All that there is, once, and one more poll after it."""
        try:
            eventually(lambda: set(self.rows(d)) == set(fixture.records()), seconds=60)
        except AssertionError:
            rows, wanted = set(self.rows(d)), set(fixture.records())
            self.fail(f"{fixture.preset}: {self.source(d)}\nmissing {sorted(wanted - rows)[:9]}, "
                      f"strange {sorted(rows - wanted)[:9]}")
        for _ in range(2):
            polls = self.source(d)["last_success_at"]
            eventually(lambda polls=polls: self.source(d)["last_success_at"] not in (None, polls),
                       what=f"{fixture.preset}: another poll")
        rows, wanted = self.rows(d), fixture.records()
        self.assertEqual(set(rows), set(wanted))
        for external_id, fields in wanted.items():
            shown = {k: rows[external_id].get(k) for k in fields}
            self.assertEqual(shown, fields, f"{fixture.preset} {external_id}")

    def walk(self, kind):
        fixture = kind()
        up = Upstream(fixture)
        self.addCleanup(up.close)
        d, secrets = self.start(fixture, up)
        eventually(lambda: fixture.pages >= 2, what=f"{fixture.preset}: two pages; {self.source(d)}")
        d.kill()
        d.start()
        self.settled(d, fixture)
        seen = self.source(d)
        self.assertIsNone(seen["error"], fixture.preset)
        self.assertEqual(seen["records"]["rejected"], 0, fixture.preset)
        before = set(fixture.records())
        fixture.add(3)
        new = set(fixture.records()) - before
        self.settled(d, fixture)
        counts = self.source(d)["records"]
        self.assertEqual(counts["accepted"] - seen["records"]["accepted"], len(new), fixture.preset)
        self.assertEqual(counts["updated"], seen["records"]["updated"], fixture.preset)
        self.assertEqual(d.get("/v1/dead-letters").json["items"], [], fixture.preset)
        for value in secrets.values():
            self.assertNotIn(value.splitlines()[0], d.log_text())
        self.assertNotIn("배송이", d.log_text())


def _named(kind):
    return lambda self: self.walk(kind)


for _kind in presets.FIXTURES:
    setattr(Presets, f"test_{_kind.preset.split('/')[-1].replace('-', '_')}", _named(_kind))


class Files(unittest.TestCase):
    def test_shipped_files_are_sound(self):
        for path in CONNECTORS.rglob("*.yaml"):
            done = subprocess.run([VOCCTL, "source", "check", path], check=False, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
            self.assertEqual((done.returncode, done.stderr), (0, b""), path)


if __name__ == "__main__":
    unittest.main()
