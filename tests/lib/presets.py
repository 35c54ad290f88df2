"""The upstreams of the presets in daemon/connectors, each as its evidence says that it behaves, with
what is awkward about it. A class that says UNVERIFIED stands on what other clients do: it proves the
engine, not the preset.

A fixture holds things from the oldest to the newest; `answer` is asked as an upstream is, `expected`
says what records must come of them. The first request for data is refused by a limit, the way the
upstream would, so that every preset has waited once."""
import base64
import datetime
import json
import time
import urllib.parse

from upstream import Reply

WORDS = ("배송이 너무 늦어요", "환불해 주세요", "상담원이 친절했어요", "앱이 자꾸 꺼져요", "색이 사진과 달라요")
MINUTE = 60


def rfc(seconds, offset="Z", ms=False):
    """2026-11-22T00:00:00Z, with .000 and in another zone when asked."""
    hours = 0 if offset == "Z" else int(offset[:3])
    text = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc) + datetime.timedelta(hours=hours)
    return text.strftime("%Y-%m-%dT%H:%M:%S") + (".000" if ms else "") + offset


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def local(text):
    """A time without a zone, meant in UTC."""
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc).timestamp()


def basic(ask):
    return base64.b64decode(ask.headers.get("authorization", "Basic ").split(" ", 1)[1]).decode()


def form(ask):
    return dict(urllib.parse.parse_qsl(ask.body.decode()))


class Fixture:
    preset = None           # its file, without .yaml
    n = 130
    cfg, secrets = {}, {}
    limit = (429, {"Retry-After": "0"}, {})   # status, headers, body of the first answer
    token_path = None

    def __init__(self):
        self.begin, self.late = int(time.time()) - 3 * 86400, {}
        self.items = [self.item(i) for i in range(self.n)]
        self.pages, self.refused, self.tokens, self.url = 0, False, 0, None

    # --- what there is ---
    def at(self, i):
        return self.late.get(i, self.begin + i * MINUTE)

    def text(self, i):
        return f"{WORDS[i % len(WORDS)]} {i}"

    def add(self, n):
        for i in range(len(self.items), len(self.items) + n):
            self.late[i] = int(time.time()) - 60 + i % 30
        self.items += [self.item(i) for i in range(len(self.items), len(self.items) + n)]

    def item(self, i):
        raise NotImplementedError

    def records(self):
        """external_id -> what its record must say."""
        raise NotImplementedError

    # --- how it is asked ---
    def __call__(self, ask):
        if self.token_path and ask.path == self.token_path:
            return self.token(ask)
        if not self.allowed(ask):
            return Reply({"error": "unauthorized"}, 401)
        if not self.refused:
            self.refused = True
            status, headers, body = self.limit
            return Reply(body, status, {k: str(v() if callable(v) else v) for k, v in headers.items()})
        self.pages += 1
        return self.answer(ask)

    def allowed(self, ask):
        raise NotImplementedError

    def answer(self, ask):
        raise NotImplementedError

    def token(self, ask):
        raise NotImplementedError


class Bearer(Fixture):
    secrets = {"token": "t0ken-of-the-fixture"}

    def allowed(self, ask):
        return ask.headers.get("authorization") == "Bearer t0ken-of-the-fixture"


class OAuth(Fixture):
    """A token that is good for eight requests."""
    grant, fields, by_basic = "client_credentials", {}, False

    def token(self, ask):
        given = form(ask)
        client = basic(ask) if self.by_basic else f"{given.get('client_id')}:{given.get('client_secret')}"
        if client != "client-1:s3cret-of-the-client" or given["grant_type"] != self.grant:
            return Reply({"error": "invalid_client"}, 401)
        self.tokens, self.left = self.tokens + 1, 8
        return {"access_token": f"access-{self.tokens}", "token_type": "bearer", "expires_in": 7200,
                **self.fields}

    def allowed(self, ask):
        if ask.headers.get("authorization") != f"Bearer access-{self.tokens}" or self.left == 0:
            return False
        self.left -= 1
        return True


# --- help desks ---

