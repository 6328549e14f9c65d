"""/openapi.json against the routes as they behave, and the pages that show it."""
import gzip
import json
import re
import urllib.parse

import jsonschema
import pytest

from conftest import KEY

JSON = {"Content-Type": "application/json"}
METHODS = {"get", "put", "post", "delete", "patch"}
TEXT_TYPES = ("text/css; charset=utf-8", "text/javascript; charset=utf-8")


@pytest.fixture(scope="module")
def document(gateway):
    status, headers, body = gateway.call("/openapi.json", key=None)
    assert status == 200 and headers["content-type"] == "application/json"
    return json.loads(body)


def operations(document):
    for path, item in document["paths"].items():
        assert set(item) <= METHODS, path
        for method, operation in item.items():
            yield path, method, operation


def every(value, name):
    """All values below `value` of members called `name`."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == name:
                yield inner
            yield from every(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from every(inner, name)


def resolve(document, reference):
    assert reference.startswith("#/"), reference
    place = document
    for part in reference[2:].split("/"):
        place = place[urllib.parse.unquote(part).replace("~1", "/").replace("~0", "~")]
    return place


def test_the_document_has_the_shape_of_openapi_3_1(document):
    assert document["openapi"] == "3.1.0"
    assert set(document) == {"openapi", "info", "servers", "tags", "paths", "components"}
    assert document["info"]["title"] and re.match(r"\d+\.\d+\.\d+", document["info"]["version"])
    tags = [tag["name"] for tag in document["tags"]]
    assert len(set(tags)) == len(tags)
    schemes = document["components"]["securitySchemes"]
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        assert operation["summary"] and set(operation["tags"]) <= set(tags), where
        placeholders = re.findall(r"{(\w+)}", path)
        declared = [(p["name"], p["in"], p["required"]) for p in operation.get("parameters", [])]
        assert declared == [(name, "path", True) for name in placeholders], where
        for requirement in operation["security"]:
            assert set(requirement) <= set(schemes), where
        for status, response in operation["responses"].items():
            assert re.fullmatch(r"[1-5]\d\d|default", status) and response["description"], where
            for content in response.get("content", {}).values():
                assert content["schema"], where
        assert any(status[0] == "2" for status in operation["responses"]), where


def test_every_reference_leads_somewhere_and_every_schema_is_one(document):
    references = set(every(document, "$ref"))
    assert len(references) > 20
    for reference in references:
        assert resolve(document, reference)
    for name, schema in document["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema, name


def test_operation_ids_are_unique(document):
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z][A-Za-z0-9]+", one) for one in ids)


def test_every_operation_says_who_may_call_it_and_how_it_fails(document):
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        responses = operation["responses"]
        error = responses["default"]["content"]["application/json"]["schema"]["$ref"]
        assert error.rsplit("/", 1)[1] in ("Error", "ErrorWithDetail", "AnthropicError"), where
        protected = bool(operation["security"])
        assert ("401" in responses) == (protected or path.startswith("/auth/")), where
        scopes = {scope for requirement in operation["security"] for given in requirement.values() for scope in given}
        assert ("403" in responses) == bool(scopes), where
        if path.startswith("/v1/"):
            assert len(scopes) == 1, where
        if path.startswith("/admin"):
            assert scopes == {"admin"}, where
        if "requestBody" in operation:
            assert {"400", "413"} <= set(responses), where


def concrete(path):
    return re.sub(r"{\w+}", "no-such-one", path)


def test_every_operation_exists_and_guards_itself_as_described(gateway, document):
    """Each is asked without a key: a protected one says 401 before all else, none says 405 or that it is unknown."""
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        body = b"" if "requestBody" in operation else None
        status, _, answer = gateway.call(concrete(path), body, method=method.upper(), key=None)
        if operation["security"]:
            assert status == 401, where
            check(document, operation, 401, answer)
        elif path == "/docs/assets/{name}":
            assert status == 404
            check(document, operation, 404, answer)
        else:
            assert status not in (401, 403, 404, 405), f"{where}: {status}"


@pytest.mark.parametrize("path", ["/admin/keys", "/v1/chat/completions", "/auth/token", "/health", "/v1/models/x"])
def test_methods_that_are_not_described_are_not_served(gateway, document, path):
    described = {method.upper() for method in document["paths"].get(path, document["paths"]["/v1/models/{id}"])}
    for method in {one.upper() for one in METHODS} - described:
        status, headers, _ = gateway.call(path, method=method)
        assert status == 405, method
        allowed = {one.strip() for one in headers["allow"].split(",")} - {"HEAD", "OPTIONS"}
        assert allowed == described


def test_a_path_that_is_not_described_is_not_there(gateway):
    for path in ("/", "/docs/", "/docs/assets", "/openapi.yaml", "/v1/nothing"):
        assert gateway.call(path)[0] == 404, path


def check(document, operation, status, body):
    """`body` is what the operation's description of `status` says."""
    described = operation["responses"][str(status)]["content"]["application/json"]["schema"]
    # The document itself is the root against which "#/components/..." is read.
    validator = jsonschema.Draft202012Validator({**described, "components": document["components"]})
    validator.validate(json.loads(body))


