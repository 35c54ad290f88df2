"""Webhooks signed by the senders' own packages (tests/real/senders, by npm) and sent over HTTP: taken,
each with its Korean whole, and refused once anything is not as it was signed."""
import base64
import json
import pathlib
import shutil
import subprocess
import unittest

from vocd import Daemon

SENDERS = pathlib.Path(__file__).resolve().parent / "senders"
WHSEC = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
PLAIN = "whsec_test_secret_of_the_sender"  # Stripe's look so, and are taken as they are
TEXT = "배송이 너무 늦어요 — “세 번째” 문의입니다 😠\n빨리 확인해 주세요"

# As data: what svix sends, and Stripe's way in full.
SVIX = """
  signature:
    header: svix-signature
    prefix: "v1,"
    split: " "
    digest: sha256
    encoding: base64
    key_prefix: whsec_
    signed: "{h:svix-id}.{h:svix-timestamp}.{body}"
    time_header: svix-timestamp
  dedupe: svix-id
"""
STRIPE = """
  signature:
    header: Stripe-Signature
    prefix: "v1="
    split: ","
    signed: "{time}.{body}"
    time_header: Stripe-Signature
    time_field: "t="
"""
# source: sender, what the hook says, secret, more, tampering that must be refused
CASES = {
    "by-standard": ("standardwebhooks", "scheme: standard", WHSEC, "", ("body", "secret", "time")),
    "by-standard-preset": ("standardwebhooks", "connector: standard-webhooks", WHSEC, "", ("body", "secret", "time")),
    "by-svix": ("svix", "scheme: custom", WHSEC, SVIX, ("body", "secret", "time")),
    "by-stripe": ("stripe", "scheme: stripe", PLAIN, "", ("body", "secret", "time")),
    "by-stripe-as-data": ("stripe", "scheme: custom", PLAIN, STRIPE, ("body", "secret", "time")),
    "by-octokit": ("octokit", "scheme: github", PLAIN, "  dedupe: X-GitHub-Delivery\n", ("body", "secret")),
}


@unittest.skipUnless(shutil.which("npm"), "npm is not installed")
class Senders(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        done = subprocess.run(["npm", "ci", "--ignore-scripts", "--silent"], cwd=SENDERS, timeout=300,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise RuntimeError("npm ci\n" + done.stdout.decode(errors="replace"))
        cls.d = Daemon(hooks="#")
        cls.addClassCleanup(cls.d.__exit__, None, None, None)
        cls.d.hooks = ""
        for source, (_, says, secret, more, _) in CASES.items():
            key = cls.d.dir / source
            key.write_text(secret + "\n")
            key.chmod(0o600)
            cls.d.hooks += f"- source: {source}\n  {says}\n  secret_file: {key}\n{more}"
        cls.d.write_config()
        cls.d.start()

    def send(self, source, external_id, tamper=None):
        sender, says, secret, _, _ = CASES[source]
        record = {"external_id": external_id, "text": TEXT}
        if says.startswith("connector"):
            record = {"type": "feedback.created", "timestamp": "2026-11-22T00:00:00Z", "data": record}
        body = json.dumps(record, ensure_ascii=False)
        command = ["node", "send.mjs", sender, f"http://127.0.0.1:{self.d.port}/v1/hooks/demo/{source}",
                   secret] + ([tamper] if tamper else [])
        done = subprocess.run(command, cwd=SENDERS, input=body.encode(), timeout=120,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 0, done.stderr.decode(errors="replace"))
        return json.loads(done.stdout)

    def test_every_sender(self):
        for source, (_, _, _, _, tampering) in CASES.items():
            with self.subTest(source=source):
                answer = self.send(source, "1")
                self.assertEqual(answer["status"], 200, answer)
                self.assertEqual(json.loads(answer["body"])["accepted"], 1)
                for tamper in tampering:
                    self.assertEqual(self.send(source, f"2-{tamper}", tamper)["status"], 401, tamper)
                self.assertEqual([r["text"] for r in self.d.rows(where=f"source = '{source}'")], [TEXT])


if __name__ == "__main__":
    unittest.main()
