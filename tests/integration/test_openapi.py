"""/openapi.json describes exactly what is served: every path is called, every answer is compared,
every role is tried against every row, and what is not described is not there."""
import json
import unittest

from schema import problems
from vocd import ROOT, Daemon, eventually

ROLES = ["ingest", "agent", "supervisor", "quality", "admin"]
RECORD = {"source": "web", "external_id": "1", "kind": "review", "text": "배송이 너무 늦어서 화가 납니다",
          "rating": {"value": 1, "scale": 5}, "customer": {"id": "c-1"}, "product": "p-1",
          "experiments": {"trial": "A"}}


def calls(doc):
    for path, methods in doc["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


class OpenApi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.d = Daemon(extra="auth:\n  max_failures: 1000\n  bootstrap: tokens.json\n").start()
        cls.doc = cls.d.request("GET", "/openapi.json", token=None).json
        cls.id = cls.d.send(RECORD).json["ids"][0]
        cls.d.request("POST", "/v1/customers", {"id": "c-1", "email": "kim@example.com",
                                                "attributes": {"grade": "vip"}}, token="ingest")
        cls.d.request("PUT", "/v1/alert-rules/each", {"where": "category = delivery", "each": True})
        cls.d.send(dict(RECORD, external_id="2"))
        cls.alert = eventually(lambda: cls.d.get("/v1/alerts").json["items"], what="an alert")[0]["id"]

    @classmethod
    def tearDownClass(cls):
        cls.d.__exit__(None, None, None)

    def fill(self, path):
        values = {"workspace": "demo", "source": "web", "code": "vip", "name": "each"}
        if "feedback" in path:
            values["id"] = self.id
        elif "customers" in path:
            values["id"] = "c-1"
        elif "alerts" in path:
            values["id"] = self.alert
        elif "experiments" in path:
            values["id"] = "trial"
        else:
            values["id"] = "tk_none"
        return path.format(**values)

    def body(self, method, path):
        bodies = {
            "/v1/feedback": RECORD, "/v1/customers": {"id": "c-1"},
            "/v1/activities": {"source": "shop", "external_id": "1", "customer": "c-1", "type": "order"},
            "/v1/hooks/{workspace}/{source}": {}, "/v1/customers/lookup": {"email": "kim@example.com"},
            "/v1/customers/{id}/unmask": {"field": "email", "reason": "call back"},
            "/v1/segments/{code}": {"where": "grade = vip"},
            "/v1/alerts/{id}/acknowledge": {"note": "on it"},
            "/v1/alert-rules/{name}": {"where": "category = delivery", "each": True},
            "/v1/experiments/{id}": {"name": "인사말", "shares": {"A": 1, "B": 1}, "to": "2030-01-01"},
            "/v1/tokens": {"role": "agent", "name": "test"},
            "/console/session": {"token": self.d.tokens["agent"]},
        }
        return bodies.get(path) if method in ("POST", "PUT") else None

    def described(self, operation, answer):
        responses = operation["responses"]
        r = responses.get(str(answer.status), responses.get("default"))
        if "$ref" in r:
            r = self.doc["components"]["responses"][r["$ref"].rsplit("/", 1)[1]]
        return r

    def check(self, method, path, operation, answer):
        what = f"{method} {path} {answer}"
        r = self.described(operation, answer)
        content = r.get("content")
        if not content:
            self.assertEqual(answer.body, b"", what)
            return
        kind = answer.headers.get("Content-Type", "").split(";")[0]
        self.assertIn(kind, content, what)
        if kind.endswith("json"):
            self.assertEqual(problems(answer.json, content[kind]["schema"], self.doc), [], what)

    def test_every_path_answers_as_described(self):
        for method, path, operation in calls(self.doc):
            if path == "/v1/stream":
                continue  # it does not end: test_stream
            answer = self.d.request(method, self.fill(path), self.body(method, path),
                                    token="admin" if "x-roles" in operation else None)
            with self.subTest(call=f"{method} {path}"):
                self.check(method, path, operation, answer)
                if "x-roles" in operation and "tk_none" not in self.fill(path):
                    self.assertIn(str(answer.status), operation["responses"], f"{path} {answer}")

    def test_roles_are_those_described(self):
        for method, path, operation in calls(self.doc):
            if "x-roles" not in operation or path == "/v1/stream":
                continue
            for role in ROLES:
                with self.subTest(call=f"{role} {method} {path}"):
                    answer = self.d.request(method, self.fill(path), self.body(method, path), token=role)
                    if role in operation["x-roles"]:
                        self.assertNotIn(answer.status, (401, 403), answer)
                    else:
                        self.assertEqual(answer.status, 403, answer)

    def test_no_token_no_answer(self):
        for method, path, operation in calls(self.doc):
            with self.subTest(call=f"{method} {path}"):
                answer = self.d.request(method, self.fill(path), self.body(method, path), token=None)
                if "x-roles" in operation:
                    self.assertEqual(answer.status, 401, answer)
                    self.assertEqual(answer.headers["Content-Type"], "application/problem+json")

    def test_unknown_parameters_are_refused(self):
        for method, path, operation in calls(self.doc):
            if method != "GET":
                continue
            with self.subTest(call=path):
                answer = self.d.request(method, self.fill(path) + "?nonsense=1",
                                        token="admin" if "x-roles" in operation else None)
                self.assertEqual(answer.status, 400, answer)

    def test_the_table_has_no_row_that_is_not_described(self):
        import re
        table = (ROOT / "daemon/api/routes.c").read_text()
        rows = {("GET", p) for p in re.findall(r'(?:READS|OPEN)\("(/[^"]*)"', table)}
        rows |= {("POST", p) for p in re.findall(r'STREAMS\("(/[^"]*)"', table)}
        rows |= set(re.findall(r'WRITES\("([A-Z]+)", "(/[^"]*)"', table))
        rows |= set(re.findall(r'\.method = "([A-Z]+)",\s+\.pattern = "(/[^"]*)"', table))
        self.assertEqual(rows, {(m, p) for m, p, _ in calls(self.doc)})


if __name__ == "__main__":
    unittest.main()