ANSWERS = [  # path as described, path as asked, method, body, status
    ("/live", "/live", "get", None, 200),
    ("/ready", "/ready", "get", None, 200),
    ("/admin/config", "/admin/config", "get", None, 200),
    ("/admin/config/reload", "/admin/config/reload", "post", None, 200),
    ("/v1/models", "/v1/models", "get", None, 200),
    ("/v1/models/{id}", "/v1/models/org%2Ftiny", "get", None, 200),
    ("/v1/models/{id}", "/v1/models/nobody", "get", None, 404),
    ("/v1/chat/completions", "/v1/chat/completions", "post", {"model": "tiny", "messages": []}, 200),
    ("/v1/chat/completions", "/v1/chat/completions", "post", {"model": "tiny"}, 400),
    ("/v1/chat/completions", "/v1/chat/completions", "post", {"model": "nobody", "messages": []}, 404),
    ("/v1/embeddings", "/v1/embeddings", "post", {"model": "tiny", "input": "x"}, 200),
    ("/v1/extract", "/v1/extract", "post", {"image_urls": []}, 400),
    ("/auth/token", "/auth/token", "post", {}, 415),
    ("/auth/refresh", "/auth/refresh", "post", {"refresh_token": "wrong"}, 401),
    ("/admin/keys", "/admin/keys", "get", None, 200),
    ("/admin/keys", "/admin/keys", "post", {"name": "described", "scopes": ["models:read"]}, 201),
    ("/admin/keys", "/admin/keys", "post", {"name": 7}, 400),
    ("/admin/keys/{id}", "/admin/keys/nothing", "delete", None, 404),
    ("/admin/users", "/admin/users", "get", None, 200),
    ("/admin/users", "/admin/users", "post", {"name": "described", "password": "correct horse battery", "scopes": ["models:read"]}, 201),
    ("/admin/users/{name}", "/admin/users/described", "patch", {"disabled": True}, 200),
    ("/admin/users/{name}", "/admin/users/described", "delete", None, 200),
]


@pytest.mark.parametrize("path, asked, method, body, status", ANSWERS, ids=lambda value: value if isinstance(value, (str, int)) else "")
def test_answers_are_as_described(gateway, document, path, asked, method, body, status):
    sent = json.dumps(body).encode() if body is not None else None
    got, _, answer = gateway.call(asked, sent, JSON if sent else None, method=method.upper())
    assert got == status, answer
    check(document, document["paths"][path][method], status, answer)


