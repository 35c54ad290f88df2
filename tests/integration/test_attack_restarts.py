"""What was promised before a kill is kept after it."""
import os
import signal
import unittest

from vocd import Daemon, eventually


class Restarts(unittest.TestCase):
    def test_removing_a_source_goes_on_after_a_kill(self):
        """Once what a kill, or a stop, left of the source stayed for ever."""
        with Daemon() as d:
            for end in (d.kill, d.stop):
                answer = d.send_lines("/v1/feedback", [
                    {"source": source, "external_id": str(i), "surveyed": True}
                    for i in range(6000) for source in ("going", "staying")])
                self.assertEqual(answer.status, 200, answer)
                answer = d.request("DELETE", "/v1/sources/going")
                self.assertEqual((answer.status, answer.json), (202, {"done": False}))
                end()
                d.start()
                eventually(lambda: d.count(where="source = going") == 0, what="the removal's end")
                self.assertEqual(d.count(), 6000)

    def test_the_zone_of_a_workspace_is_reloaded(self):
        """Once it stayed until a restart, and nothing said so."""
        with Daemon() as d:
            self.assertEqual(d.get("/v1/trends").json["tz"], "Asia/Seoul")
            d.config.write_text(d.config.read_text().replace("Asia/Seoul", "America/New_York"))
            os.kill(d.process.pid, signal.SIGHUP)
            eventually(lambda: d.get("/v1/trends").json["tz"] == "America/New_York", what="reload")


if __name__ == "__main__":
    unittest.main()