class Zendesk(Fixture):
    """Cursor export: the end is said by end_of_stream, an empty page is none; a deleted ticket comes
    once more; start_time must be a minute old. Ratings page by links."""
    preset, n = "zendesk", 130
    cfg = {"subdomain": "acme", "email": "me@example.com"}
    secrets = {"key": "k3y"}
    GONE = 7

    def item(self, i):
        return {"id": 1000 + i, "via": {"channel": "web"}, "subject": f"문의 {i}", "description": self.text(i),
                "status": "open", "requester_id": 5, "assignee_id": 9 if i % 2 else None, "tags": ["vip"],
                "created_at": rfc(self.at(i)), "updated_at": rfc(self.at(i)), "url": f"https://x/{i}.json"}

    def export(self):
        gone = {**self.items[self.GONE], "status": "deleted", "updated_at": rfc(self.at(self.n))}
        return self.items[:self.n] + [gone] + self.items[self.n:]

    def allowed(self, ask):
        return basic(ask) == "me@example.com/token:k3y"

    def answer(self, ask):
        if ask.path.startswith("/api/v2/satisfaction_ratings"):
            return self.ratings(ask)
        if "cursor" in ask.query:
            at = int(base64.b64decode(ask.query["cursor"]))
        elif int(ask.query["start_time"]) > time.time() - 60:
            return Reply({"error": "Too recent start_time"}, 400)
        else:
            at = 0
        if at == 60 and not getattr(self, "paused", False):
            self.paused = True
            end, shown = at, []                       # nothing, and not the end
        else:
            end = min(at + 30, len(self.export()))
            shown = self.export()[at:end]
        cursor = base64.b64encode(str(end).encode()).decode()
        done = bool(shown or at) and end == len(self.export())
        query = urllib.parse.urlencode({"cursor": cursor, "x": self.pages})
        return {"tickets": shown, "after_cursor": cursor, "end_of_stream": done,
                "after_url": None if done else f"{self.url}/api/v2/incremental/tickets/cursor.json?{query}"}

    def ratings(self, ask):
        at = int(ask.query.get("page[after]", 0))
        scores = [("good", "친절해요"), ("bad", None), ("offered", None)]
        all_ = [{"id": i, "ticket_id": 1000 + i, "requester_id": 5, "assignee_id": 9, "score": s, "comment": c,
                 "created_at": rfc(self.at(i)), "updated_at": rfc(self.at(i))} for i, (s, c) in enumerate(scores)]
        more = at + 2 < len(all_)
        return {"satisfaction_ratings": all_[at:at + 2], "meta": {"has_more": more},
                "links": {"next": f"{self.url}{ask.path}?page[after]={at + 2}"}}

    def records(self):
        found = {str(t["id"]): {"text": t["description"], "title": t["subject"], "kind": "ticket",
                                "channel": "web"} for t in self.items}
        del found[str(1000 + self.GONE)]
        found |= {"rating-0": {"text": "친절해요", "kind": "survey"}, "rating-1": {"kind": "survey"},
                  "rating-2": {"kind": "survey"}}
        return found


class Intercom(Bearer):
    """A search by POST whose next page is a token within `pages`; bodies are HTML; the wait header is
    a moment."""
    preset = "intercom"
    limit = (429, {"X-RateLimit-Reset": lambda: int(time.time())}, {"type": "error.list"})

    def item(self, i):
        return {"type": "conversation", "id": str(7000 + i), "state": "open", "admin_assignee_id": 3,
                "created_at": self.at(i), "updated_at": self.at(i),
                "source": {"type": "conversation", "subject": "", "body": f"<p>{self.text(i)}&nbsp;</p>",
                           "author": {"id": "u1", "email": "a@example.com"}},
                "conversation_rating": {"rating": 4, "remark": "좋아요"} if i % 3 == 0 else None}

    def answer(self, ask):
        wanted = json.loads(ask.body)
        since = wanted["query"]["value"]
        assert isinstance(since, int), wanted
        found = [c for c in self.items if c["updated_at"] > since]
        at = int(wanted["pagination"].get("starting_after", 0))
        size = 40                                     # fewer than were asked for
        more = at + size < len(found)
        return {"type": "conversation.list", "conversations": found[at:at + size],
                "pages": {"type": "pages", "next": {"starting_after": str(at + size)} if more else None}}

    def records(self):
        return {c["id"]: {"text": self.text(i), "kind": "chat"} for i, c in enumerate(self.items)}


class HelpScout(OAuth):
    """HAL: `_embedded` is missing when there is nothing; a wait header of its own name; the token ends
    in the middle of the walk."""
    preset, token_path = "helpscout", "/v2/oauth2/token"
    cfg, secrets = {"client": "client-1"}, {"key": "s3cret-of-the-client"}
    limit = (429, {"X-RateLimit-Retry-After": "0"}, {})

    def item(self, i):
        return {"id": 300 + i, "type": "email", "subject": f"제목 {i}", "preview": self.text(i), "status": "active",
                "createdAt": rfc(self.at(i)), "userUpdatedAt": rfc(self.at(i)), "tags": [{"id": 1, "tag": "vip"}],
                "primaryCustomer": {"id": 8, "email": "b@example.com"}, "assignee": {"id": 2}}

    def answer(self, ask):
        since, page = seconds(ask.query["modifiedSince"]), int(ask.query.get("page", 1))
        found = [c for c in self.items if self.at(c["id"] - 300) >= since]
        shown = found[25 * (page - 1):25 * page]
        links = {"self": {"href": self.url + ask.target}}
        if 25 * page < len(found):
            query = urllib.parse.urlencode({**ask.query, "page": page + 1})
            links["next"] = {"href": f"{self.url}{ask.path}?{query}"}
        answer = {"_links": links, "page": {"size": 25, "number": page}}
        return {**answer, "_embedded": {"conversations": shown}} if shown else answer

    def records(self):
        return {str(c["id"]): {"text": c["preview"], "title": c["subject"], "tags": ["vip"]} for c in self.items}