def test_health_is_as_described_in_good_days_and_bad(gateway, document):
    status, _, answer = gateway.call("/health", key=None)
    assert status == (503 if json.loads(answer)["status"] == "unhealthy" else 200)
    check(document, document["paths"]["/health"]["get"], status, answer)


def test_an_unchanged_document_is_not_sent_again(gateway):
    _, headers, _ = gateway.call("/openapi.json", key=None)
    status, again, body = gateway.call("/openapi.json", headers={"If-None-Match": headers["etag"]}, key=None)
    assert (status, body) == (304, b"") and again["etag"] == headers["etag"]


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
def test_a_page_loads_all_it_needs_from_this_gateway(gateway, page):
    status, headers, body = gateway.call(page, key=None)
    assert status == 200 and headers["content-type"] == "text/html; charset=utf-8"
    assert headers["x-content-type-options"] == "nosniff"
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert ("'unsafe-inline'" in policy["style-src"]) == (page == "/redoc")  # Redoc writes its styles into the page
    assert not any("http" in sources or "*" in sources for sources in policy.values())

    addresses = re.findall(r'(?:src|href)="([^"]+)"', body.decode())
    files = [address for address in addresses if not address.startswith("data:")]
    assert len(files) >= 2
    for file in files:
        assert file.startswith("docs/assets/"), file
        status, headers, plain = gateway.call("/" + file, key=None)
        assert status == 200 and headers["content-type"] in TEXT_TYPES
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "public, max-age=31536000, immutable"
        assert int(headers["content-length"]) == len(plain) > 0
        assert headers.get("content-encoding") is None


@pytest.mark.parametrize("name", ["swagger-ui.css", "swagger-ui-bundle.js", "redoc.standalone.js"])
def test_who_takes_gzip_gets_it(gateway, name):
    path = "/docs/assets/" + name
    _, plain_headers, plain = gateway.call(path, key=None)
    status, headers, packed = gateway.call(path, headers={"Accept-Encoding": "gzip, br"}, key=None)
    assert status == 200 and headers["content-encoding"] == "gzip" and headers["vary"] == "Accept-Encoding"
    assert gzip.decompress(packed) == plain and len(packed) < len(plain) / 2
    assert headers["etag"] != plain_headers["etag"]
    assert headers["cache-control"] == "no-cache"  # no version in the address
    for etag, encoding in ((headers["etag"], "gzip"), (plain_headers["etag"], "identity")):
        status, _, body = gateway.call(path, headers={"Accept-Encoding": encoding, "If-None-Match": etag}, key=None)
        assert (status, body) == (304, b"")


def test_the_licences_are_where_the_scripts_say(gateway):
    for name in ("swagger-ui-bundle.js", "redoc.standalone.js"):
        _, _, script = gateway.call("/docs/assets/" + name, key=None)
        assert f"{name}.LICENSE.txt" in script[:200].decode()
        status, headers, text = gateway.call(f"/docs/assets/{name}.LICENSE.txt", key=None)
        assert status == 200 and headers["content-type"] == "text/plain; charset=utf-8" and b"MIT" in text


def test_the_scripts_ask_for_nothing_outside(gateway):
    _, _, redoc = gateway.call("/docs/assets/redoc.standalone.js", key=None)
    assert b"cdn.redoc.ly" not in redoc
    assert not re.search(rb"sourceMappingURL=\S+\s*\Z", redoc)


def test_head_has_the_headers_and_no_body(gateway):
    status, headers, body = gateway.call("/docs/assets/swagger-ui.css", method="HEAD", key=None)
    assert status == 200 and body == b"" and int(headers["content-length"]) > 100_000


def test_no_file_outside_the_assets_can_be_had(gateway):
    for name in ("..%2Fopenapi.json", "%2e%2e", "..%2f..%2fetc%2fpasswd", "%00", "swagger-ui.css%00"):
        status, _, body = gateway.call("/docs/assets/" + name, key=None)
        assert status in (400, 404) and KEY not in body.decode(), name
