"""docs/connector.schema.json against the reader of connector files: the reader itself is asked which
keys and words it knows. And mistakes people make: each told by line, column and what is wrong."""
import json
import re
import subprocess
import tempfile
import unittest

import jsonschema
import yaml

from vocd import ROOT, VOCCTL

SCHEMA = json.loads((ROOT / "docs/connector.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
DEFS = SCHEMA["$defs"]

GOOD = """\
connector: desk
cfg: {name: null}
base: https://{{cfg.name}}.example.com
auth: {bearer: "{{secret.token}}"}
rate: {budget: 10/1m}
errors:
- {status: 429, do: retry, wait: {header: Retry-After}}
streams:
- name: cases
  request:
    path: /cases
    query: {since: "{{cursor.time|unix}}", page: "{{page.number}}"}
  records: $.cases[*]
  filter: $.kind = 'case' and not $.spam
  page: {number: 1, size: 50}
  stop: $.page >= $.pages
  cursor: {time: $.changed, format: unix, lag: 5s}
  hydrate:
  - {into: notes, path: "/cases/{{record.id}}/notes"}
  map:
    external_id: $.id
    kind: =ticket
    answers.csat: {path: $.score, enum: {good: 5, bad: 1}, scale: 5}
    text: {path: $.body, text: html}
"""


def check(text):
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
        f.write(text)
        f.flush()
        done = subprocess.run([VOCCTL, "source", "check", f.name], check=False, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
        return done.returncode, done.stderr.decode().replace(f.name, "FILE")


def objects(node):
    """The part of a schema that speaks of an object."""
    if "properties" in node:
        return node
    return next(n for n in node["oneOf"] if "properties" in n)


HOOK = "connector: desk\nhook:\n  scheme: standard\n"
HOOK_SECTIONS = ["hook", "signature", "handshake"]
AUTH, STREAM = 'auth: {bearer: "{{secret.token}}"}', "  records: $.cases[*]\n"


def at(old, new):
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


# Where a section of the schema stands in a file, with a key that none has.
SECTIONS = {
    "the file": (SCHEMA, GOOD + "zzz: 1\n"),
    "auth": (DEFS["auth"], at(AUTH, "auth: {zzz: 1}")),
    "basic": (DEFS["basic"], at(AUTH, "auth: {basic: {zzz: 1}}")),
    "oauth2": (DEFS["oauth2"], at(AUTH, "auth: {oauth2: {zzz: 1}}")),
    "hash": (DEFS["hash"], at(AUTH, "auth: {oauth2: {token_url: a, client_id: b, client_secret: c, hash: {zzz: 1}}}")),
    "jwt": (DEFS["jwt"], at(AUTH, "auth: {jwt: {zzz: 1}}")),
    "rate": (DEFS["rate"], at("budget: 10/1m", "zzz: 1")),
    "error": (DEFS["error"], at("status: 429,", "zzz: 429,")),
    "wait": (DEFS["wait"], at("header: Retry-After", "zzz: 1")),
    "mailbox": (DEFS["mailbox"], "connector: x\nbase: imaps://x\nmailbox: {zzz: 1}\n"),
    "stream": (DEFS["stream"], at("  filter:", "  zzz:")),
    "request": (DEFS["request"], at("    path: /cases\n", "    zzz: 1\n")),
    "records": (DEFS["records"], at("records: $.cases[*]", "records: {zzz: 1}")),
    "page": (DEFS["page"], at("page: {number: 1, size: 50}", "page: {zzz: 1}")),
    "cursor": (DEFS["cursor"], at("{time: $.changed, ", "{zzz: 1, ")),
    "window": (DEFS["window"], at(STREAM, STREAM + "  window: {zzz: 1}\n")),
    "resync": (DEFS["resync"], at(STREAM, STREAM + "  resync: {zzz: 1}\n")),
    "listed": (DEFS["listed"], at(STREAM, STREAM + "  partition: {zzz: 1}\n")),
    "hydrate": (DEFS["hydrate"], at("{into: notes, ", "{zzz: 1, ")),
    "mapped": (DEFS["mapped"], at("text: {path: $.body, text: html}", "text: {zzz: 1}")),
}

# Where a word of a list stands.
WORDS = {
    "status": (SCHEMA["properties"]["status"], GOOD + "status: zzz\n"),
    "client_in": (DEFS["oauth2"]["properties"]["client_in"], at(AUTH, "auth: {oauth2: {client_in: zzz}}")),
    "algorithm": (DEFS["jwt"]["properties"]["algorithm"], at(AUTH, "auth: {jwt: {algorithm: zzz}}")),
    "do": (DEFS["error"]["properties"]["do"], at("do: retry", "do: zzz")),
    "unit": (DEFS["unit"], at("{header: Retry-After}", "{header: X, unit: zzz}")),
    "decode": (DEFS["decode"], at(STREAM, STREAM + "  decode: zzz\n")),
    "method": (DEFS["request"]["properties"]["method"], at("    path: /cases\n", "    method: zzz\n")),
    "order": (DEFS["cursor"]["properties"]["order"], at("{time: $.changed, ", "{time: $.changed, order: zzz, ")),
    "text": (DEFS["mapped"]["oneOf"][1]["properties"]["text"], at("text: html}", "text: zzz}")),
}

# What people get wrong: what stands in GOOD, what in its place (¦ before where it is told), the words,
# and whether an editor with the schema sees it too.
MISTAKES = [
    ("connector: desk\n", "¦conector: desk\n", 'unknown key "conector"; there are connector, status', True),
    ("connector: desk\n", "connector: desk\n¦connector: desk\n", "connector is given twice", False),
    ("connector: desk\n", "connector: ¦desk at noon\n", "expected a name of letters, digits", True),
    ("connector: desk\n", "connector: desk\nstatus: ¦good\n", "expected one of proven, documented", True),
    ("base: https://{{cfg.name}}.example.com\n", "", "base is missing here", True),
    ("https://{{cfg.name}}.ex", "¦https://{{cgf.name}}.ex", 'begin with cfg., secret., cursor.', False),
    ("https://{{cfg.name}}", "¦https://{{cfg.name", "{{ without }}", False),
    ("https://{{cfg.name}}", "¦https://{{page.number}}", "page is not known here", False),
    (AUTH, "auth: ¦{bearer: x, basic: {user: a, pass: b}}", "expected one of basic, bearer", True),
    (AUTH, "auth: {basic: ¦{user: a}}", "pass is missing here", True),
    (AUTH, "auth: {oauth2: ¦{token_url: a, client_id: b}}", "client_secret or hash is missing here", True),
    (AUTH, "auth: {jwt: {algorithm: ¦RS512, key: a, claims: {}}}", "expected one of RS256, ES256, HS256", True),
    (AUTH, "auth: {jwt: ¦{algorithm: RS256, key: a, claims: {}, lifetime: 2d}}", "lifetime is from 1m to 1d", False),
    (AUTH, 'auth: {bearer: ¦""}', "expected text", False),
    ("budget: 10/1m", "budget: ¦10 per minute", "expected requests/time, like 10/1m", True),
    ("budget: 10/1m", "reset_unit: ¦minutes", "expected one of http, seconds", True),
    ("status: 429,", "status: ¦4290,", "expected status codes from 200 to 599", True),
    ("status: 429, do: retry, ", "status: 429, ", "do is missing here", True),
    ("do: retry", "do: ¦again", "expected one of fail, ignore, retry", True),
    ("errors:\n- {status: 429, do: retry, wait: {header: Retry-After}}\n", "errors: ¦429\n",
     "expected a list of at most 32", True),
    ("    path: /cases\n", "    path: cases\n", "path must begin with /", True),
    ("{{cursor.time|unix}}", "{{cursor.time|epoch}}", 'there is no form "epoch"', False),
    ("{{cursor.time|unix}}", "{{cursor.time|date:Asia/Seol}}", 'there is no time zone "Asia/Seol"', False),
    ("{{page.number}}", "{{page.no}}", 'page has no value "no"', False),
    ("$.cases[*]", "¦cases[*]", "the path goes wrong at its column 1", True),
    ("$.cases[*]", "¦$.cases[", "the path goes wrong at its column 8", False),
    ("$.kind = 'case' and not $.spam", "¦$.kind is 'case'", "the condition goes wrong at its column", False),
    ("$.kind = 'case' and not $.spam", "¦$.kind = 'case", "the condition goes wrong at its column", False),
    ("{number: 1, size: 50}", "¦{number: 1, offset: 0}", "expected exactly one of next_url", True),
    ("{number: 1, size: 50}\n  stop: $.page >= $.pages", "{number: 1}", "page needs its size, or stop: empty", False),
    ("{number: 1, size: 50}", "{number: 1, size: ¦many}", "expected a whole number", True),
    ("{number: 1, size: 50}", "{number: 1, size: 50, restart: true}", "page.restart needs a cursor", False),
    ("lag: 5s", "lag: ¦5 seconds", "expected a duration like 90s", True),
    ("format: unix", "format: ¦epoch", "expected unix, unix_ms or a time zone", False),
    ("{time: $.changed, ", "{time: ¦'$.changed[*]', ", "may find one value only", False),
    ("{time: $.changed, format: unix, lag: 5s}", "¦{opaque: $.next, time: $.changed}", "expected opaque, or time", True),
    ("{time: $.changed, format: unix, lag: 5s}", "¦{lag: 5s}", "expected opaque, or time", True),
    ('path: "/cases/{{record.id}}/notes"', 'path: "{{record.url}}"', "path must begin with /", True),
    ("    external_id: $.id\n", "", "external_id is missing here", True),
    ("    kind: =ticket\n", "    kind: ¦ticket\n", "expected a path that begins with $, or a constant", True),
    ("    kind: =ticket\n", "    ¦sort: =ticket\n", 'a record has no field "sort"', True),
    ("scale: 5}", "scale: ¦five}", "expected a number above 0", True),
    ("text: html}", "text: ¦markdown}", "expected html or auto", True),
    ("{path: $.body, text: html}", "¦{text: html}", "has no path", True),
    (STREAM, STREAM + "  window: {step: ¦1w1d}\n", "expected a duration", True),
    (STREAM, STREAM + "  window: ¦{step: 5s}\n", "step must be a minute at least", False),
    (STREAM, STREAM + "  partition: ¦[]\n", "expected a list of at most 64", True),
    (STREAM, STREAM + "  partition: ¦{request: {path: /a}, records: $.a}\n", "value is missing here", True),
    (STREAM, STREAM + "  partition: {request: {path: ¦\"/{{cursor.time}}\"}, records: $.a, value: $.id}\n",
     "cursor is not known here", False),
    (STREAM, STREAM + "  decode: csv\n", "records of csv are at $[*]", False),
    (STREAM, STREAM + "  ¦name: twice\n", "name is given twice", False),
    ("streams:\n", "streams: ¦{name: a}\nmore:\n", "expected a list of at most 16", True),
    ("connector: desk\n", "connector: [desk\n", None, False),
]


class Keys(unittest.TestCase):
    def test_the_example_is_good(self):
        self.assertEqual(check(GOOD), (0, ""))
        self.assertEqual(list(VALIDATOR.iter_errors(yaml.safe_load(GOOD))), [])
        jsonschema.Draft202012Validator.check_schema(SCHEMA)

    def test_every_section_has_the_keys_of_the_reader(self):
        for name, (node, text) in SECTIONS.items():
            with self.subTest(section=name):
                rc, told = check(text)
                self.assertEqual(rc, 1)
                found = re.search(r"unknown key[^;]*; there are (.*)", told)
                self.assertIsNotNone(found, told)
                keys = set(re.split(r", | and ", found[1].strip()))
                self.assertEqual(keys, set(objects(node)["properties"]), name)

    def test_every_section_of_the_schema_is_among_them(self):
        """A section nobody asked about would be held to nothing."""
        held = [id(objects(node)["properties"]) for node, _ in SECTIONS.values()]
        held.append(id(DEFS["map"]["properties"]))
        held += [id(DEFS[name]["properties"]) for name in HOOK_SECTIONS]

        def walk(node):
            if isinstance(node, dict):
                if isinstance(node.get("properties"), dict) and node.get("additionalProperties") is False:
                    self.assertIn(id(node["properties"]), held, list(node["properties"]))
                for value in node.values():
                    walk(value)
            elif isinstance(node, list):
                for value in node:
                    walk(value)
        walk(SCHEMA)

    def test_a_hook_has_the_keys_of_the_configuration(self):
        rows = re.findall(r'\(H "([a-z_.]+)"', (ROOT / "daemon/core/config_schema.c").read_text())
        own = {"source", "connector", "secret", "silence"}
        self.assertLess(own, set(rows))
        keys = {f"{section}.{key}" for section in HOOK_SECTIONS[1:] for key in DEFS[section]["properties"]}
        keys |= set(DEFS["hook"]["properties"]) - set(HOOK_SECTIONS)
        self.assertEqual(keys, set(rows) - own)
        for key in sorted(own):
            rc, told = check(HOOK + f"  {key}: x\n")
            self.assertEqual(rc, 1)
            self.assertIn(f"{key} belongs into the configuration", told)

    def test_hook_words(self):
        for key, node in (("scheme", DEFS["hook"]), *((k, DEFS["signature"]) for k in ("digest", "encoding", "time"))):
            section = f"{key}: zzz" if node is DEFS["hook"] else f"signature: {{{key}: zzz}}"
            told = check("connector: x\nhook: {" + section + "}\n")[1]
            found = re.search(r'"zzz" is not one of (\S+)', told)
            self.assertIsNotNone(found, told)
            known = set(found[1].split(",")) - ({"none"} if key == "scheme" else set())
            self.assertEqual(known, set(node["properties"][key]["enum"]))

    def test_a_hook_alone_is_enough(self):
        self.assertEqual(check(HOOK), (0, ""))
        self.assertEqual(list(VALIDATOR.iter_errors(yaml.safe_load(HOOK))), [])
        for wrong, words in (("  filter: $.a =\n", "FILE:4:11: filter: goes wrong at its column"),
                             ("  records: a\n", "FILE:4:12: records: the path goes wrong"),
                             ("  sheme: slack\n", 'unknown key "sheme"; did you mean "scheme"?'),
                             ("  scheme: slack\n", "hooks.scheme is given twice"),
                             ("  handshake: {when: $.a}\n", "handshake needs both when and reply"),
                             ("streams: []\n", "base is missing here")):
            rc, told = check(HOOK + wrong)
            self.assertEqual(rc, 1, wrong)
            self.assertIn(words, told)
        self.assertIn("scheme is missing here", check("connector: x\nhook: {records: $}\n")[1])
        self.assertIn("streams is missing here, or mailbox, or hook", check("connector: x\n")[1])

    def test_every_word_is_one_of_the_reader(self):
        for name, (node, text) in WORDS.items():
            with self.subTest(word=name):
                told = check(text)[1]
                found = re.search(r"expected (?:one of )?(.*)", next(x for x in told.splitlines() if "expected" in x))
                self.assertEqual(set(re.split(r", | or ", found[1].strip())), set(node["enum"]), told)

    def test_required_keys_are_the_readers(self):
        for name in ("basic", "hash", "jwt", "wait", "mailbox", "request", "records", "window", "resync", "listed"):
            with self.subTest(section=name):
                node, text = SECTIONS[name]          # where nothing but the unknown key is given
                missing = set(re.findall(r"(\w+) is missing here", check(text)[1]))
                self.assertEqual(missing, set(objects(node)["required"]))

    def test_targets_are_the_mappings(self):
        table = re.findall(r"\{([A-Z |]+), TARGET_\w+, SPAN_LIT\(\"([^\"]+)\"\)\}",
                           (ROOT / "daemon/format/mapping.c").read_text())
        self.assertGreater(len(table), 30)
        self.assertEqual({name for shapes, name in table if "F" in shapes}, set(DEFS["map"]["properties"]))

    def test_presets_and_the_page_fit(self):
        page = (ROOT / "docs/connectors.md").read_text()
        texts = {"docs/connectors.md": re.search(r"```yaml\n(connector: .*?)```", page, re.S)[1]}
        texts |= {str(p): p.read_text() for p in (ROOT / "daemon/connectors").rglob("*.yaml")}
        self.assertGreater(len(texts), 20)
        for name, text in texts.items():
            self.assertEqual([f"{e.json_path}: {e.message}" for e in VALIDATOR.iter_errors(yaml.safe_load(text))],
                             [], name)
            self.assertEqual(check(text), (0, ""), name)


class Mistakes(unittest.TestCase):
    def test_each_is_told_where_it_is(self):
        self.assertGreater(len(MISTAKES), 30)
        for old, new, words, seen in MISTAKES:
            with self.subTest(mistake=new):
                marked = at(old, new)
                text = marked.replace("¦", "")
                rc, told = check(text)
                self.assertEqual(rc, 1, told)
                self.assertRegex(told, r"^FILE:\d+:\d+: ")
                if words:
                    self.assertIn(words, told)
                if "¦" in marked:
                    before = marked[:marked.index("¦")]
                    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
                    self.assertIn(f"FILE:{line}:{column}: ", told)
                if seen:
                    self.assertNotEqual(list(VALIDATOR.iter_errors(yaml.safe_load(text))), [], text)

    def test_several_are_told_at_once(self):
        told = check(at("do: retry", "do: again").replace("format: unix", "format: epoch")
                     .replace("$.cases[*]", "cases"))[1]
        self.assertEqual(len(re.findall(r"^FILE:", told, re.M)), 3, told)

    def test_files_that_are_none(self):
        for text in ("", "\n", "# nothing\n", "just text\n", "- a\n- b\n", "\0", "connector: \xff\n", "a: &a [*a]\n",
                     "{" * 200, "connector: x\n" * 100):
            rc, told = check(text)
            self.assertEqual(rc, 1, text)
            self.assertRegex(told, r"FILE:\d+:\d+: ", text)
        done = subprocess.run([VOCCTL, "source", "check", "/nowhere/x.yaml"], check=False, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"can not be read", done.stderr)


if __name__ == "__main__":
    unittest.main()
