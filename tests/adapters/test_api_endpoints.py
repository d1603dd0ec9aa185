import pytest

from passerelle.domain.identity.permissions import Permission
from tests.adapters.plane import DIGEST, Plane
from tests.stories.office import ANSWER, QUESTION, ended, person

ADA = person("ada", "administrator")


@pytest.fixture
def plane() -> Plane:
    return Plane()


async def test_caller_learns_who_he_is_and_what_he_may_do(plane: Plane) -> None:
    key = await plane.key_of(ADA)
    response = await plane.call("GET", "me", key=key)
    assert response.status_code == 200
    assert response.json() == {
        "id": "per_ada",
        "name": "Ada",
        "kind": "person",
        "organisation": "acme",
        "team": "claims",
        "roles": ["administrator"],
        "permissions": sorted(Permission),
    }


async def test_use_cases_count_searchable_documents(plane: Plane) -> None:
    (shown,) = (await plane.as_role("end_user", "GET", "usecases")).json()
    assert (shown["documents"], shown["passages"]) == (1, 1)
    assert shown["knowledge_version"] == DIGEST
    assert shown["guards"] == ["personal_data", "injection"]
    assert (shown["kpi"]["baseline"], shown["kpi"]["target"]) == (0.2, 0.6)
    assert shown["roles"]["security"] == "Katherine"


async def test_documents_are_listed_with_the_reason_of_a_quarantine(plane: Plane) -> None:
    fees, damaged = (await plane.as_role("end_user", "GET", "documents/handbook")).json()
    assert (fees["path"], fees["status"], fees["passages"]) == ("a/fees.md", "indexed", 1)
    assert (damaged["status"], damaged["reason"]) == ("quarantined", "It is damaged.")


async def test_passage_is_shown_with_the_text_around_it(plane: Plane) -> None:
    shown = (await plane.as_role("end_user", "GET", "passages/handbook/psg_1")).json()
    assert shown["before"] + shown["text"] + shown["after"] == (
        "Fees\n\nIn 2026 the fee is 4 %. It is paid in March."
    )
    assert shown["end"] - shown["start"] == len(shown["text"])


@pytest.mark.parametrize(
    "path", ["passages/handbook/psg_2", "passages/other/psg_1", "documents/other", "exchanges/x"]
)
async def test_what_is_not_there_is_not_found(path: str, plane: Plane) -> None:
    response = await plane.as_role("administrator", "GET", path)
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


async def test_exchange_is_shown_whole_with_its_proof(plane: Plane) -> None:
    entry = await ended(plane.store, plane.clock, ADA)
    shown = (await plane.as_role("reviewer", "GET", "exchanges/exc_1")).json()
    assert (shown["question"], shown["answer"], shown["content"]) == (QUESTION, ANSWER, "shown")
    assert shown["route"] == "extractive/quotes"
    assert shown["citations"][0]["quote"] == "The fee is 4 %"
    assert shown["claims"][0] == {
        "start": 0,
        "end": 17,
        "verdict": "supported",
        "score": 0.9,
        "citation": 1,
    }
    assert shown["guards"][0]["findings"] == [{"kind": "email", "start": 3, "end": 9}]
    assert shown["proof"]["hash"] == entry.hash
    assert shown["proof"]["checkpoint_size"] == 2  # the reading is on record already
    assert len(shown["proof"]["inclusion"]) == 1
    assert [event["event"] for event in shown["events"]] == ["exchange.ended"]


async def test_developer_gets_citations_without_quotes(plane: Plane) -> None:
    await ended(plane.store, plane.clock, ADA)
    response = await plane.as_role("developer", "GET", "exchanges/exc_1")
    assert response.json()["content"] == "hidden"
    assert response.json()["citations"][0]["passage"] == "psg_1"
    assert ANSWER not in response.text
    assert QUESTION not in response.text
    assert "The fee is" not in response.text