class Front(Bearer):
    """Events with times in fractions of a second; a limit that is used up is told by headers."""
    preset = "front"

    def item(self, i):
        return {"id": f"evt_{i:04x}", "type": "inbound", "emitted_at": self.at(i) + 0.25,
                "conversation": {"id": "cnv_1", "subject": f"제목 {i}", "status": "unassigned",
                                 "assignee": {"username": "kim"}},
                "target": {"data": {"type": "email", "text": self.text(i)}}}

    def answer(self, ask):
        since, at = float(ask.query["q[after]"]), int(ask.query.get("page_token", 0))
        found = [e for e in self.items if e["emitted_at"] > since]
        query = urllib.parse.urlencode({**ask.query, "page_token": at + 50})
        more = at + 50 < len(found)
        headers = {"X-RateLimit-Remaining": "0" if self.pages == 2 else "40",
                   "X-RateLimit-Reset": str(time.time())}
        return Reply({"_pagination": {"next": f"{self.url}/events?{query}" if more else None},
                      "_results": found[at:at + 50]}, 200, headers)

    def records(self):
        return {e["id"]: {"text": e["target"]["data"]["text"], "conversation": "cnv_1"} for e in self.items}


class Zammad(Fixture):
    """The tickets are a map beside the list of ids; only dates find anything; articles by ticket."""
    preset, n = "zammad", 110
    secrets = {"token": "t0ken"}

    def item(self, i):
        return {"id": 8000 + i, "number": str(20000 + i), "title": f"제목 {i}", "customer_id": 4, "owner_id": 2,
                "created_at": rfc(self.at(i), ms=True), "updated_at": rfc(self.at(i), ms=True)}

    def allowed(self, ask):
        return ask.headers.get("authorization") == "Token token=t0ken"

    def answer(self, ask):
        if ask.path.startswith("/api/v1/ticket_articles/by_ticket/"):
            i = int(ask.path.rsplit("/", 1)[1]) - 8000
            return [{"id": 1, "type": "email", "body": f"<div>{self.text(i)}<br></div>"},
                    {"id": 2, "type": "note", "body": "내부 메모"}]
        query = ask.query["query"].removeprefix("updated_at:>=")
        if len(query) != 10:
            return {"tickets": [], "tickets_count": 0, "assets": {}}   # silently nothing
        found = [t for t in self.items if t["updated_at"][:10] >= query]
        at = (int(ask.query["page"]) - 1) * int(ask.query["per_page"])
        shown = found[at:at + int(ask.query["per_page"])]
        ids = [t["id"] for t in shown]
        return {"tickets": ids, "tickets_count": len(ids),
                "assets": {"Ticket": {str(t["id"]): t for t in shown}, "User": {"4": {}}} if shown else {}}

    def records(self):
        return {str(t["id"]): {"text": self.text(i), "title": t["title"], "conversation": t["number"],
                               "channel": "email"} for i, t in enumerate(self.items)}


