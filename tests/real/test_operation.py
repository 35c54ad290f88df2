"""docs/operation.md, done as it says: its blocks marked `tested` are run as they stand."""
import json
import re
import unittest

import machine
from vocd import ROOT

REASON = machine.missing()
MANUAL = (ROOT / "docs/operation.md").read_text()
BLOCKS = dict(re.findall(r"<!-- tested: ([a-z-]+) -->\n```sh\n(.*?)```", MANUAL, re.S))
CLIENT = "workspaces:\n  - id: shop\n    name: 상점\n"


@unittest.skipIf(REASON, REASON)
class Operation(unittest.TestCase):
    done = set()

    @classmethod
    def tearDownClass(cls):
        assert cls.done == set(BLOCKS), f"not run: {set(BLOCKS) - cls.done}"

    def machine(self):
        deb = machine.package()
        m = machine.Machine(deb)
        self.addCleanup(m.close)
        m.boot()
        m.put("/root/vocd.deb", deb.read_bytes())
        m.sh("dpkg -i /root/vocd.deb && vocctl ready --wait 30")
        return m

    def follow(self, m, name):
        """A block, line by line as somebody types it: each must work. What the last one said."""
        self.done.add(name)
        return m.sh("set -e\n" + BLOCKS[name]), m.sh("vocctl ready --wait 30")

    def send(self, m, n, tokens="/var/lib/vocd/tokens.json"):
        lines = "".join(json.dumps({"source": "web", "external_id": f"{n}-{i}", "customer": {"id": "c-1"},
                                    "text": f"배송이 늦어요 {i}"}, ensure_ascii=False) + "\n"
                        for i in range(n))
        m.sh(f"vocctl --tokens {tokens} feedback send -", stdin=lines)

    def count(self, m, tokens="/var/lib/vocd/tokens.json"):
        return len(json.loads(m.sh(f"vocctl --tokens {tokens} feedback list --limit 500 -o json"))["items"])

    def test_tokens(self):
        m = self.machine()
        said, _ = self.follow(m, "tokens")
        self.assertIn("helpdesk", said)
        token = json.loads(m.sh("cat kim.json"))["token"]
        me = json.loads(m.sh(f"vocctl --token {token} me show -o json"))
        self.assertEqual((me["role"], me["name"]), ("supervisor", "kim"))

    def test_all_new_tokens(self):
        m = self.machine()
        self.send(m, 10)
        m.sh("vocctl customer context c-1 && cp /var/lib/vocd/tokens.json /root/old.json")
        self.follow(m, "all-new-tokens")
        self.assertEqual(m.try_sh("vocctl --tokens /root/old.json me show").returncode, 1)
        self.assertEqual(self.count(m), 10)
        self.assertIn("unbroken", m.sh("vocctl access-log verify"))

    def test_backup_and_restore(self):
        m = self.machine()
        self.send(m, 30)
        m.sh("vocctl customer context c-1")  # something for the access log
        self.follow(m, "backup")
        self.send(m, 20)  # after the copy
        self.assertEqual(self.count(m), 50)
        self.assertIn("vocd.yaml", m.sh("tar -tf /var/backups/vocd/2026-11-22/etc.tar"))
        said, _ = self.follow(m, "restore")
        self.assertIn("unbroken", said)
        self.assertEqual(self.count(m, "/var/lib/vocd.before/tokens.json"), 30)
        self.assertEqual(m.sh("find /var/lib/vocd ! -user vocd"), "")
        # And it goes on.
        self.send(m, 20, "/var/lib/vocd.before/tokens.json")
        self.assertEqual(self.count(m, "/var/lib/vocd.before/tokens.json"), 50)

    def test_a_damaged_copy_is_refused(self):
        m = self.machine()
        self.send(m, 30)
        self.follow(m, "backup")
        m.sh("printf x | dd of=/var/backups/vocd/2026-11-22/ws/main/data.mdb bs=1 seek=9000 conv=notrunc")
        done = m.try_sh("vocctl backup restore /var/backups/vocd/2026-11-22 /root/again")
        self.assertEqual(done.returncode, 1, done)

    def test_a_client_moves_and_leaves(self):
        old, new = self.machine(), self.machine()
        shop = "/var/lib/vocd/tokens-shop.json"
        old.put("/etc/vocd/conf.d/shop.yaml", CLIENT)
        old.sh("systemctl restart vocd && vocctl ready --wait 30")
        self.send(old, 40, shop)
        self.follow(old, "move-out")

        new.put("/etc/vocd/conf.d/shop.yaml", CLIENT)
        new.put("/root/shop.tar", (old.root / "root/shop.tar").read_bytes())
        self.follow(new, "move-in")
        self.assertEqual(self.count(new, shop), 40)
        self.assertEqual(self.count(new), 0)  # the other workspace knows nothing of it

        self.follow(old, "leave")
        self.assertEqual(self.count(old), 0)
        self.assertEqual(old.sh("find /var/lib/vocd -name '*shop*'"), "")


if __name__ == "__main__":
    unittest.main()