async def test_exchanges_are_paged(plane: Plane) -> None:
    for number in range(3):
        await ended(plane.store, plane.clock, ADA, f"exc_{number}")
    key = await plane.key_of(ADA)
    first = (await plane.call("GET", "exchanges?limit=2", key=key)).json()
    assert [item["exchange_id"] for item in first["items"]] == ["exc_2", "exc_1"]
    last = (await plane.call("GET", f"exchanges?before={first['next_before']}", key=key)).json()
    assert [item["exchange_id"] for item in last["items"]] == ["exc_0"]
    assert last["next_before"] is None


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "before=0", "before=-1"])
async def test_page_that_cannot_be_is_refused_with_the_name_of_the_field(
    query: str, plane: Plane
) -> None:
    response = await plane.as_role("administrator", "GET", f"exchanges?{query}")
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
    assert query.partition("=")[0] in response.json()["detail"]


async def test_flag_is_raised_and_listed(plane: Plane) -> None:
    await ended(plane.store, plane.clock, ADA)
    body = {"exchange_id": "exc_1", "reason": "unsupported", "comment": "Says who?"}
    made = await plane.as_role("administrator", "POST", "flags", json=body)
    assert made.status_code == 201
    found = (await plane.as_role("reviewer", "GET", "flags")).json()
    assert found == [made.json() | {"usecase": "handbook", "status": "open", "review": None}]
    listed = (await plane.as_role("developer", "GET", "exchanges")).json()
    assert listed["items"][0]["flagged"] is True


async def test_key_is_made_shown_once_used_and_revoked(plane: Plane) -> None:
    body = {"label": "job", "kind": "service", "roles": ["end_user"], "expires_in_days": 7}
    made = await plane.as_role("administrator", "POST", "keys", json=body)
    assert made.status_code == 201
    key = made.json()["key"]
    assert (await plane.call("GET", "me", key=key)).json()["roles"] == ["end_user"]
    listed = await plane.as_role("security", "GET", "keys")
    assert key.split("-")[3] not in listed.text
    public_id = made.json()["public_id"]
    gone = await plane.as_role("security", "DELETE", f"keys/{public_id}")
    assert (gone.status_code, gone.json()["revoked_at_ms"]) == (200, plane.clock.now_ms())
    assert (await plane.call("GET", "me", key=key)).status_code == 401


async def test_ledger_states_its_head_and_is_found_whole(plane: Plane) -> None:
    await ended(plane.store, plane.clock, ADA)
    head = (await plane.as_role("compliance", "GET", "ledger")).json()
    found = (await plane.as_role("compliance", "POST", "ledger/verifications")).json()
    assert head["entries"] == head["checkpoint"]["size"] == found["entries"] == 1
    assert head["root"] == found["root"]
    assert (found["ok"], found["faults"]) == (True, [])


async def test_damaged_ledger_is_found_damaged_although_nothing_can_be_added(
    plane: Plane,
) -> None:
    await ended(plane.store, plane.clock, ADA)
    (entry,) = plane.store.ledger._entries
    plane.store.ledger._entries = [entry._replace(principal="per_eve")]
    plane.store.ledger.close()
    found = (await plane.as_role("security", "POST", "ledger/verifications")).json()
    assert found["ok"] is False
    assert "entry 1" in found["faults"][0]


async def test_providers_show_how_their_targets_stand_and_no_key(plane: Plane) -> None:
    (shown,) = (await plane.as_role("developer", "GET", "providers")).json()
    assert (shown["name"], shown["address"], shown["has_key"]) == ("openai", "api.openai.com", True)
    (target,) = shown["targets"]
    assert (target["model"], target["circuit"]) == ("gpt-5", "closed")
    assert target["routes"] == ["handbook@pilot"]
    assert "api_key" not in shown


async def test_traffic_is_shown_by_minute(plane: Plane) -> None:
    (minute,) = (await plane.as_role("security", "GET", "traffic")).json()
    assert (minute["exchanges"], minute["refused"], minute["tokens"]) == (3, 1, 360)
    assert (await plane.as_role("end_user", "GET", "traffic")).status_code == 403