class RequestTracker(Fixture):
    """Ids are text in lists, and can be committed out of order; next_page names a host of its own."""
    preset, n = "request-tracker", 130
    secrets = {"token": "t0ken"}
    LATE = 128                                       # committed after 129

    def __init__(self):
        super().__init__()
        self.hidden = {self.LATE}

    def item(self, i):
        return {"id": str(10 + i), "Type": "Create", "Created": rfc(self.at(i)), "Creator": {"id": "c@example.com"},
                "ObjectId": 500 + i // 2}

    def add(self, n):
        super().add(n)
        self.hidden.clear()

    def allowed(self, ask):
        return ask.headers.get("authorization") == "token t0ken"

    def answer(self, ask):
        parts = ask.path.removeprefix("/REST/2.0/").split("/")
        if parts[0] == "transaction":
            return {"items": [{"ContentType": "text/plain", "Content": self.text(int(parts[1]) - 10)}]}
        if parts[0] == "ticket":
            return {"id": int(parts[1]), "Subject": f"제목 {parts[1]}", "Status": "open", "Queue": {"Name": "General"},
                    "Requestor": [{"id": "c@example.com", "EmailAddress": "c@example.com", "RealName": ""}],
                    "CustomFields": []}
        if parts[0] != "transactions":
            return Reply({"message": "Not Found"}, 404)
        above = int(ask.query["query"].rsplit(" ", 1)[1])
        found = [t for i, t in enumerate(self.items) if int(t["id"]) > above and i not in self.hidden]
        page = int(ask.query.get("page", 1))
        query = urllib.parse.urlencode({**ask.query, "page": page + 1})
        answer = {"page": page, "per_page": 50, "total": None, "pages": None,
                  "items": found[50 * (page - 1):50 * page]}
        if 50 * page < len(found):
            answer["next_page"] = f"http://rt.internal.example.com{ask.path}?{query}"
        return answer

    def records(self):
        return {t["id"]: {"text": self.text(i), "title": f"제목 {t['ObjectId']}",
                          "conversation": str(t["ObjectId"])}
                for i, t in enumerate(self.items) if i not in self.hidden}


class Redmine(Fixture):
    """Sorted by update and paged by offset: a list that shifts while it is read."""
    preset, n = "redmine", 230
    secrets = {"key": "k3y"}

    def item(self, i):
        return {"id": i + 1, "subject": f"제목 {i}", "description": self.text(i), "status": {"id": 1, "name": "New"},
                "author": {"id": 3, "name": "김"}, "project": {"id": 1, "name": "CS"}, "tracker": {"name": "Support"},
                "priority": {"name": "Normal"}, "created_on": rfc(self.at(i)), "updated_on": rfc(self.at(i))}

    def allowed(self, ask):
        return ask.headers.get("x-redmine-api-key") == "k3y"

    def answer(self, ask):
        if self.pages == 2:                           # one of the first moves to the end
            self.items[5]["updated_on"] = rfc(self.at(self.n))
        since = ask.query["updated_on"].removeprefix(">=")
        found = sorted((i for i in self.items if i["updated_on"] >= since), key=lambda i: (i["updated_on"], i["id"]))
        at, size = int(ask.query["offset"]), min(100, int(ask.query["limit"]))
        return {"issues": found[at:at + size], "total_count": len(found), "offset": at, "limit": size}

    def records(self):
        return {str(i["id"]): {"text": i["description"], "title": i["subject"], "team": "CS"} for i in self.items}


class Freshdesk(Fixture):
    """UNVERIFIED. Pages by a Link header; a limit told by Retry-After; statuses are numbers."""
    preset = "unverified/freshdesk"
    cfg, secrets = {"domain": "acme"}, {"key": "k3y"}

    def item(self, i):
        return {"id": i + 1, "subject": f"제목 {i}", "description_text": self.text(i), "status": 2 + i % 4,
                "requester_id": 7, "responder_id": None, "tags": [], "created_at": rfc(self.at(i)),
                "updated_at": rfc(self.at(i))}

    def allowed(self, ask):
        return basic(ask) == "k3y:X"

    def answer(self, ask):
        since, page = ask.query["updated_since"], int(ask.query.get("page", 1))
        found = [t for t in self.items if t["updated_at"] >= since]
        headers = {"X-RateLimit-Remaining": "100"}
        if 100 * page < len(found):
            query = urllib.parse.urlencode({**ask.query, "page": page + 1})
            headers["Link"] = f'<{self.url}{ask.path}?{query}>; rel="next"'
        return Reply(found[100 * (page - 1):100 * page], 200, headers)

    def records(self):
        words = ("open", "pending", "resolved", "closed")
        return {str(t["id"]): {"text": t["description_text"], "title": t["subject"], "status": words[t["status"] - 2]}
                for t in self.items}


class Chatwoot(Fixture):
    """A range holds with both ends only: `since` alone finds everything, every time."""
    preset = "chatwoot"
    cfg, secrets = {"account": "1"}, {"token": "t0ken"}

    def item(self, i):
        return {"id": i + 1, "rating": 1 + i % 5, "feedback_message": self.text(i), "account_id": 1,
                "conversation_id": 90 + i, "created_at": self.at(i),
                "contact": {"id": 6, "name": "김", "email": "d@example.com"},
                **({"assigned_agent": {"id": 2}} if i % 2 else {})}

    def allowed(self, ask):
        return ask.headers.get("api_access_token") == "t0ken"

    def answer(self, ask):
        low, high = (int(ask.query.get(k, 0)) for k in ("since", "until"))
        assert low and high, ask
        found = [r for r in self.items if low <= r["created_at"] < high]
        page = int(ask.query["page"])
        return found[25 * (page - 1):25 * page]

    def records(self):
        return {str(r["id"]): {"text": r["feedback_message"], "conversation": str(r["conversation_id"])}
                for r in self.items}


class ChannelTalk(Fixture):
    """UNVERIFIED. Newest first, a page by the token of the one before; bots and managers speak too."""
    preset = "unverified/channel-talk"
    cfg, secrets = {"states": "opened,closed"}, {"access": "acc", "secret": "sec"}

    def item(self, i):
        return {"id": f"m{i}", "chatId": f"c{i}", "personType": "user", "personId": "p1", "plainText": self.text(i),
                "createdAt": self.at(i) * 1000}

    def allowed(self, ask):
        return (ask.headers.get("x-access-key"), ask.headers.get("x-access-secret")) == ("acc", "sec")

    def answer(self, ask):
        mine = [m for i, m in enumerate(self.items) if i % 2 == (ask.query["state"] == "closed")]
        found = mine[::-1]
        at = int(ask.query.get("since", 0))
        shown = found[at:at + 25]
        bot = {"id": f"b{at}", "chatId": "c", "personType": "bot", "plainText": "안녕하세요", "createdAt":
               shown[-1]["createdAt"] if shown else 0}
        answer = {"userChats": [], "messages": shown + [bot] if shown else [], "users": []}
        return {**answer, "next": str(at + 25)} if at + 25 < len(found) else answer

    def records(self):
        return {m["id"]: {"text": m["plainText"], "conversation": m["chatId"], "kind": "chat"} for m in self.items}


class Cafe24(OAuth):
    """UNVERIFIED. Both tokens change with every exchange and the old ones are void; replies stand in
    the list beside what they answer."""
    preset, token_path = "unverified/cafe24", "/api/v2/oauth/token"
    cfg = {"mall": "acme", "client": "client-1", "boards": "4, 6"}
    secrets = {"key": "s3cret-of-the-client", "refresh": "refresh-0"}
    grant, by_basic = "refresh_token", True
    KST = "+09:00"

    def token(self, ask):
        if form(ask).get("refresh_token") != f"refresh-{self.tokens}":
            return Reply({"error": "invalid_grant"}, 400)
        answer = super().token(ask)
        return {**answer, "refresh_token": f"refresh-{self.tokens}"} if isinstance(answer, dict) else answer

    def item(self, i):
        return {"article_no": i + 1, "board_no": 4 if i % 2 else 6, "title": f"제목 {i}",
                "content": f"<p>{self.text(i)}</p>", "writer": "김", "member_id": "kim1", "rating": 1 + i % 5,
                "order_id": f"2026-{i}", "product_no": 11, "parent_article_no": None,
                "created_date": rfc(self.at(i), self.KST)}

    def answer(self, ask):
        board = int(ask.path.split("/")[5])
        low, high = ask.query["start_date"], ask.query["end_date"]
        found = [a for a in self.items if a["board_no"] == board and low <= a["created_date"][:10] <= high]
        if found:
            found = [{**found[0], "article_no": 90000 + board, "parent_article_no": 1}] + found
        at, size = int(ask.query["offset"]), int(ask.query["limit"])
        return Reply({"articles": found[at:at + size]}, 200, {"X-Api-Call-Limit": "1/40"})

    def records(self):
        return {str(a["article_no"]): {"text": self.text(i), "order": a["order_id"]}
                for i, a in enumerate(self.items)}


class NaverCommerce(Fixture):
    """The token is as documented by the vendor; the lists are UNVERIFIED: two names for the list, one
    asked by moments and one by Korean days."""
    preset, token_path, n = "unverified/naver-commerce", "/external/v1/oauth2/token", 240
    cfg = {"client": "client-1"}
    secrets = {"key": "$2a$04$abcdefghijklmnopqrstuu"}
    limit = (429, {"GNCP-GW-RateLimit-Remaining": "0"}, {"code": "GW.RATE_LIMIT"})

    def token(self, ask):
        given = form(ask)
        sign = base64.b64decode(given["client_secret_sign"]).decode()
        fresh = abs(int(given["timestamp"]) - time.time() * 1000) < 300000
        if not (sign.startswith(self.secrets["key"][:28]) and len(sign) == 60 and fresh and "client_secret" not in given):
            return Reply({"code": "GW.AUTHN"}, 400)
        self.tokens += 1
        return {"access_token": f"access-{self.tokens}", "expires_in": 10800, "token_type": "Bearer"}

    def allowed(self, ask):
        return ask.headers.get("authorization") == f"Bearer access-{self.tokens}"

    def item(self, i):
        at = rfc(self.at(i), "+09:00", ms=True)
        if i % 2:
            return {"inquiryNo": i, "category": "배송", "title": f"제목 {i}", "inquiryContent": self.text(i),
                    "inquiryRegistrationDateTime": at, "answered": False, "orderId": f"2026{i}", "customerId": "c1",
                    "customerName": "김", "productName": "상자"}
        return {"questionId": i, "productId": 12, "productName": "상자", "question": self.text(i), "answered": True,
                "maskedWriterId": "ab***", "createDate": at}

    def answer(self, ask):
        page, size = int(ask.query["page"]), int(ask.query["size"])
        if ask.path == "/external/v1/contents/qnas":
            low, high = seconds(ask.query["fromDate"]), seconds(ask.query["toDate"])
            found = [q for q in self.items if "questionId" in q and low <= seconds(q["createDate"]) <= high]
            return {"contents": found[size * (page - 1):size * page], "page": page, "last": size * page >= len(found)}
        low, high = ask.query["startSearchDate"], ask.query["endSearchDate"]
        found = [q for q in self.items if "inquiryNo" in q and low <= q["inquiryRegistrationDateTime"][:10] <= high]
        return {"content": found[size * (page - 1):size * page], "totalElements": len(found)}

    def records(self):
        return {(f"inquiry-{i}" if i % 2 else f"qna-{i}"):
                {"text": self.text(i), "product": "상자", "status": "open" if i % 2 else "resolved"}
                for i in range(len(self.items))}


# --- surveys ---

class Typeform(Bearer):
    """`since` is inclusive: the newest comes again."""
    preset, n = "typeform", 1100
    cfg = {"form": "f1"}

    def item(self, i):
        return {"token": f"r{i:04d}", "submitted_at": rfc(self.at(i // 3)),
                "answers": [{"type": "text", "text": self.text(i)}, {"type": "number", "number": 4}]}

    def answer(self, ask):
        since = local(ask.query["since"]) if "since" in ask.query else 0
        found = [r for r in self.items if seconds(r["submitted_at"]) >= since]
        return {"total_items": len(found), "items": found[:int(ask.query["page_size"])]}

    def records(self):
        return {r["token"]: {"text": r["answers"][0]["text"], "kind": "survey"} for r in self.items}


class GoogleForms(OAuth):
    """`responses` is missing when there are none; answers are a map by question."""
    preset, token_path, grant = "google-forms", "/token", "refresh_token"
    cfg, secrets = {"form": "f1", "client": "client-1"}, {"key": "s3cret-of-the-client", "refresh": "refresh-of-the-form"}

    def item(self, i):
        return {"responseId": f"r{i}", "createTime": rfc(self.at(i)), "lastSubmittedTime": rfc(self.at(i), ms=True),
                "answers": {"q1": {"questionId": "q1", "textAnswers": {"answers": [{"value": self.text(i)}]}},
                            "q2": {"questionId": "q2", "textAnswers": {"answers": [{"value": "네"}]}}}}

    def answer(self, ask):
        since = seconds(ask.query["filter"].removeprefix("timestamp >= "))
        found = [r for r in self.items if seconds(r["lastSubmittedTime"]) >= since]
        at = int(ask.query.get("pageToken", 0))
        shown = found[at:at + 60]                     # fewer than pageSize
        answer = {"responses": shown} if shown else {}
        return {**answer, "nextPageToken": str(at + 60)} if at + 60 < len(found) else answer

    def records(self):
        return {r["responseId"]: {"text": self.text(i) + "\n네"} for i, r in enumerate(self.items)}


class Formbricks(Fixture):
    """Newest first by offset: what is added while we read pushes the rest down."""
    preset, secrets = "formbricks", {"key": "k3y"}

    def item(self, i):
        return {"id": f"clr{i}", "createdAt": rfc(self.at(i), ms=True), "updatedAt": rfc(self.at(i), ms=True),
                "surveyId": "s1", "finished": True, "data": {"q1": self.text(i), "q2": 5}}

    def allowed(self, ask):
        return ask.headers.get("x-api-key") == "k3y"

    def answer(self, ask):
        if self.pages == 2:
            self.add(1)
        at = int(ask.query["skip"])
        return {"data": self.items[::-1][at:at + int(ask.query["limit"])]}

    def records(self):
        return {r["id"]: {"text": self.text(i) + "\n5"} for i, r in enumerate(self.items)}


class SurveyMonkey(Bearer):
    """Responses by survey, surveys on pages; one of them may not be read; a wait of seconds in a header
    of its own; `links.next` at a host of theirs."""
    preset, n = "surveymonkey", 260
    limit = (429, {"X-Ratelimit-App-Global-Minute-Reset": "0"}, {"error": {"id": "1040"}})

    def item(self, i):
        return {"id": str(5000 + i), "survey_id": str(1 + i % 2), "collector_id": "9", "response_status": "completed",
                "collection_mode": "default", "date_created": rfc(self.at(i), "+00:00"),
                "date_modified": rfc(self.at(i), "+00:00"), "analyze_url": "https://example.com/a",
                "pages": [{"id": "1", "questions": [
                    {"id": "2", "answers": [{"choice_id": "3"}]},
                    {"id": "4", "answers": [{"text": self.text(i)}]}]}]}

    def list(self, ask, found):
        page, size = int(ask.query.get("page", 1)), int(ask.query["per_page"])
        query = urllib.parse.urlencode({**ask.query, "page": page + 1})
        links = {"self": "x"}
        if size * page < len(found):
            links["next"] = f"https://api.surveymonkey.com{ask.path}?{query}"
        return {"per_page": size, "total": len(found), "page": page, "links": links,
                "data": found[size * (page - 1):size * page]}

    def answer(self, ask):
        if ask.path == "/v3/surveys":
            surveys = [{"id": str(i), "title": "만족도"} for i in range(1, 3)]
            return self.list(ask, surveys)
        survey = ask.path.split("/")[3]
        since = local(ask.query["start_modified_at"])
        found = [r for r in self.items[::-1] if r["survey_id"] == survey and seconds(r["date_modified"]) > since]
        preview = [{**found[0], "id": "1" + survey, "collection_mode": "preview"}] if found else []
        return self.list(ask, preview + found)

    def records(self):
        return {r["id"]: {"text": self.text(i), "status": "completed", "kind": "survey"}
                for i, r in enumerate(self.items)}


class Delighted(Fixture):
    """UNVERIFIED but for the list. A key without a password; the list itself is the answer."""
    preset, n, secrets = "unverified/delighted", 230, {"key": "k3y"}

    def item(self, i):
        return {"id": str(60 + i), "person": "11", "score": i % 11, "comment": self.text(i) if i % 4 else None,
                "created_at": self.at(i), "updated_at": self.at(i)}

    def allowed(self, ask):
        return basic(ask).split(":")[0] == "k3y"

    def answer(self, ask):
        found = [r for r in self.items if r["updated_at"] >= int(ask.query["updated_since"])]
        page, size = int(ask.query["page"]), int(ask.query["per_page"])
        return found[size * (page - 1):size * page]

    def records(self):
        return {r["id"]: ({"text": r["comment"]} if r["comment"] else {"kind": "survey"}) for r in self.items}


# --- reviews ---

class GooglePlay(Fixture):
    """A service account; `reviews` is missing when there are none; the developer's comment may stand
    before the user's; seconds are text."""
    preset, token_path = "google-play", "/token"
    cfg = {"package": "com.example.app", "account": "svc@example.iam"}

    def token(self, ask):
        given = form(ask)
        claims = given["assertion"].split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
        if claims["iss"] != "svc@example.iam" or "androidpublisher" not in claims["scope"] or \
                claims["exp"] - claims["iat"] > 3600:
            return Reply({"error": "invalid_grant"}, 400)
        self.tokens += 1
        return {"access_token": f"access-{self.tokens}", "expires_in": 3599, "token_type": "Bearer"}

    def allowed(self, ask):
        return ask.headers.get("authorization") == f"Bearer access-{self.tokens}"

    def item(self, i):
        user = {"userComment": {"text": self.text(i), "starRating": 1 + i % 5, "reviewerLanguage": "ko",
                                "appVersionName": "1.2", "lastModified": {"seconds": str(self.at(i)), "nanos": 5}}}
        developer = {"developerComment": {"text": "감사합니다", "lastModified": {"seconds": str(self.at(i))}}}
        return {"reviewId": f"gp:{i}", "authorName": "김",
                "comments": [developer, user] if i % 3 == 0 else [user, developer] if i % 3 == 1 else [user]}

    def answer(self, ask):
        at = int(ask.query.get("token", 0))
        shown = self.items[::-1][at:at + 50]
        answer = {"reviews": shown} if shown else {}
        return {**answer, "tokenPagination": {"nextPageToken": str(at + 50)}} if at + 50 < len(self.items) else answer

    def records(self):
        return {r["reviewId"]: {"text": self.text(i), "kind": "review"} for i, r in enumerate(self.items)}


class AppStoreConnect(Fixture):
    """A token of our own signing; times in the zone of the reviewer; links to the next page."""
    preset, n = "app-store-connect", 420
    cfg = {"app": "1", "issuer": "iss-1", "key_id": "K1"}

    def allowed(self, ask):
        head, claims = (json.loads(base64.urlsafe_b64decode(p + "=" * (-len(p) % 4)))
                        for p in ask.headers["authorization"].removeprefix("Bearer ").split(".")[:2])
        return (head["alg"], head["kid"], claims["iss"], claims["aud"]) == \
            ("ES256", "K1", "iss-1", "appstoreconnect-v1") and claims["exp"] - time.time() <= 1200

    def item(self, i):
        return {"type": "customerReviews", "id": f"0000-{i}", "attributes": {
            "rating": 1 + i % 5, "title": f"제목 {i}", "body": self.text(i), "reviewerNickname": "김",
            "createdDate": rfc(self.at(i), "-08:00" if i % 2 else "+09:00"), "territory": "KOR"}}

    def answer(self, ask):
        at, found = int(ask.query.get("cursor", 0)), self.items[::-1]
        links = {"self": self.url + ask.target}
        if at + 200 < len(found):
            links["next"] = f"{self.url}{ask.path}?{urllib.parse.urlencode({**ask.query, 'cursor': at + 200})}"
        return {"data": found[at:at + 200], "links": links, "meta": {"paging": {"total": len(found), "limit": 200}}}

    def records(self):
        return {r["id"]: {"text": self.text(i), "title": f"제목 {i}", "kind": "review"} for i, r in enumerate(self.items)}


class AppStore(Fixture):
    """UNVERIFIED. Everything is a label; the app's own entry stands among the reviews; the last page
    has one entry, which is no list; the eleventh page is 400."""
    preset, n = "unverified/app-store", 436
    cfg = {"app": "1"}

    def allowed(self, ask):
        return True

    def item(self, i):
        return {"id": {"label": str(i)}, "im:rating": {"label": str(1 + i % 5)}, "im:version": {"label": "2.0"},
                "title": {"label": f"제목 {i}"}, "content": {"label": self.text(i), "attributes": {"type": "text"}},
                "author": {"name": {"label": "김"}}, "updated": {"label": rfc(self.at(i), "-07:00")}}

    def answer(self, ask):
        page = int(ask.path.split("page=")[1].split("/")[0])
        if page > 10:
            return Reply(b"CustomerReviews RSS page depth is limited to 10", 400)
        found = self.items[::-1]
        shown = found[50 * (page - 1):50 * page]
        if page == 1:
            shown = [{"im:name": {"label": "앱"}, "id": {"label": "app"}}] + shown
        if page == 9:
            shown = shown[:1]
        return {"feed": {"entry": shown[0] if len(shown) == 1 else shown} if shown else {"title": {"label": "x"}}}

    def records(self):
        deepest = self.n - 401                        # what is pushed out later was read before
        return {r["id"]["label"]: {"text": self.text(i), "title": f"제목 {i}"}
                for i, r in enumerate(self.items) if i >= deepest}


class Trustpilot(OAuth):
    """UNVERIFIED but for the token, whose expires_in is text. Pages past the last are empty."""
    preset, n = "unverified/trustpilot", 230
    token_path = "/v1/oauth/oauth-business-users-for-applications/accesstoken"
    cfg, secrets = {"unit": "u1", "client": "client-1"}, {"key": "s3cret-of-the-client"}
    by_basic, fields = True, {"expires_in": "359999"}

    def item(self, i):
        return {"id": f"tp{i}", "stars": 1 + i % 5, "title": f"제목 {i}", "text": self.text(i), "language": "ko",
                "createdAt": rfc(self.at(i)), "consumer": {"id": "c", "displayName": "김"}}

    def answer(self, ask):
        page, size = int(ask.query["page"]), int(ask.query["perPage"])
        return {"reviews": self.items[::-1][size * (page - 1):size * page], "links": []}

    def records(self):
        return {r["id"]: {"text": self.text(i), "title": f"제목 {i}"} for i, r in enumerate(self.items)}


# --- places where people write ---

class Slack(Bearer):
    """Errors come as 200 with ok: false; newest first within a page of a walk; the next cursor is empty
    text at the end; joins and bots write too."""
    preset, n = "slack", 460
    cfg = {"channels": "C1,C2"}
    limit = (200, {}, {"ok": False, "error": "ratelimited"})

    def item(self, i):
        return {"type": "message", "ts": f"{self.at(i)}.{i:06d}", "user": "U1", "text": self.text(i),
                "channel": f"C{1 + i % 2}"}

    def answer(self, ask):
        oldest, at = float(ask.query["oldest"]), int(ask.query.get("cursor", 0))
        found = [m for m in self.items[::-1] if m["channel"] == ask.query["channel"] and float(m["ts"]) > oldest]
        noise = [{"type": "message", "subtype": "channel_join", "ts": f"{self.begin}.1", "user": "U2", "text": "x"},
                 {"type": "message", "bot_id": "B1", "ts": f"{self.begin}.2", "text": "봇"}] if at == 0 else []
        more = at + 100 < len(found)
        return {"ok": True, "messages": found[at:at + 100] + noise, "has_more": more,
                "response_metadata": {"next_cursor": str(at + 100) if more else ""}}

    def records(self):
        return {m["ts"]: {"text": m["text"], "kind": "social"} for m in self.items}


class GitHub(Bearer):
    """Pull requests are issues too; a limit is 403; `since` is inclusive; sorted by update, so that the
    list shifts while it is read."""
    preset, n = "github", 230
    cfg = {"owner": "acme", "name": "shop"}
    limit = (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": lambda: int(time.time()), "Retry-After": "0"},
             {"message": "API rate limit exceeded"})

    def item(self, i):
        return {"id": 40000 + i, "number": i + 1, "title": f"제목 {i}", "body": self.text(i) if i % 9 else None,
                "state": "open", "user": {"login": "kim"}, "labels": [{"name": "bug"}], "html_url": "https://x",
                "created_at": rfc(self.at(i)), "updated_at": rfc(self.at(i)),
                **({"pull_request": {"url": "x"}} if i % 10 == 3 else {})}

    def answer(self, ask):
        if self.pages == 2:
            self.items[5]["updated_at"] = rfc(self.at(self.n))
        found = sorted((i for i in self.items if i["updated_at"] >= ask.query["since"]),
                       key=lambda i: (i["updated_at"], i["id"]))
        page, size = int(ask.query["page"]), int(ask.query["per_page"])
        return Reply(found[size * (page - 1):size * page], 200, {"X-RateLimit-Remaining": "55"})

    def records(self):
        return {str(x["id"]): {"title": x["title"], "text": x["body"] or x["title"]}
                for x in self.items if "pull_request" not in x}


FIXTURES = [Zendesk, Intercom, HelpScout, Front, Zammad, RequestTracker, Redmine, Freshdesk, Chatwoot, ChannelTalk,
            Cafe24, NaverCommerce, Typeform, GoogleForms, Formbricks, SurveyMonkey, Delighted, GooglePlay,
            AppStoreConnect, AppStore, Trustpilot, Slack, GitHub]
