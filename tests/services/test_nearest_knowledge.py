"""How chunks are replaced, given embeddings and found by them: in the same order on every backend, in little memory."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from dbkit.config import DatabaseConfig
from services.errors import Conflict, Invalid, NotFound
from services.knowledge.models import Base, Resource, ResourceKind
from services.knowledge.nearest import Query
from services.knowledge.store import KnowledgeStore, Piece
from tests.driving import on_every_driver
from tests.services.clocks import SECOND, Clock

pytestmark = pytest.mark.driven

ROOT = Path(__file__).resolve().parents[2]
USER = uuid.UUID(int=900)

Hold = Callable[..., list[uuid.UUID]]


@pytest.fixture
def store(migrated: sa.Engine) -> KnowledgeStore:
    """Give a store whose clock goes a second further each time it is read."""
    return KnowledgeStore(lambda: Session(migrated), clock=Clock(step=SECOND))


@pytest.fixture
def add(store: KnowledgeStore) -> Callable[..., Resource]:
    """Give what adds a resource of its own."""

    def add(**values: Any) -> Resource:
        return store.add_resource(str(uuid.uuid4()), kind=ResourceKind.BOOK, title="A", added_by=USER, **values)

    return add


@pytest.fixture
def hold(store: KnowledgeStore, add: Callable[..., Resource]) -> Hold:
    """Give what makes a resource whose chunks have these embeddings, and gives their keys."""

    def hold(model: str, vectors: Sequence[Sequence[float]], **values: Any) -> list[uuid.UUID]:
        chunks = store.replace_chunks(add(**values).id, [Piece(body="…", token_count=1) for _ in vectors])
        store.set_embeddings({chunk.id: vector for chunk, vector in zip(chunks, vectors, strict=True)}, model=model)
        return [chunk.id for chunk in chunks]

    return hold


@on_every_driver
def test_chunks_are_replaced_all_together_and_read_in_order(
    store: KnowledgeStore, add: Callable[..., Resource]
) -> None:
    resource = add()
    store.replace_chunks(resource.id, [Piece(body="old", token_count=1)])

    made = store.replace_chunks(
        resource.id, [Piece(body=f"{n}", token_count=n, heading="H", pages=(n, n + 1)) for n in range(3)]
    )
    first = store.chunks(resource.id, limit=2)
    second = store.chunks(resource.id, limit=2, cursor=first.cursor)

    for chunks in (made, [*first.items, *second.items]):
        assert [(chunk.position, chunk.body, chunk.heading, chunk.pages) for chunk in chunks] == [
            (1, "0", "H", [0, 1]),
            (2, "1", "H", [1, 2]),
            (3, "2", "H", [2, 3]),
        ]
        assert [(chunk.embedding, chunk.embedding_model) for chunk in chunks] == [(None, None)] * 3
    assert store.resource(resource.id).updated_at == resource.updated_at
    with pytest.raises(NotFound, match="no resource"):
        store.replace_chunks(uuid.uuid4(), [])
    with pytest.raises(Invalid, match="heading: "):
        store.replace_chunks(resource.id, [Piece(body="", token_count=1, heading="x" * 301)])
    with pytest.raises(Invalid, match="pages: "):
        store.replace_chunks(resource.id, [Piece(body="", token_count=1, pages=(2**31,))])
    assert len(store.chunks(resource.id).items) == 3


@on_every_driver
def test_chunks_that_are_cited_go_only_where_that_is_said(store: KnowledgeStore, add: Callable[..., Resource]) -> None:
    resource, document_id = add(), uuid.uuid4()
    chunk = store.replace_chunks(resource.id, [Piece(body="old", token_count=1)])[0]
    store.cite(chunk.id, document_id=document_id, marker="[1]", quote="old", created_by=USER)

    with pytest.raises(Conflict, match="has 1 citations, which would go with its chunks"):
        store.replace_chunks(resource.id, [])
    assert [found.id for found in store.chunks(resource.id).items] == [chunk.id]

    assert store.replace_chunks(resource.id, [], drop_citations=True) == []
    assert store.citations_in(document_id).items == ()


@on_every_driver
def test_embeddings_are_kept_to_the_last_bit_all_or_none(store: KnowledgeStore, add: Callable[..., Resource]) -> None:
    chunks = store.replace_chunks(add().id, [Piece(body="…", token_count=1) for _ in range(2)])
    one, other = (chunk.id for chunk in chunks)
    vector = [0.1 + 0.2, 5e-324, -1.7976931348623157e308, 1.0]

    store.set_embeddings({one: vector}, model="m")
    with pytest.raises(NotFound, match="no chunk"):
        store.set_embeddings({other: vector, uuid.uuid4(): vector}, model="m")
    with pytest.raises(Invalid, match="vectors: they are of 1 and of 2 numbers"):
        store.set_embeddings({one: [1.0], other: [1.0, 2.0]}, model="m")
    with pytest.raises(Invalid, match="embedding_model: "):
        store.set_embeddings({one: vector}, model="x" * 81)

    found = store.chunks(chunks[0].resource_id).items
    assert [(chunk.embedding, chunk.embedding_model) for chunk in found] == [(vector, "m"), (None, None)]


@pytest.mark.parametrize(
    "vector",
    [[], [float("nan")], [1.0, float("inf")], [1.0, None], ["x"], pytest.param([1.0] * 16_385, id="too many")],
    ids=repr,
)
@on_every_driver
def test_what_is_no_vector_is_refused(store: KnowledgeStore, vector: list[Any]) -> None:
    with pytest.raises(Invalid) as kept:
        store.set_embeddings({uuid.uuid4(): vector}, model="m")
    with pytest.raises(Invalid) as asked:
        store.nearest(vector, model="m")

    assert (kept.value.field, asked.value.field) == ("vectors", "embedding")


@on_every_driver
def test_the_nearest_come_first_and_equals_by_their_keys(store: KnowledgeStore, hold: Hold) -> None:
    model = uuid.uuid4().hex
    vectors = [[1, 0], [0, 1], [-1, 0], [2, 0], [1, 1], [0, 0], [1, 0, 0], [1e-320, 0], [1e308, 1e308], [0.5, 0]]
    keys = hold(model, [[float(value) for value in vector] for vector in vectors[:6]])
    keys += hold(model, [[1.0, 0.0, 0.0]])
    keys += hold(model, vectors[7:])

    hits = store.nearest([3.0, 0.0], model=model, batch=3)

    number = {key: place for place, key in enumerate(keys)}
    same = sorted((0, 3, 7, 9), key=lambda place: keys[place])
    half = sorted((4, 8), key=lambda place: keys[place])
    assert [number[hit.chunk.id] for hit in hits] == [*same, *half, 1, 2]
    near = pytest.approx(math.sqrt(0.5), abs=1e-15)
    assert [hit.similarity for hit in hits] == [1.0, 1.0, 1.0, 1.0, near, near, 0.0, -1.0]
    assert [hit.chunk.id for hit in store.nearest([3.0, 0.0], model=model, limit=3)] == [keys[n] for n in same[:3]]
    assert store.nearest([3.0, 0.0], model="another") == []


@on_every_driver
def test_the_order_and_the_numbers_are_the_same_everywhere(store: KnowledgeStore, hold: Hold) -> None:
    model, dice = uuid.uuid4().hex, Random(7)
    vectors = [[dice.uniform(-1, 1) for _ in range(64)] for _ in range(300)]
    keys = hold(model, vectors)

    hits = store.nearest([dice.uniform(-1, 1) for _ in range(64)], model=model, limit=5, batch=64)

    assert [(keys.index(hit.chunk.id), hit.similarity.hex()) for hit in hits] == FOUND


# what exact arithmetic gives, to within the last bit
FOUND = [
    (226, "0x1.4d69bf7a914bap-2"),
    (264, "0x1.2fed7b0939ec9p-2"),
    (125, "0x1.28589f7b84782p-2"),
    (174, "0x1.1b86d57953af4p-2"),
    (272, "0x1.f611940490cb3p-3"),
]


@on_every_driver
def test_private_chunks_are_found_for_their_project_alone(store: KnowledgeStore, hold: Hold) -> None:
    model, mine = uuid.uuid4().hex, uuid.uuid4()
    public = hold(model, [[1.0, 0.0]], project_id=uuid.uuid4())
    private = hold(model, [[1.0, 1.0]], project_id=mine, is_public=False)
    hold(model, [[1.0, 2.0]], project_id=uuid.uuid4(), is_public=False)

    assert [hit.chunk.id for hit in store.nearest([1.0, 0.0], model=model)] == public
    assert [hit.chunk.id for hit in store.nearest([1.0, 0.0], model=model, project_id=mine)] == public + private


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 201}, "limit"),
        ({"batch": 0}, "batch"),
        ({"batch": 5001}, "batch"),
        ({"embedding": [0.0, 0.0]}, "embedding"),
    ],
)
@on_every_driver
def test_a_search_out_of_range_is_refused(store: KnowledgeStore, values: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        store.nearest(**{"embedding": [1.0], "model": "m", **values})

    assert caught.value.field == field


MEASURE = """
import json, resource, sys, time, tracemalloc

