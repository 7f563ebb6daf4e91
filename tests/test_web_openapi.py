"""schemathesis against the OpenAPI document: what it describes, sent in every shape, answered as it says, without a 5xx."""

from __future__ import annotations

import json

import hypothesis
import pytest
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]


@schemathesis.serializer("application/x-ndjson")
def lines(_context, value):
    return value.encode("utf-8") if isinstance(value, str) else json.dumps(value).encode("utf-8")


@pytest.fixture(scope="session")
def described(server):
    return schemathesis.openapi.from_url(f"{server.url}/openapi.json")


SETTINGS = hypothesis.settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
OPERATIONS = [
    ("POST", "/v1/suggest"),
    ("POST", "/v1/query"),
    ("POST", "/v1/audit"),
    ("POST", "/v1/batch"),
    ("GET", "/v1/codes/{code}"),
    ("POST", "/fhir/$suggest"),
    ("GET", "/healthz"),
    ("GET", "/metrics"),
]


def test_every_operation_is_tried(described):
    documented = {(each.ok().method.upper(), each.ok().path) for each in described.get_all_operations()}
    assert documented == set(OPERATIONS)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_what_is_described_is_what_happens(described, method, path):
    operation = described[path][method]

    @SETTINGS
    @hypothesis.given(case=operation.as_strategy())
    def positive(case):
        answer = case.call()
        assert answer.status_code != 503, "nobody else uses this server"
        case.validate_response(answer, checks=CHECKS)

    @SETTINGS
    @hypothesis.given(case=operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE))
    def negative(case):
        case.call_and_validate(checks=CHECKS)

    positive()
    if operation.body and path != "/v1/batch":  # whose body is any text: what is wrong is told line by line, with 200
        negative()