from sqlalchemy.orm import Session

from dbkit.config import DatabaseConfig
from services.knowledge.store import KnowledgeStore

engine = DatabaseConfig.from_env(environ={"DATABASE_TYPE": "sqlite", "DATABASE_SQLITE_PATH": sys.argv[1]}).create_engine()
store, asked = KnowledgeStore(lambda: Session(engine)), json.loads(sys.stdin.read())
store.nearest(asked, model="none")
before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
hits = store.nearest(asked, model="m", limit=100)
seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
tracemalloc.start()
store.nearest(asked, model="few", limit=100)
traced = tracemalloc.get_traced_memory()[1]
found = [[hit.chunk.position, hit.similarity] for hit in hits]
print(json.dumps({"hits": found, "seconds": seconds, "grown": (after - before) * 1024, "traced": traced}))
"""
# 100 chunks become 10,000 of one model, and 2,000 of another, without a word of the types in between
MULTIPLY = """
INSERT INTO chunks (id, resource_id, position, body, token_count, embedding, embedding_model)
WITH RECURSIVE times (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM times WHERE n < 120)
SELECT printf('%032x', n * 100 + position), resource_id, n * 100 + position, '', 0, embedding,
       CASE WHEN n > 100 THEN 'few' ELSE 'm' END
FROM times, chunks
"""


@pytest.mark.sqlite
def test_ten_thousand_chunks_are_searched_in_less_than_a_hundred_megabytes(tmp_path: Path) -> None:
    file, dice = str(tmp_path / "chunks.db"), Random(1)
    environ = {"DATABASE_TYPE": "sqlite", "DATABASE_SQLITE_PATH": file}
    engine = DatabaseConfig.from_env(environ=environ).create_engine()
    Base.metadata.create_all(engine)
    store = KnowledgeStore(lambda: Session(engine))
    resource = store.add_resource("", kind=ResourceKind.BOOK, title="A", added_by=USER)
    chunks = store.replace_chunks(resource.id, [Piece(body="", token_count=0) for _ in range(100)])
    vectors = [[dice.uniform(-1, 1) for _ in range(384)] for _ in chunks]
    store.set_embeddings({chunk.id: vector for chunk, vector in zip(chunks, vectors, strict=True)}, model="first")
    with engine.begin() as connection:
        connection.exec_driver_sql(MULTIPLY)
    engine.dispose()

    done = subprocess.run(
        [sys.executable, "-c", MEASURE, file],
        cwd=ROOT,
        input=json.dumps(vectors[6]),
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)

    assert found["hits"] == [[position, 1.0] for position in range(107, 10_107, 100)]
    assert (found["grown"] < 100_000_000, found["traced"] < 100_000_000) == (True, True), found


def test_a_cosine_is_within_its_bounds_however_long_or_short_the_vectors_are() -> None:
    lengths = (5e-324, 1e-300, 1e-160, 1.0, 1e160, 1.7976931348623157e308)

    found = {
        Query([one * part for part in (1.0, 0.5)]).similarity([other * part for part in (1.0, 0.5)])
        for one in lengths[1:]
        for other in lengths[1:]
    }

    assert found <= {1.0, 1 - 2**-53}
    assert Query([1.0, 0.0]).similarity([5e-324, 0.0]) == 1.0
    assert Query([1.0]).similarity([0.0]) is None
    assert Query([1.0]).similarity([1.0, 1.0]) is None
    assert Query([1.0, -1.0]).similarity([-1.0, 1.0]) == pytest.approx(-1.0, abs=1e-15)
